/**
 * Which lines of a text another one changes. Guarantees: outside the changes both texts have the same lines in the same
 * order; the fewest lines change, unless finding them passes the bounds below. Then everything between the common first
 * and last lines is one change.
 */
import { diffArrays } from 'diff';
import type { Lines } from './lines.ts';

export interface Texts {
  readonly from: Lines;
  readonly to: Lines;
}

/** Lines [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Lines that became other lines; one of the ranges may be empty. */
export interface Change {
  readonly from: Range;
  readonly to: Range;
}

/** Lines, of both texts together, that are compared: beyond it, naming them takes hundreds of megabytes. */
const MOST_LINES = 1_000_000;

/**
 * Removals and additions, of lines that both texts have, that are looked for: 0.6 s, and the time grows with the square.
 */
const MOST_MOVES = 2_000;

/** A line with its ending, so that lines that differ in it alone are different. */
export const wholeLine = ({ text, starts }: Lines, line: number): string => text.slice(starts[line], starts[line + 1]);

/** What lies between the common first and last lines. */
export function spanOf({ from, to }: Texts): Change {
  const shorter = Math.min(from.count, to.count);
  let head = 0;
  while (head < shorter && wholeLine(from, head) === wholeLine(to, head)) head++;
  let tail = 0;
  const fromEnd = (lines: Lines): string => wholeLine(lines, lines.count - 1 - tail);
  while (tail < shorter - head && fromEnd(from) === fromEnd(to)) tail++;
  return { from: { start: head, end: from.count - tail }, to: { start: head, end: to.count - tail } };
}

/** The changes in order; between two of them is at least one common line. */
export function changedLines(texts: Texts): Change[] {
  const change = spanOf(texts);
  const common = commonLines(change, texts);
  return common ? between(change, common) : [change];
}

/** Pairs of equal lines inside a change, in order; undefined when finding them passes a bound. */
function commonLines({ from, to }: Change, texts: Texts): Array<readonly [number, number]> | undefined {
  if (from.end - from.start + to.end - to.start > MOST_LINES) return undefined;
  const names = new Map<string, number>();
  const before = namesOf(texts.from, from, names);
  const after = namesOf(texts.to, to, names);
  // A line that the other text lacks is a change for sure; what is left is often far less to compare.
  const left = indexesOfShared(before, after);
  const right = indexesOfShared(after, before);
  const parts = diffArrays(
    left.map((index) => before[index]),
    right.map((index) => after[index]),
    { maxEditLength: MOST_MOVES },
  );
  if (!parts) return undefined;
  const pairs: Array<readonly [number, number]> = [];
  let [l, r] = [0, 0];
  for (const { added, removed, count } of parts) {
    for (let i = 0; !added && !removed && i < count; i++) {
      pairs.push([from.start + left[l + i]!, to.start + right[r + i]!]);
    }
    if (!added) l += count;
    if (!removed) r += count;
  }
  return pairs;
}

/** What is left of a change without its common lines. */
function between({ from, to }: Change, common: ReadonlyArray<readonly [number, number]>): Change[] {
  const changes: Change[] = [];
  let [fromLine, toLine] = [from.start, to.start];
  for (const [fromEnd, toEnd] of [...common, [from.end, to.end] as const]) {
    if (fromEnd > fromLine || toEnd > toLine) {
      changes.push({ from: { start: fromLine, end: fromEnd }, to: { start: toLine, end: toEnd } });
    }
    [fromLine, toLine] = [fromEnd + 1, toEnd + 1];
  }
  return changes;
}

/** Each line as a number that equal lines have in common. */
function namesOf(lines: Lines, { start, end }: Range, names: Map<string, number>): number[] {
  return Array.from({ length: end - start }, (_, index) => {
    const text = wholeLine(lines, start + index);
    const name = names.get(text) ?? names.size;
    names.set(text, name);
    return name;
  });
}

function indexesOfShared(names: readonly number[], others: readonly number[]): number[] {
  const known = new Set(others);
  return [...names.keys()].filter((index) => known.has(names[index]!));
}
