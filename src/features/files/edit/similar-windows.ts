/**
 * The windows of whole lines most similar to a text (files.md §8, step 3). Guarantees: similarity is 1 − Levenshtein /
 * longer length, in code points, of lines joined by LF without the final one, so the kind of line ending counts for
 * nothing; when a window reaches the threshold, the highest similarity and every window that has it are found, or the
 * work ends with LIMIT_EXCEEDED.
 *
 * Windows are compared in the order of an upper bound of their similarity; those whose bound lies below the best so far
 * are never compared.
 */

import { type Lines, linesOf } from '../lines.ts';
import { distance, mostSteps, type Scratch, scratchFor } from './levenshtein.ts';
import { leastDistances, type Windows, windowAt, windowsOf } from './text-windows.ts';
import { type EditWork, spend } from './work.ts';

export interface Similar {
  readonly similarity: number;
  /** First lines of the windows of that similarity, from 0, ascending. */
  readonly windows: readonly number[];
}

/** Steps for naming the nearest window when none reaches the threshold: a tenth of a second. */
const NEAREST_STEPS = 20_000_000;

/** Steps of encoding and ranking, for each character. */
const PREPARING_STEPS = 10;

/** Ranks of similarity that are told apart when candidates are sorted. */
const RANKS = 1 << 20;

/** What a search goes through. */
interface Candidates {
  readonly windows: Windows;
  /** For each window a distance that it cannot come below. */
  readonly bounds: Int32Array;
  /** Windows, the likeliest first. */
  readonly order: Float64Array;
  readonly scratch: Scratch;
  readonly work: EditWork;
}

/**
 * The most similar windows. When none reaches the threshold, the most similar of those that could be compared in a
 * fixed number of steps, the likeliest first; undefined when none could.
 */
export function mostSimilar(
  lines: Lines,
  sought: { readonly text: string; readonly threshold: number },
  work: EditWork,
): Similar | undefined {
  spend(work, PREPARING_STEPS * (lines.text.length + sought.text.length));
  const windows = windowsOf(lines, linesOf(sought.text));
  if (windows.count === 0) return undefined;
  const bounds = leastDistances(windows);
  const order = likeliestFirst(windows, bounds);
  const scratch = scratchFor(windows.symbols, windows.content.length);
  const candidates = { windows, bounds, order, scratch, work };
  return search(candidates, sought.threshold, Infinity) ?? search(candidates, 0, Math.min(NEAREST_STEPS, work.left));
}

/** The highest similarity of at least `least`, among what can be compared with the allowance of steps. */
function search(candidates: Candidates, least: number, allowance: number): Similar | undefined {
  const { windows, bounds, scratch, work } = candidates;
  const { sought } = windows;
  const end = work.left - allowance;
  let best = least;
  let found: number[] = [];
  for (const window of candidates.order) {
    const text = windowAt(windows, window);
    const longer = Math.max(sought.length, text.length);
    const cutoff = largestDistance(longer, best);
    if (bounds[window]! > cutoff) continue;
    const comparison = { pattern: sought, text, cutoff };
    if (work.left - mostSteps(comparison) < end) break;
    const apart = distance(comparison, scratch, (steps) => spend(work, steps));
    if (apart === Infinity) continue;
    const similarity = similarityOf(longer, apart);
    if (similarity > best) found = [];
    best = similarity;
    found.push(window);
  }
  return found.length > 0 ? { similarity: best, windows: found.sort((a, b) => a - b) } : undefined;
}

const similarityOf = (longer: number, apart: number): number => (longer === 0 ? 1 : (longer - apart) / longer);

/** The largest distance that still is a similarity of at least `least`. */
function largestDistance(longer: number, least: number): number {
  let apart = Math.min(longer, Math.floor((1 - least) * longer) + 1);
  while (apart > 0 && similarityOf(longer, apart) < least) apart--;
  return apart;
}

function likeliestFirst({ sought, starts, height, count }: Windows, bounds: Int32Array): Float64Array {
  // A number that sorts by rank and then by window: typed arrays sort several times faster without a comparison.
  const keys = new Float64Array(count);
  for (let window = 0; window < count; window++) {
    const longer = Math.max(sought.length, starts[window + height]! - starts[window]! - 1);
    const rank = Math.round((1 - similarityOf(longer, bounds[window]!)) * RANKS);
    keys[window] = rank * count + window;
  }
  return keys.sort().map((key) => key % count);
}
