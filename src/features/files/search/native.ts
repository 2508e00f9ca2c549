/**
 * Pieces of native regular expressions, with what they cost. A backtracking engine is linear only as long as an attempt
 * at one place is bounded, so every piece carries the steps that a failing attempt takes at most, and the number of ways
 * through it, each of which may be tried with what follows. The flag `u` is assumed: RE2 matches whole characters too.
 */
import { type CharSet, complement, LAST_CHARACTER, without } from './charset.ts';
import type { Regex } from './regex-syntax.ts';

export interface Piece {
  readonly source: string;
  readonly steps: number;
  readonly ways: number;
}

/** Steps of an attempt at one place, at most. */
export const MOST_STEPS = 1_024;
/** Turns of a loop that are followed freely. */
export const LOOP_TURNS = 8;

export const NOTHING: Piece = { source: '', steps: 0, ways: 1 };

export const setPiece = (set: CharSet): Piece => ({ source: writeSet(set), steps: 1, ways: 1 });

export const zeroWidth = (source: string): Piece => ({ source, steps: 1, ways: 1 });

export const joinPieces = (first: Piece, behind: Piece): Piece => ({
  source: first.source + behind.source,
  steps: first.steps + first.ways * behind.steps,
  ways: first.ways * behind.ways,
});

export const choiceOf = (pieces: readonly Piece[]): Piece => ({
  source: `(?:${pieces.map(({ source }) => source).join('|')})`,
  steps: pieces.reduce((sum, { steps }) => sum + steps + 1, 0),
  ways: pieces.reduce((sum, { ways }) => sum + ways, 0),
});

/** A loop written out as it stands: its count, and the cost of every number of turns. */
export function repeat(once: Piece, { min, max, lazy }: Omit<Regex & { kind: 'loop' }, 'kind' | 'body'>): Piece {
  let ways = 0;
  let steps = 0;
  for (let turn = 0, through = 1; turn <= max && steps + ways <= MOST_STEPS; turn++, through *= once.ways) {
    if (turn >= min) ways += through;
    if (turn < max) steps += through * (once.steps + 1);
  }
  if (once.source === '' || max === 0) return { ...NOTHING, steps, ways };
  const count = min === max ? `{${min}}` : `{${min},${max}}${lazy ? '?' : ''}`;
  return { source: `(?:${once.source})${min === 1 && max === 1 ? '' : count}`, steps, ways };
}

/** A class without the line feed, which no line has; where it reaches the last character, by what it lacks. */
export function writeSet(set: CharSet): string {
  const { ranges } = without(set, 0x0a);
  if (ranges.length === 2 && ranges[0] === ranges[1]) return writeCharacter(ranges[0]!);
  const negated = ranges.at(-1) === LAST_CHARACTER;
  const members = negated ? complement({ ranges, exact: true }).ranges : ranges;
  let source = '';
  for (let i = 0; i < members.length; i += 2) {
    source += writeCharacter(members[i]!);
    if (members[i + 1] !== members[i]) source += `-${writeCharacter(members[i + 1]!)}`;
  }
  return `[${negated ? '^' : ''}${source}]`;
}

const writeCharacter = (code: number): string =>
  /^[A-Za-z0-9]$/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
