/**
 * A text and the windows of another one's lines as dense symbols, and how far apart they are at least. Guarantees: a
 * symbol is a code point; the bound is never above the Levenshtein distance; all of it takes time linear in both texts.
 */

import { type Lines, lineEnd } from '../lines.ts';
import type { Symbols } from './levenshtein.ts';

export interface Windows {
  /** The lines of the sought text, joined by separators. */
  readonly sought: Symbols;
  /** The lines of the content, each followed by a separator. */
  readonly content: Symbols;
  /** Index in `content` at which each line begins, and its length at the end. */
  readonly starts: Int32Array;
  /** Lines of a window: those of the sought text. */
  readonly height: number;
  /** Windows, each named by its first line; none when the content has fewer lines than the sought text. */
  readonly count: number;
  /** The largest symbol. 0 stands for what does not occur in the sought text. */
  readonly symbols: number;
}

const SEPARATOR = 10;

export function windowsOf(content: Lines, sought: Lines): Windows {
  const alphabet = new Map<number, number>();
  const encoded = encode(sought, (point) => {
    const symbol = alphabet.get(point) ?? alphabet.size + 1;
    alphabet.set(point, symbol);
    return symbol;
  });
  // Content is mostly the longer of the two: a table by code point takes half the time of the map.
  let highest = 0;
  for (const point of alphabet.keys()) highest = Math.max(highest, point);
  const table = new Int32Array(highest + 1);
  for (const [point, symbol] of alphabet) table[point] = symbol;
  return {
    ...encode(content, (point) => table[point] ?? 0),
    sought: encoded.content.subarray(0, -1),
    height: sought.count,
    count: Math.max(0, content.count - sought.count + 1),
    symbols: alphabet.size,
  };
}

/** The lines of a window, without the last separator. */
export const windowAt = ({ content, starts, height }: Windows, window: number): Symbols =>
  content.subarray(starts[window], starts[window + height]! - 1);

function encode(lines: Lines, symbolOf: (point: number) => number): Pick<Windows, 'content' | 'starts'> {
  const content = new Int32Array(lines.text.length + 1);
  const starts = new Int32Array(lines.count + 1);
  let length = 0;
  for (let line = 0; line < lines.count; line++) {
    starts[line] = length;
    const end = lineEnd(lines, line);
    for (let at = lines.starts[line]!; at < end; at++) {
      const point = lines.text.codePointAt(at)!;
      if (point > 0xffff) at++;
      content[length++] = symbolOf(point);
    }
    content[length++] = symbolOf(SEPARATOR);
  }
  starts[lines.count] = length;
  return { content: content.subarray(0, length), starts };
}

/**
 * Lengths of the runs of symbols that are counted. An edit spoils at most as many runs as they are long, so two
 * sequences share all runs of the longer one but so many times their distance (Ukkonen 1992). Longer runs tell unrelated
 * texts better, shorter ones bound the distance closer.
 */
const RUNS = [1, 3];

/** Runs are counted by a hash of so many bits: runs that fall together only lower the bound. */
const BUCKET_BITS = 16;

/** For each window a distance that it cannot come below. */
export function leastDistances(windows: Windows): Int32Array {
  const bounds = new Int32Array(windows.count);
  for (const run of RUNS) raiseBounds(bounds, windows, run);
  return bounds;
}

function raiseBounds(bounds: Int32Array, { sought, content, starts, height }: Windows, run: number): void {
  const wanted = new Int32Array(1 << BUCKET_BITS);
  const inWindow = new Int32Array(1 << BUCKET_BITS);
  for (let at = 0; at <= sought.length - run; at++) wanted[bucketOf(sought, at, run)]!++;
  let shared = 0;
  let entered = 0;
  let left = 0;
  for (let window = 0; window < bounds.length; window++) {
    const start = starts[window]!;
    const end = starts[window + height]! - 1;
    for (; entered <= end - run; entered++) {
      const bucket = bucketOf(content, entered, run);
      if (++inWindow[bucket]! <= wanted[bucket]!) shared++;
    }
    for (; left < Math.min(start, entered); left++) {
      const bucket = bucketOf(content, left, run);
      if (inWindow[bucket]!-- <= wanted[bucket]!) shared--;
    }
    const longer = Math.max(sought.length, end - start);
    const bound = Math.ceil((longer - run + 1 - shared) / run);
    bounds[window] = Math.max(bounds[window]!, bound);
  }
}

function bucketOf(symbols: Symbols, at: number, run: number): number {
  let hash = 0;
  for (let i = at; i < at + run; i++) hash = Math.imul(hash ^ symbols[i]!, 0x9e3779b1);
  return hash >>> (32 - BUCKET_BITS);
}
