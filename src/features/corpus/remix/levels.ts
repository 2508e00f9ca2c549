/** Which atoms a remix works on (corpus.md §13). Pure. */
import type { Level, LevelMade } from '../documents/levels.ts';
import { levelSpans } from '../text/atoms.ts';
import { joinEach, sliceOf } from '../text/rules.ts';
import type { Strategy } from './strategies.ts';

const PREFERRED: Readonly<Record<Strategy, readonly Level[]>> = {
  interleave: ['word', 'sentence', 'paragraph', 'glyph-seed', 'syllable'],
  thematic_blend: ['sentence', 'word', 'paragraph', 'glyph-seed', 'syllable'],
  temporal_layer: ['paragraph', 'sentence', 'word', 'glyph-seed', 'syllable'],
  glyph_collide: ['glyph-seed', 'word', 'syllable', 'sentence', 'paragraph'],
};

/** The first preferred level that was asked for and that a document has atoms of. */
export function chosenLevel(
  strategy: Strategy,
  { asked, made }: { readonly asked: readonly string[]; readonly made: readonly LevelMade[] },
): LevelMade | undefined {
  const held = (level: Level): LevelMade | undefined => made.find((one) => one.level === level && one.atoms > 0);
  const level = PREFERRED[strategy].find((one) => asked.includes(one) && held(one));
  return level && held(level);
}

const BETWEEN: Readonly<Record<Level, string>> = {
  'glyph-seed': '',
  syllable: ' ',
  word: ' ',
  sentence: ' ',
  paragraph: '\n\n',
};

function* atomsIn(text: string, level: Level): Generator<string> {
  for (const span of levelSpans(text, level)) yield sliceOf(text, span);
}

/** The atoms of a text, with what stands between them on their level. */
export const joinedAtoms = (text: string, level: Level): string => joinEach(atomsIn(text, level), BETWEEN[level]);
