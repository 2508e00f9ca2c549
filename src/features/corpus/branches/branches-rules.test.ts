/** Events, merges and comparison of branches against what clients have been promised, and in hostile texts. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import { Fault } from '../../../base/faults.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { firstCharacters, hashOf } from '../text/rules.ts';
import { distanceOf, previewOf } from './compare.ts';
import { eventHash } from './event-hash.ts';
import { applyEvent, eventNameOf, type Happened, type HashedText, validateEvent } from './events/apply.ts';
import type { Payload } from './events/event.ts';
import { MERGE_STRATEGIES } from './events/joining.ts';
import { countWords, mergeTexts } from './merge.ts';

const BYTES_MAX = 2 ** 26;
const hashed = (text: string): HashedText => ({ text, text_hash: hashOf(text) });
const happen = (word: string, payload: Payload, base: HashedText): Happened =>
  applyEvent(validateEvent({ event_type: eventNameOf(word), payload }), base, BYTES_MAX);
const faultOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (thrown) {
    return thrown instanceof Fault ? `${thrown.code} ${thrown.message}` : thrown;
  }
};

const event = z.object({
  text: z.string(),
  event_type: z.string(),
  payload_in: jsonObject,
  payload_validated: jsonObject,
  output: z.string(),
  text_hash: z.string(),
  diff_summary: jsonObject,
});
const chain = z.object({
  text: z.string(),
  events: z.array(z.object({ event_type: z.string(), event_payload: jsonObject })),
  text_hashes: z.array(z.string()),
  final_preview: z.string(),
});

describe('events of branches', () => {
  it.each(vectorsOf('events', event))('$event_type of $text, $payload_in', (vector) => {
    const base = hashed(vectorText(vector.text));
    const event_type = eventNameOf(vector.event_type);
    expect(validateEvent({ event_type, payload: vector.payload_in }).payload).toEqual(vector.payload_validated);
    const { text, text_hash, diff_summary } = happen(event_type, vector.payload_in, base);
    expect({ text, text_hash, diff_summary }).toEqual({
      text: vector.output,
      text_hash: vector.text_hash,
      diff_summary: vector.diff_summary,
    });
  });

  it.each(vectorsOf('event_faults', z.object({ event_type: z.string(), payload_in: jsonObject, detail: z.string() })))(
    '$event_type refuses $payload_in',
    ({ event_type, payload_in, detail }) => {
      expect(faultOf(() => happen(event_type, payload_in, hashed('x')))).toBe(`BAD_REQUEST ${detail}`);
    },
  );

  it.each(vectorsOf('chains', chain))(
    'follow one another from $text',
    ({ text, events, text_hashes, final_preview }) => {
      let base = hashed(vectorText(text));
      const hashes: string[] = [];
      for (const { event_type, event_payload } of events) {
        base = happen(event_type, event_payload, base);
        hashes.push(base.text_hash);
      }
      expect(hashes).toEqual(text_hashes);
      expect(previewOf(base.text)).toBe(final_preview);
    },
  );

  it.each([
    ['natural_drift', { seed: 1.5 }, 'seed must be a whole number'],
    ['natural_drift', { seed: null }, 'seed must be a whole number'],
    ['natural_drift', { seed: '1' }, 'seed must be a whole number'],
    ['synthetic_mutation', { mutation_rate: null }, 'mutation_rate must be between 0.0 and 1.0'],
    ['phase_shift', { acceleration: 0 }, 'acceleration must be above 0 and at most 100'],
    ['phase_shift', { acceleration: 100.5 }, 'acceleration must be above 0 and at most 100'],
    ['phase_shift', { phase: 7 }, "phase must be one of ['compression', 'expansion', 'peak', 'rebirth']"],
    ['glyph_fusion', { right: 3 }, 'glyph_fusion requires non-empty left/right/fused'],
    ['remix', { remixed_text: 3 }, 'remixed_text must be a string'],
    ['remix', { strategy: [] }, 'strategy must be a string'],
    ['merge', { merged_text: null }, 'merged_text must be a string'],
    ['merge', { strategy: 3 }, 'Unsupported merge strategy: 3'],
    ['merge', { conflict_semantics: [] }, 'conflict_semantics must be an object'],
    ['toString', {}, 'Unsupported event_type: toString'],
  ])('%s refuses %j', (event_type, payload, detail) => {
    expect(faultOf(() => happen(event_type, payload, hashed('x')))).toBe(`BAD_REQUEST ${detail}`);
  });

  it('keep a key of any name in the payload', () => {
    const payload = JSON.parse('{"__proto__": {"seed": 5}, "constructor": 1}') as Payload;
    const validated = validateEvent({ event_type: 'natural_drift', payload }).payload;
    expect(JSON.stringify(validated)).toBe('{"__proto__":{"seed":5},"constructor":1,"seed":0}');
  });

  it('write a seed as the whole number that it is', () => {
    const of = (seed: number) =>
      happen('synthetic_mutation', { seed, mutation_rate: 0.5 }, hashed('a b c d e f g')).text;
    expect(of(-0)).toBe(of(0));
    expect(of(1e21)).toBe(of(Number('1000000000000000000000')));
  });

  it('never make half a character, nor look for one', () => {
    const half = happen('glyph_fusion', { left: 'a', right: '\ud83d', fused: 'x' }, hashed('a😀'));
    expect(half.text).toBe('a😀');
    const made = happen('remix', { remixed_text: 'a\ud83d' }, hashed('x'));
    expect(made.text).toBe('a\ufffd');
    expect(made.text_hash).toBe(hashOf(made.text));
  });

  it('take runs of millions of letters beyond U+FFFF', () => {
    const text = `${'𝒳'.repeat(8_000_000)} 𝒳1`;
    const { diff_summary } = happen('synthetic_mutation', { mutation_rate: 1 }, hashed(text));
    expect(diff_summary).toMatchObject({ mutations: 1, after_chars: 4 });
  });

  it('take a dollar as a dollar', () => {
    expect(happen('glyph_fusion', { left: 'a', right: 'b', fused: "$&$'" }, hashed('abab')).text).toBe("$&$'$&$'");
  });

  it('refuse a text that would be too large, and do not make it', () => {
    const fused = 'y'.repeat(2 ** 20);
    expect(
      faultOf(() => happen('glyph_fusion', { left: 'x', right: 'x', fused }, hashed('x'.repeat(2 ** 20)))),
    ).toMatch(/^LIMIT_EXCEEDED .*INGEST_TEXT_BYTES/);
    const over = { event_type: 'remix', payload: { remixed_text: 'é'.repeat(6), seed: 0 } } as const;
    expect(faultOf(() => applyEvent(over, hashed(''), 11))).toMatch(/^LIMIT_EXCEEDED/);
    expect(applyEvent(over, hashed(''), 12).bytes).toBe(12);
  });
});

const merging = z.object({
  left: z.string(),
  right: z.string(),
  strategy: z.enum(MERGE_STRATEGIES),
  merged_hash: z.string(),
  merged_preview: z.string(),
  conflict_semantics: jsonObject,
});

describe('a merge', () => {
  it.each(vectorsOf('merge', merging))('of $left and $right by $strategy', (vector) => {
    const merged = mergeTexts(vectorText(vector.left), vectorText(vector.right), vector.strategy);
    expect(hashOf(merged.text)).toBe(vector.merged_hash);
    expect(firstCharacters(merged.text, 200)).toBe(vector.merged_preview);
    expect(merged.conflict_semantics).toEqual(vector.conflict_semantics);
  });

  it('tells of equal texts that they are', () => {
    const { text, conflict_semantics } = mergeTexts('a 😀 b', 'a 😀 b', 'left_wins');
    expect(text).toBe('a 😀 b');
    expect(conflict_semantics).toMatchObject({
      resolution: 'identical_inputs',
      inputs_identical: true,
      drops_non_selected_input: false,
      common_prefix_chars: 5,
      common_suffix_chars: 5,
    });
  });

  it('counts words that are more than it holds at a time', () => {
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');
    const counted = countWords(numbers(0, 1_500), numbers(1_000, 2_500), 100);
    expect(counted).toEqual({
      left_words: 1_500,
      right_words: 1_500,
      shared_word_count: 500,
      left_only_word_count: 1_000,
      right_only_word_count: 1_000,
    });
  });

  it('takes every blank, and nothing else, as one', () => {
    const { text } = mergeTexts('a\u3000b\u200bc\ufeff\u2028 d', '\u0085', 'interleave');
    expect(text).toBe('a b\u200bc\ufeff d');
  });

  it('counts whole characters only, where halves are equal', () => {
    // U+1F600 and U+1F601 begin with one unit; U+1F600 and U+1FA00 end with one.
    const { conflict_semantics } = mergeTexts('a😀', 'a😁', 'interleave');
    expect(conflict_semantics.common_prefix_chars).toBe(1);
    expect(mergeTexts('😀z', '\u{1fa00}z', 'interleave').conflict_semantics.common_suffix_chars).toBe(1);
  });
});

describe('comparison', () => {
  it.each(vectorsOf('distance', z.object({ left: z.string(), right: z.string(), distance: z.number() })))(
    'of $left and $right',
    ({ left, right, distance }) => {
      expect(distanceOf(left, right)).toBe(distance);
    },
  );
});

const told = z.object({
  branch_id: z.string(),
  event_index: z.literal(1),
  event_type: z.string(),
  payload_validated: jsonObject,
  text_hash: z.string(),
  event_hash: z.string(),
});

describe('the hash of an event', () => {
  it.each(vectorsOf('event_hash', told))('$event_type', ({ payload_validated: payload, event_hash, ...event }) => {
    expect(eventHash({ ...event, payload })).toBe(event_hash);
  });
});
