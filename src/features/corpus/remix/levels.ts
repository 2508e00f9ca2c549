/**
 * Which atoms a remix works on (corpus.md §13). Guarantees: it is atoms on both sides or on neither. Pure.
 */
import type { Strategy } from './strategies.ts';

export type Level = 'glyph-seed' | 'syllable' | 'word' | 'sentence' | 'paragraph';

const PREFERRED: Readonly<Record<Strategy, readonly Level[]>> = {
  interleave: ['word', 'sentence', 'paragraph', 'glyph-seed', 'syllable'],
  thematic_blend: ['sentence', 'word', 'paragraph', 'glyph-seed', 'syllable'],
  temporal_layer: ['paragraph', 'sentence', 'word', 'glyph-seed', 'syllable'],
  glyph_collide: ['glyph-seed', 'word', 'syllable', 'sentence', 'paragraph'],
};

/** The first preferred level that was asked for and that this side has atoms of. */
export const chosenLevel = (
  strategy: Strategy,
  { asked, held }: { readonly asked: readonly string[]; readonly held: readonly string[] },
): Level | undefined => PREFERRED[strategy].find((level) => asked.includes(level) && held.includes(level));
