/** Remixes as clients have been promised them, with and without levels, and what happens at their edges. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { vectorsOf, vectorText } from '../../../../test/vectors/vectors.ts';
import { LEVELS } from '../documents/levels.ts';
import { hashOf } from '../text/rules.ts';
import { chosenLevel, joinedAtoms } from './levels.ts';
import { payloadHash, type Recipe, remixed, rngSeedHex, STRATEGIES } from './strategies.ts';

const strategy = z.enum(STRATEGIES);
const remix = z.object({
  strategy,
  seed: z.number(),
  source: z.string(),
  target: z.string(),
  atom_levels: z.array(z.string()),
  source_level: z.string().optional(),
  target_level: z.string().optional(),
  rng_seed_hex: z.string(),
  output: z.string(),
  text_hash: z.string(),
});
const BYTES_MAX = 2 ** 20;
const ALL = LEVELS.map((level) => ({ level, atoms: 1, digest: '' }));

describe('remixes', () => {
  it.each(vectorsOf('remix', remix))('$strategy $seed of $source and $target, $atom_levels', (vector) => {
    const { seed, atom_levels } = vector;
    const [source, target] = [vectorText(vector.source), vectorText(vector.target)];
    const recipe: Recipe = {
      strategy: vector.strategy,
      seed,
      atom_levels,
      source_hash: hashOf(source),
      target_hash: hashOf(target),
    };
    const level = chosenLevel(vector.strategy, { asked: atom_levels, made: ALL })?.level;
    expect([level, level]).toEqual([vector.source_level, vector.target_level]);
    const [ours, theirs] =
      level === undefined ? [source, target] : [joinedAtoms(source, level), joinedAtoms(target, level)];
    const output = remixed(ours, theirs, { ...recipe, bytesMax: BYTES_MAX });
    expect({ output, text_hash: hashOf(output), rng: rngSeedHex(recipe) }).toEqual({
      output: vector.output,
      text_hash: vector.text_hash,
      rng: vector.rng_seed_hex,
    });
  });

  it('works on the preferred level of each strategy that was asked for and is there', () => {
    const levelOf = (strategy: (typeof STRATEGIES)[number], asked: readonly string[], made = ALL) =>
      chosenLevel(strategy, { asked, made })?.level;
    const all = STRATEGIES.map((one) => levelOf(one, LEVELS));
    expect(all).toEqual(['word', 'sentence', 'paragraph', 'glyph-seed']);
    expect(levelOf('interleave', ['syllable', 'glyph-seed'])).toBe('glyph-seed');
    expect(levelOf('glyph_collide', ['sentence', 'syllable'])).toBe('syllable');
    expect(levelOf('interleave', [])).toBeUndefined();
    const [glyph, ...others] = ALL;
    expect(levelOf('glyph_collide', ['glyph-seed'], others)).toBeUndefined();
    expect(levelOf('glyph_collide', LEVELS, [{ ...glyph, level: 'glyph-seed', atoms: 0, digest: '' }])).toBeUndefined();
  });

  it('joins atoms as their level has them', () => {
    const text = 'Hello, World. Bye!\n\nSo 😀';
    expect(LEVELS.map((level) => joinedAtoms(text, level))).toEqual([
      'Hello,World.Bye!So😀',
      'Hel lo World Bye So',
      'Hello World Bye So',
      'Hello, World. Bye! So 😀',
      'Hello, World. Bye!\n\nSo 😀',
    ]);
    expect(joinedAtoms('a '.repeat(100_000), 'word')).toBe('a '.repeat(100_000).trim());
  });

  it('collides at most 2,000 characters, by code points', () => {
    const recipe = { strategy: 'glyph_collide', seed: 0, atom_levels: [], source_hash: '', target_hash: '' } as const;
    expect(Array.from(remixed('😀 '.repeat(3_000), '', { ...recipe, bytesMax: BYTES_MAX }))).toHaveLength(2_000);
    expect(remixed('ab', 'a', { ...recipe, bytesMax: BYTES_MAX })).toBe('ab');
  });

  it('blends nothing into nothing', () => {
    const recipe = { strategy: 'thematic_blend', seed: 0, atom_levels: [], source_hash: '', target_hash: '' } as const;
    expect(remixed(' ... ', '!?', { ...recipe, bytesMax: BYTES_MAX })).toBe('');
    expect(remixed('', 'One. Two', { ...recipe, bytesMax: BYTES_MAX })).toMatch(/^(One\. Two|Two\. One)\.$/);
  });

  it('ends where it would be longer than it may, before all of it is made', () => {
    const layers = { strategy: 'temporal_layer', seed: 0, atom_levels: [], source_hash: '', target_hash: '' } as const;
    expect(() => remixed('', 'a\n\n'.repeat(10_000), { ...layers, bytesMax: 50_000 })).toThrow(
      /^the text of a remix: 500\d\d passes the limit INGEST_TEXT_BYTES of 50000$/,
    );
    const words = { ...layers, strategy: 'interleave' } as const;
    expect(remixed('ä', 'b', { ...words, bytesMax: 4 })).toBe('ä b');
    expect(() => remixed('ä', 'b', { ...words, bytesMax: 3 })).toThrow('4 passes the limit');
  });

  it.each(
    vectorsOf(
      'payload_hash',
      z.object({
        fields: z.object({
          strategy,
          seed: z.number(),
          mode: z.string(),
          source_document_id: z.string().nullable(),
          source_branch_id: z.string().nullable(),
          target_document_id: z.string().nullable(),
          target_branch_id: z.string().nullable(),
          atom_levels: z.array(z.string()),
          text_hash: z.string(),
        }),
        payload_hash: z.string(),
      }),
    ),
  )('the hash of a payload $payload_hash', ({ fields, payload_hash }) => {
    expect(payloadHash(fields)).toBe(payload_hash);
  });
});
