/**
 * The Levenshtein distance of two sequences of symbols, cut off. Guarantees: exact up to the cut-off; steps are
 * taken from the caller's budget before they are made.
 *
 * Bit-parallel over strips of 32 rows (Myers 1999, with Hyyrö's carry between strips), each only as wide as the band
 * that a path of the cut-off's cost cannot leave (Ukkonen 1985). Outside the band distances are taken to grow by one a
 * cell, which is never too little: a path within the band keeps its true cost. The band begins narrow and widens
 * fourfold, so near-equal sequences cost their length times their distance.
 */

/** Symbols: 0 stands for all that do not occur in `pattern`, the others are dense from 1. */
export type Symbols = Int32Array;

export interface Comparison {
  readonly pattern: Symbols;
  readonly text: Symbols;
  /** The largest distance of interest. */
  readonly cutoff: number;
}

/** Room that comparisons with one pattern share; the masks are all zero between calls. */
export interface Scratch {
  readonly masks: Int32Array;
  readonly across: Int8Array;
}

const STRIP = 32;
const FIRST_BAND = 128;
/** Symbols that are compared one by one in the time of a step. */
const SYMBOLS_A_STEP = 2;

/** Room for comparisons with texts up to `length`, of symbols up to `symbols`. */
export const scratchFor = (symbols: number, length: number): Scratch => ({
  masks: new Int32Array(symbols + 1),
  across: new Int8Array(length),
});

/** More steps than a comparison can take: its last pass, one before that can be as wide, and narrower ones. */
export const mostSteps = ({ pattern, text, cutoff }: Comparison): number =>
  3 * (Math.ceil(pattern.length / STRIP) + 1) * (Math.min(text.length, 2 * cutoff + STRIP) + STRIP) + text.length;

/** Takes steps from a budget before they are made; it may throw. */
export type Spend = (steps: number) => void;

/** The distance, or Infinity when it is above the cut-off. */
export function distance(whole: Comparison, scratch: Scratch, spend: Spend): number {
  spend(Math.ceil(whole.text.length / SYMBOLS_A_STEP));
  const { pattern, text } = withoutCommonEnds(whole);
  const most = Math.min(whole.cutoff, Math.max(pattern.length, text.length));
  const least = Math.abs(pattern.length - text.length);
  if (least > most) return Infinity;
  if (pattern.length === 0 || text.length === 0) return least;
  // They differ, so no cut-off below is 0, and each strip goes beyond the column where the next one begins.
  if (most === 0) return Infinity;
  for (let cutoff = Math.min(most, Math.max(least, FIRST_BAND)); ; cutoff = Math.min(most, cutoff * 4)) {
    const found = banded({ pattern, text, cutoff }, scratch, spend);
    if (found <= cutoff) return found;
    if (cutoff === most) return Infinity;
  }
}

function withoutCommonEnds({ pattern, text }: Comparison): Pick<Comparison, 'pattern' | 'text'> {
  const shorter = Math.min(pattern.length, text.length);
  let head = 0;
  while (head < shorter && pattern[head] === text[head]) head++;
  let tail = 0;
  while (tail < shorter - head && pattern[pattern.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
  return {
    pattern: pattern.subarray(head, pattern.length - tail),
    text: text.subarray(head, text.length - tail),
  };
}

/** The distance if it is at most the cut-off, else some number above it. */
function banded({ pattern, text, cutoff }: Comparison, { masks, across }: Scratch, spend: Spend): number {
  // How the distance changes from each column to the next along the lower edge of the strip above: first, by one each.
  across.fill(1, 0, text.length);
  // The distance on that edge, left of the first column of the strip.
  let corner = 0;
  for (let row = 0; ; row += STRIP) {
    const rows = Math.min(STRIP, pattern.length - row);
    const first = Math.max(0, row - cutoff);
    const last = Math.min(text.length, row + rows + cutoff);
    spend(last - first + STRIP);
    for (let i = 0; i < rows; i++) masks[pattern[row + i]!]! |= 1 << i;
    const lowest = rows - 1;
    const nextFirst = Math.max(0, row + STRIP - cutoff);
    let reached = corner + rows;
    let least = reached;
    let up = -1;
    let down = 0;
    for (let column = first; column < last; column++) {
      if (column === nextFirst) corner = reached;
      const carried = across[column]!;
      const equal = masks[text[column]!]!;
      const vertical = equal | down;
      const carriedDown = carried < 0 ? 1 : 0;
      const match = equal | carriedDown;
      const horizontal = ((((match & up) + up) | 0) ^ up) | match;
      let rise = down | ~(horizontal | up);
      let fall = up & horizontal;
      const change = ((rise >>> lowest) & 1) - ((fall >>> lowest) & 1);
      across[column] = change;
      reached += change;
      if (reached < least) least = reached;
      rise = (rise << 1) | (carried > 0 ? 1 : 0);
      fall = (fall << 1) | carriedDown;
      up = fall | ~(vertical | rise);
      down = rise & vertical;
    }
    for (let i = 0; i < rows; i++) masks[pattern[row + i]!] = 0;
    if (row + rows === pattern.length) return reached;
    if (least > cutoff) return Infinity;
  }
}
