/** Decisions of governance as they are promised, and terms found as a pattern for each of them would. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { vectorsOf } from '../../../../test/vectors/vectors.ts';
import { countCharacters, wholeWord } from '../text/rules.ts';
import { decide, findBlocked, policyTerms } from './evaluate.ts';
import { foldOf } from './fold.ts';
import { findTerms } from './terms.ts';

const mode = z.enum(['PUBLIC', 'RAW']);
const TERMS = policyTerms(['kill', 'self-harm', 'hate', 'ethnic cleansing', 'bioweapon', 'how to make a bomb']);

const vectors = vectorsOf(
  'governance',
  z.object({
    candidate_output: z.string(),
    mode,
    allow: z.boolean(),
    policy_hits: z.array(z.string()),
    hits: z.array(z.object({ term: z.string(), start: z.number(), end: z.number(), matched_text: z.string() })),
  }),
);

test.each(vectors)('$mode of $candidate_output', (vector) => {
  const policy = { mode: vector.mode, version: 1, terms: TERMS };
  const { allow, policy_hits, decision_trace } = decide(policy, findBlocked(vector.candidate_output, policy));
  expect({ allow, policy_hits }).toEqual({ allow: vector.allow, policy_hits: vector.policy_hits });
  const hits = vector.hits.map((hit) => ({ ...hit, rule: 'blocked_terms', mode: vector.mode }));
  expect(decision_trace).toEqual({
    mode: vector.mode,
    policy_version: 1,
    hard_block_threshold: vector.mode === 'RAW' ? 999 : 1,
    redaction_style: vector.mode === 'RAW' ? '[FLAGGED]' : '[REDACTED]',
    mode_rationale:
      vector.mode === 'RAW' ? 'RAW allows flagged terms for research review' : 'PUBLIC blocks flagged terms',
    hits,
    allow,
  });
});

test('terms of a policy are in lower case, trimmed, unique and sorted by characters', () => {
  expect(policyTerms([' Kill ', 'kill', '\u{1f600}', '\uffee', 'Ab', '\u00a0', 'STRASSE'])).toEqual([
    'ab',
    'kill',
    'strasse',
    '\uffee',
    '\u{1f600}',
  ]);
});

test('positions are characters, and what was matched stands as it was written', () => {
  const policy = { mode: 'PUBLIC', version: 1, terms: ['σας'] } as const;
  expect(decide(policy, findBlocked('😀😀 ΣΑΣ', policy)).decision_trace.hits).toMatchObject([
    { term: 'σας', start: 3, end: 6, matched_text: 'ΣΑΣ' },
  ]);
});

test('of very many hits the first are told, and how many there are; all terms are', () => {
  const policy = { mode: 'PUBLIC', version: 1, terms: ['a', 'b'] } as const;
  const { policy_hits, decision_trace } = decide(policy, findBlocked('a b '.repeat(1_500), policy));
  expect(policy_hits).toEqual(['a', 'b']);
  expect(decision_trace.hits).toHaveLength(1_000);
  expect(decision_trace.hits.at(-1)).toMatchObject({ term: 'a', start: 3_996, end: 3_997 });
  expect(decision_trace.hit_count).toBe(3_000);
});

/** What a pattern for each term finds by itself. */
function naive(text: string, terms: readonly string[]) {
  return terms.flatMap((words, term) =>
    [...text.matchAll(wholeWord(words.replaceAll('.', '\\.')))].map(({ 0: matched_text, index }) => {
      const start = countCharacters(text.slice(0, index));
      return { term, start, end: start + countCharacters(matched_text), matched_text };
    }),
  );
}

test('finds what a pattern for each term finds', () => {
  const letter = fc.constantFrom(
    'a',
    'A',
    'b',
    ' ',
    '-',
    '_',
    '.',
    'ß',
    'ẞ',
    'ſ',
    's',
    'K',
    'k',
    'ı',
    'i',
    '😀',
    '𐐀',
    '𐐨',
  );
  const texts = fc.array(letter, { maxLength: 40 }).map((letters) => letters.join(''));
  const some = fc.array(
    fc.array(letter, { minLength: 1, maxLength: 4 }).map((letters) => letters.join('')),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(texts, some, (text, terms) => {
      expect(findTerms(text, terms, 100).found).toEqual(naive(text, terms));
    }),
    { numRuns: 300 },
  );
});

test('folds every character as a pattern with the flags i and u does', () => {
  const all = Array.from({ length: 0x110000 }, (_, point) => point)
    .filter((point) => point < 0xd800 || point > 0xdfff)
    .map((point) => String.fromCodePoint(point));
  const cased = all.filter((character) => /\p{Cased}|\p{CWCF}|\p{CWU}|\p{CWL}/u.test(character));
  const uncased = all.filter((character) => foldOf(character) !== character && !cased.includes(character));
  expect(uncased).toEqual([]);
  const text = cased.join('');
  const asFold = new Map(cased.map((character): [string, string] => [character, '']));
  for (const character of cased) {
    const fold = foldOf(character);
    expect(fold).toHaveLength(character.length);
    asFold.set(fold, (asFold.get(fold) ?? '') + character);
  }
  const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  for (const character of cased) {
    const taken = text.match(new RegExp(escaped(character), 'giu'))?.join('');
    expect(taken, character).toBe(asFold.get(foldOf(character)));
  }
});
