/** Which atoms a remix works on (corpus.md §13). Pure. */
import type { Level, LevelMade } from '../documents/levels.ts';
import { levelSpans } from '../text/atoms.ts';
import { sliceOf } from '../text/rules.ts';
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

/** UTF-16 units of a joined text that are made one text at a time. */
const PIECE_UNITS = 32 * 1024;

/** The atoms of a text, with what stands between them on their level. */
export function joinedAtoms(text: string, level: Level): string {
  const pieces: string[] = [];
  let piece: string[] = [];
  let units = 0;
  for (const span of levelSpans(text, level)) {
    piece.push(sliceOf(text, span));
    units += span.end - span.start;
    if (units < PIECE_UNITS) continue;
    pieces.push(piece.join(BETWEEN[level]));
    piece = [];
    units = 0;
  }
  if (piece.length > 0) pieces.push(piece.join(BETWEEN[level]));
  return pieces.join(BETWEEN[level]);
}
