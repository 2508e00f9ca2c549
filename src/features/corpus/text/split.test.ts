/** Texts in stored blocks: what comes back, and that any change of one is found. */
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vectorText } from '../../../../test/vectors/vectors.ts';
import type { BlockRow } from '../documents/blocks.sql.ts';
import { LEVELS, type Level, type LevelMade } from '../documents/levels.ts';
import { atomView } from './atoms.ts';
import { ATOMS_PER_BLOCK, BlockAtoms, decodeBlock, encodeBlock, LevelDigest } from './blocks.ts';
import { loadNames } from './glyphs.ts';
import { paragraphsOf, sentencesOf, splitAtBlanks, wordsOf } from './rules.ts';
import { contentOf, digestsOf, placedAtoms, splitText } from './split.ts';
import { syllablesOf } from './syllables.ts';
import { normalizedToken, stemToken } from './tokens.ts';
import { VarintWriter } from './varints.ts';

/** The contents of a level, each made as the contract words it. */
const NAIVE: Readonly<Record<Level, (text: string) => string[]>> = {
  'glyph-seed': (text) => splitAtBlanks(text).flatMap((some) => [...some]),
  syllable: (text) => wordsOf(text).flatMap(syllablesOf),
  word: wordsOf,
  sentence: sentencesOf,
  paragraph: paragraphsOf,
};

interface Stored {
  readonly text: Buffer;
  readonly blocks: readonly BlockRow[];
  readonly made: readonly LevelMade[];
}

function storedOf(text: string, levels: readonly Level[] = LEVELS): Stored {
  const bytes = Buffer.from(text);
  const pieces = [...splitText({ text: bytes, levels })];
  return {
    text: bytes,
    blocks: pieces.flatMap(({ blocks }) => blocks),
    made: pieces.flatMap(({ made }) => made ?? []),
  };
}

const blocksOf = ({ blocks }: Stored, level: Level): BlockRow[] => blocks.filter((row) => LEVELS[row.level] === level);

/** Undefined where a block is not as it was written. */
function digestAgain({ text }: Stored, blocks: readonly BlockRow[]): string | undefined {
  const digest = new LevelDigest();
  for (const each of digestsOf({ blocks, text, origin: 0 })) {
    if (!each) return undefined;
    digest.add(each);
  }
  return digest.end();
}

const piece = fc.constantFrom(
  'a',
  'E',
  'th',
  'word',
  "don't",
  '-',
  ' ',
  '  ',
  '\n',
  '\n \n',
  '. ',
  '!',
  'é',
  'e\u0301',
  'ß',
  '—',
  '’',
  '東',
  '😀',
  '𝒳',
  '\u200b',
  '7',
);
const someText = fc.array(piece, { maxLength: 80 }).map((some) => some.join(''));

test('what is stored is what the contract says, place by place', () => {
  fc.assert(
    fc.property(someText, (text) => {
      const stored = storedOf(text);
      for (const { level, atoms, digest } of stored.made) {
        const blocks = blocksOf(stored, level);
        const contents = NAIVE[level](text);
        const placed = placedAtoms(blocks, { from: 1, to: contents.length + 1 });
        expect(placed.map((atom) => contentOf(atom, stored.text, 0))).toEqual(contents);
        expect(placed.map(({ ordinal }) => ordinal)).toEqual(contents.map((_, n) => n + 1));
        const seen = new Map<string, number>();
        for (const [n, content] of contents.entries()) {
          const token = normalizedToken(content);
          seen.set(token, (seen.get(token) ?? 0) + 1);
          expect(placed[n]?.duplicate_index).toBe(seen.get(token));
        }
        expect(atoms).toBe(contents.length);
        expect(digestAgain(stored, blocks)).toBe(digest);
      }
      expect(stored.made.map(({ level }) => level)).toEqual(LEVELS);
    }),
    { numRuns: 300 },
  );
});

describe('a text of many blocks', () => {
  const text = Array.from({ length: 1_500 }, (_, n) => `${vectorText('poem').slice(0, 60 + (n % 90))} 😀${n}.`).join(
    '\n\n',
  );
  const stored = storedOf(text);

  test('its blocks are full, follow each other and come a few at a time', () => {
    for (const { level, atoms } of stored.made) {
      const blocks = blocksOf(stored, level);
      expect(blocks.map(({ block }) => block)).toEqual(blocks.map((_, n) => n));
      expect(blocks.map(({ first_ordinal }) => first_ordinal)).toEqual(blocks.map((_, n) => n * ATOMS_PER_BLOCK + 1));
      expect(blocks.reduce((sum, row) => sum + row.atoms, 0)).toBe(atoms);
    }
    expect(blocksOf(stored, 'glyph-seed').length).toBeGreaterThan(16);
    for (const { blocks } of splitText({ text: stored.text, levels: LEVELS }))
      expect(blocks.length).toBeLessThanOrEqual(8);
  });

  test('a page is read from its blocks and the bytes they cover alone', () => {
    const words = wordsOf(text);
    const blocks = blocksOf(stored, 'word').slice(1, 3);
    const [from, to] = [ATOMS_PER_BLOCK + 4_000, ATOMS_PER_BLOCK + 4_200];
    const page = placedAtoms(blocks, { from, to });
    const origin = page[0]?.start ?? 0;
    const part = stored.text.subarray(origin, page.at(-1)?.end);
    expect(page.map((atom) => contentOf(atom, part, origin))).toEqual(words.slice(from - 1, to - 1));
    expect(page.map(({ ordinal }) => ordinal)).toEqual(words.slice(from - 1, to - 1).map((_, n) => from + n));
    expect(placedAtoms(blocks, { from: 1, to: 3 })).toEqual([]);
    expect(placedAtoms([], { from: 1, to: 3 })).toEqual([]);
  });

  test('blocks are checked apart from each other', () => {
    for (const { level, digest } of stored.made) {
      const sum = new LevelDigest();
      for (const row of blocksOf(stored, level)) {
        const part = { text: stored.text.subarray(row.start_byte, row.end_byte), origin: row.start_byte };
        const [one] = digestsOf({ blocks: [row], ...part });
        sum.add(one ?? new Uint8Array());
      }
      expect(sum.end()).toBe(digest);
    }
  });
});

describe('a change is found', () => {
  const stored = storedOf(vectorText('script'));

  test('of any one byte of a block, to whatever', () => {
    for (const { level, digest } of stored.made) {
      const [row] = blocksOf(stored, level);
      if (!row) throw new Error('no block');
      for (let at = 0; at < row.bytes.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          const bytes = Uint8Array.from(row.bytes);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          expect(digestAgain(stored, [{ ...row, bytes }])).toBeUndefined();
        }
      }
      const cut = { ...row, bytes: row.bytes.subarray(0, -1) };
      const longer = { ...row, bytes: Buffer.concat([row.bytes, Buffer.from([0])]) };
      for (const other of [cut, longer, { ...row, bytes: new Uint8Array() }])
        expect(decodeBlock(other)).toBeUndefined();
      for (const blocks of [[], [row, row]]) expect(digestAgain(stored, blocks)).not.toBe(digest);
    }
  });

  test('of what the row says of it, and of the text', () => {
    for (const { level, digest } of stored.made) {
      const [row] = blocksOf(stored, level);
      if (!row) throw new Error('no block');
      const moved = { ...row, start_byte: row.start_byte + 1, end_byte: row.end_byte + 1 };
      const others = [
        moved,
        { ...row, atoms: row.atoms - 1 },
        { ...row, atoms: row.atoms + 1 },
        { ...row, end_byte: row.end_byte + 1 },
      ];
      for (const other of others) expect(digestAgain(stored, [other])).not.toBe(digest);
      const text = Buffer.from(stored.text);
      const at = row.start_byte;
      text[at] = (text[at] ?? 0) ^ 1;
      expect(digestAgain({ ...stored, text }, [row])).not.toBe(digest);
      expect(
        digestAgain({ ...stored, text: text.subarray(0, -1) }, [{ ...row, end_byte: text.length }]),
      ).toBeUndefined();
    }
  });

  test('of a block that somebody wrote anew', () => {
    const written = (columns: readonly number[], atoms: number): BlockRow => {
      const packed = deflateRawSync(Uint8Array.from(columns));
      const bytes = new Uint8Array(4 + packed.length);
      new DataView(bytes.buffer).setUint32(0, crc32(packed));
      bytes.set(packed, 4);
      return { level: 2, block: 0, first_ordinal: 1, atoms, start_byte: 0, end_byte: 4, bytes };
    };
    expect(decodeBlock(written([0, 4, 1], 1))?.at(0)).toEqual({ start: 0, end: 4, duplicate_index: 1 });
    const wrong = [
      [1, 3, 1],
      [0, 0, 1],
      [0, 5, 1],
      [0, 4, 0],
      [0, 4],
      [0, 4, 1, 1],
      [0, 4, 0x81],
      [0, 0x84, 0x80, 0x80, 0x80, 0x80, 0x00, 1],
      [],
    ];
    for (const columns of wrong) expect(decodeBlock(written(columns, 1))).toBeUndefined();
    for (const atoms of [0, -1, 2, ATOMS_PER_BLOCK + 1]) expect(decodeBlock(written([0, 4, 1], atoms))).toBeUndefined();
    expect(() => placedAtoms([written([], 1)], { from: 1, to: 2 })).toThrow('block 0 of level 2');
  });

  test('any bytes are a block or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const row = { level: 0, block: 0, first_ordinal: 1, atoms: 3, start_byte: 0, end_byte: 9, bytes };
        expect(decodeBlock(row)).toBeUndefined();
      }),
    );
  });
});

test('large numbers survive', () => {
  const atoms = [{ start: 3_000_000_000, end: 6_000_000_000, duplicate_index: 4_000_000_000 }];
  const written = new BlockAtoms();
  for (const atom of atoms) written.add(atom);
  const row = encodeBlock({ level: 4, block: 0, first_ordinal: 1 }, written, new VarintWriter());
  expect(placedAtoms([row], { from: 1, to: 9 })).toEqual([{ ordinal: 1, ...atoms[0] }]);
});

test('the view of an atom', async () => {
  const nameOf = await loadNames();
  const of = { document_id: 'd', stem: stemToken('My Poem.txt'), nameOf };
  expect(atomView({ ...of, level: 'word' }, { ordinal: 7, content: "Don't", duplicate_index: 2 })).toEqual({
    id: 'd.word.7',
    ordinal: 7,
    content: "Don't",
    metadata: {
      length: 5,
      normalized_token: 'don_t',
      duplicate_index: 2,
      filename: 'MY_POEM_WORD_000007_don_t_d02.txt',
      filename_schema_version: 'ab01-v1',
    },
  });
  const glyph = atomView({ ...of, level: 'glyph-seed' }, { ordinal: 3, content: '😀', duplicate_index: 1 });
  expect(glyph).toMatchObject({
    metadata: { length: 1 },
    glyph: { character: '😀', position: 2, unicode_name: 'GRINNING FACE' },
  });
  const long = '😀'.repeat(10_001);
  const cut = atomView({ ...of, level: 'paragraph' }, { ordinal: 1, content: long, duplicate_index: 1 });
  expect(cut).toMatchObject({ content: '😀'.repeat(10_000), content_truncated: true, metadata: { length: 10_001 } });
});
