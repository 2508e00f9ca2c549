/** Decoding, conflict marks, segments, selections, tokens, file names, syllables and glyphs: the vectors, and what they leave open. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import { LEVELS } from '../documents/levels.ts';
import { atomsOf } from './atoms.ts';
import { hasConflictMarks } from './conflict.ts';
import { decodeText } from './decode.ts';
import { glyphOf, loadNames } from './glyphs.ts';
import { countCharacters, linesOf } from './rules.ts';
import { textSegments } from './segments.ts';
import { selectLevels } from './selection.ts';
import { syllablesOf } from './syllables.ts';
import { filenameOf, normalizedToken, stemToken } from './tokens.ts';

const level = z.enum(LEVELS);
const texts = z.array(z.string());

test.each(vectorsOf('decode', z.object({ bytes_hex: z.string(), text: z.string() })))(
  '$bytes_hex is decoded',
  (vector) => {
    expect(decodeText(Buffer.from(vector.bytes_hex, 'hex'))).toBe(vector.text);
  },
);

test('any bytes decode to what a decoder of Unicode finds, without its marks for what is none', () => {
  const mark = '\ufffd';
  // Bytes that begin or go on with characters, so that most sequences are nearly right.
  const byte = fc.constantFrom(
    0x41,
    0x80,
    0x9f,
    0xa0,
    0xbf,
    0xc1,
    0xc2,
    0xe0,
    0xe2,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
      const whole = Buffer.from(bytes).toString('utf8').replaceAll(mark, '');
      expect(decodeText(Uint8Array.from(bytes))).toBe(whole.replace(/^\ufeff/, ''));
    }),
    { numRuns: 2_000 },
  );
});

test.each(vectorsOf('conflict', z.object({ text: z.string(), conflict: z.boolean() })))(
  '$text: $conflict',
  (vector) => {
    expect(hasConflictMarks(vector.text)).toBe(vector.conflict);
  },
);

test('only an LF begins a line that may be a conflict mark', () => {
  expect(hasConflictMarks('a\r<<<<<<<')).toBe(false);
  expect(hasConflictMarks('a\u2028<<<<<<<')).toBe(false);
});

const segments = z.looseObject({ line_count: z.number(), char_count: z.number() });
test.each(vectorsOf('segments', z.object({ text: z.string(), segments })))('segments of $text', (vector) => {
  const text = vectorText(vector.text);
  const own = { line_count: text.split('\n').length, char_count: countCharacters(text), ...textSegments(text, false) };
  expect(own).toEqual(vector.segments);
});

describe('segments', () => {
  const headingsOf = (text: string): readonly string[] => textSegments(text, true).heading_candidates;

  test('lines in upper case and in title case are headings', () => {
    const lines = [
      'CHAPTER',
      'ǅungla Ǆ',
      'ß',
      "The Wizard'S Apprentice",
      "The Wizard's Apprentice",
      'ΣΑΣ',
      '12',
      'Éte été',
      ' A\u00a0',
      'ქართული',
    ];
    expect(headingsOf(lines.join('\n'))).toEqual(['CHAPTER', "The Wizard'S Apprentice", 'ΣΑΣ', '12', 'A', 'ქართული']);
    expect(headingsOf('x'.repeat(81))).toEqual([]);
    expect(headingsOf(`${'😀'.repeat(80)}\n${'😀'.repeat(81)}`)).toEqual(['😀'.repeat(80)]);
    expect(headingsOf('A\u2028B\u0085C\r\nD')).toEqual(['A', 'B', 'C', 'D']);
    expect(headingsOf(Array.from({ length: 200 }, (_, n) => `${n}`).join('\n'))).toHaveLength(100);
  });

  test('citations: numbers first, then names', () => {
    const { citation_markers } = textSegments(
      '(Smith,2020) [1] [1234] [ 2 ] (Smith,\u00a02021) (smith, 2020) (Ömer, 2020) [12]',
      true,
    );
    expect(citation_markers).toEqual(['[1]', '[12]', '(Smith,2020)', '(Smith,\u00a02021)']);
  });

  test('paragraphs are told with their true length and the first 160 characters', () => {
    const { paragraph_blocks, pdf_like_layout } = textSegments(`${'😀'.repeat(200)}\n \n${'a\n\n'.repeat(300)}`, true);
    expect(paragraph_blocks[0]).toEqual({ index: 1, char_count: 200, preview: '😀'.repeat(160) });
    expect(paragraph_blocks).toHaveLength(200);
    expect(pdf_like_layout).toBe(true);
  });

  test('lines are cut as JavaScript cuts by the same pattern', () => {
    const text = fc
      .array(fc.constantFrom('a', ' ', '\n', '\r', '\v', '\f', '\x1c', '\x85', '\u2028'))
      .map((some) => some.join(''));
    fc.assert(
      fc.property(text, (given) => {
        expect(linesOf(given)).toEqual(given.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/));
      }),
    );
  });
});

const asked = z.object({ atom_tracks: texts.nullable(), atom_levels: texts.nullable() });
const selected = asked.extend({ tracks: texts, levels: z.array(level) }).or(asked.extend({ detail: z.string() }));
test.each(vectorsOf('selection', selected))('selection $atom_tracks $atom_levels', (vector) => {
  if ('detail' in vector)
    expect(() => selectLevels(vector)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: vector.detail }),
    );
  else expect(selectLevels(vector)).toEqual({ tracks: vector.tracks, levels: vector.levels });
});

test('what is unknown is named once, as it was given', () => {
  const known = 'Known tracks: full, glyphic_seed, literary';
  expect(() => selectLevels({ atom_tracks: ['full', 'zz', ' Y', 'zz'] })).toThrow(
    `Unknown atom_tracks: ['zz', ' Y']. ${known}`,
  );
  expect(() => selectLevels({ atom_tracks: ['constructor'] })).toThrow(known);
  expect(selectLevels({ atom_tracks: ['full', 'Full'], atom_levels: [] }).tracks).toEqual(['full']);
});

test.each(vectorsOf('tokens', z.object({ content: z.string(), token: z.string() })))('token of $content', (vector) => {
  expect(normalizedToken(vector.content)).toBe(vector.token);
});

/** As the contract words it. */
function naiveToken(content: string): string {
  const ascii = content
    .normalize('NFKD')
    .replace(/[^\0-\x7f]/gu, '')
    .toLowerCase();
  return (ascii.replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '') || 'empty').slice(0, 48);
}

test('a token is what the contract says of any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (content) => {
      expect(normalizedToken(content)).toBe(naiveToken(content));
    }),
    { numRuns: 2_000 },
  );
  const rich = fc.array(fc.constantFrom('a', 'B', '-', '½', 'é', 'e\u0301', '한', '㎏', '…', '’', '😀'), {
    maxLength: 70,
  });
  fc.assert(
    fc.property(rich, (some) => {
      expect(normalizedToken(some.join(''))).toBe(naiveToken(some.join('')));
    }),
    { numRuns: 2_000 },
  );
});

const named = z.object({
  title: z.string(),
  level,
  ordinal: z.number(),
  content: z.string(),
  duplicate_index: z.number(),
  filename: z.string(),
});
test.each(vectorsOf('filenames', named))('$filename', ({ title, content, filename, ...atom }) => {
  expect(filenameOf(stemToken(title), { ...atom, token: normalizedToken(content) })).toBe(filename);
});

test.each(vectorsOf('syllables', z.object({ word: z.string(), syllables: texts })))('syllables of $word', (vector) => {
  expect(syllablesOf(vector.word)).toEqual(vector.syllables);
});

test('syllables are the word, also of characters of two units', () => {
  expect(syllablesOf('a𝒳e')).toEqual(['a', '𝒳e']);
  expect(syllablesOf('a𝒳𝒴e')).toEqual(['a𝒳', '𝒴e']);
  expect(syllablesOf('𝒳𝒴')).toEqual(['𝒳𝒴']);
  const word = fc.array(fc.constantFrom('a', 'Y', 'b', '-', 'é', '𝒳')).map((some) => some.join(''));
  fc.assert(
    fc.property(word, (given) => {
      expect(syllablesOf(given).join('')).toBe(given);
    }),
  );
});

const glyph = z.object({ character: z.string(), unicode_name: z.string(), position: z.number() });
const counted = z.object({
  text: z.string(),
  counts: z.record(level, z.number()),
  syllable: texts,
  word: texts,
  sentence: texts,
  paragraph: texts,
  glyphs: z.array(glyph),
});
test.each(vectorsOf('atoms', counted))('atoms of $text', async ({ text, counts, glyphs, ...contents }) => {
  const bytes = Buffer.from(vectorText(text));
  const listOf = (of: z.infer<typeof level>): string[] =>
    Array.from(atomsOf(vectorText(text), of), ({ start, end }) => bytes.toString('utf8', start, end));
  for (const of of LEVELS) expect(listOf(of)).toHaveLength(counts[of]);
  for (const of of ['syllable', 'word', 'sentence', 'paragraph'] as const) expect(listOf(of)).toEqual(contents[of]);
  const nameOf = await loadNames();
  const own = listOf('glyph-seed').slice(0, glyphs.length);
  expect(own.map((character, n) => glyphOf(character, n, nameOf))).toMatchObject(glyphs);
});

test('a letter has its sound, its history and its neighbours; another character its name alone', async () => {
  const nameOf = await loadNames();
  const upper = glyphOf('A', 0, nameOf);
  expect(upper).toMatchObject({ phoneme_hint: '/eɪ/', historic_forms: ['Α', 'א', '𐤀'], future_seeds: ['∆', 'Æ', 'Ω'] });
  expect(glyphOf('z', 7, nameOf)).toMatchObject({ phoneme_hint: '/z/', position: 7, future_seeds: ['∆', 'Æ', 'Ω'] });
  for (let place = 0; place < 26; place++) {
    const glyph = glyphOf(String.fromCharCode(65 + place), 0, nameOf);
    expect([glyph.historic_forms.length, glyph.future_seeds.length]).toEqual([3, 3]);
    expect(glyph.visual_mutations.length).toBeGreaterThan(0);
    expect([3, 4, 5]).toContain(glyph.thematic_tags.length);
    expect(glyph).toEqual({
      ...glyphOf(String.fromCharCode(97 + place), 0, nameOf),
      character: glyph.character,
      unicode_name: glyph.unicode_name,
      phoneme_hint: glyph.phoneme_hint,
    });
  }
  const none = { phoneme_hint: null, historic_forms: [], visual_mutations: [], thematic_tags: [], future_seeds: [] };
  expect(glyphOf('☲', 3, nameOf)).toEqual({ character: '☲', unicode_name: 'TRIGRAM FOR FIRE', position: 3, ...none });
  expect(glyphOf('\u0007', 0, nameOf).unicode_name).toBe('U+0007');
  expect(glyphOf('\u{10ffff}', 0, nameOf).unicode_name).toBe('U+10FFFF');
});
