/**
 * Sets of characters (code points) as a regular expression names them. Guarantees: `ranges` are sorted and disjoint,
 * and never lack a character of the set; when `exact` is false the set is only known to lie within them.
 */
import { RE2JS } from 're2js';

export interface CharSet {
  /** `from, to, from, to, …`, both ends included. */
  readonly ranges: readonly number[];
  readonly exact: boolean;
}

export const LAST_CHARACTER = 0x10ffff;
export const ANY: CharSet = { ranges: [0, LAST_CHARACTER], exact: true };
/** A set that RE2's Unicode tables know and we do not repeat. */
export const UNKNOWN: CharSet = { ranges: ANY.ranges, exact: false };

export const oneOf = (code: number): CharSet => ({ ranges: [code, code], exact: true });

export function toCharSet(ranges: readonly number[]): CharSet {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i]!, ranges[i + 1]!]);
  pairs.sort((a, b) => a[0] - b[0]);
  const merged: number[] = [];
  for (const [from, to] of pairs) {
    const end = merged.at(-1);
    if (end !== undefined && from <= end + 1) merged[merged.length - 1] = Math.max(end, to);
    else merged.push(from, to);
  }
  return { ranges: merged, exact: true };
}

/** Everything else. The complement of a set that is not exact is not known either. */
export function complement(set: CharSet): CharSet {
  if (!set.exact) return UNKNOWN;
  const ranges: number[] = [];
  let next = 0;
  for (let i = 0; i < set.ranges.length; i += 2) {
    if (set.ranges[i]! > next) ranges.push(next, set.ranges[i]! - 1);
    next = set.ranges[i + 1]! + 1;
  }
  if (next <= LAST_CHARACTER) ranges.push(next, LAST_CHARACTER);
  return { ranges, exact: true };
}

export function union(sets: readonly CharSet[]): CharSet {
  if (sets.some((set) => !set.exact)) return UNKNOWN;
  return toCharSet(sets.flatMap((set) => set.ranges));
}

export function without(set: CharSet, code: number): CharSet {
  const ranges: number[] = [];
  for (let i = 0; i < set.ranges.length; i += 2) {
    const from = set.ranges[i]!;
    const to = set.ranges[i + 1]!;
    if (code < from || code > to) ranges.push(from, to);
    else {
      if (from < code) ranges.push(from, code - 1);
      if (code < to) ranges.push(code + 1, to);
    }
  }
  return { ranges, exact: set.exact };
}

export function intersects(a: CharSet, b: CharSet): boolean {
  for (let i = 0, j = 0; i < a.ranges.length && j < b.ranges.length; ) {
    if (a.ranges[i + 1]! < b.ranges[j]!) i += 2;
    else if (b.ranges[j + 1]! < a.ranges[i]!) j += 2;
    else return true;
  }
  return false;
}

/** The characters of a set that has at most `most`; undefined when it has more. */
export function listCharacters(set: CharSet, most: number): number[] | undefined {
  const codes: number[] = [];
  for (let i = 0; i < set.ranges.length; i += 2) {
    if (set.ranges[i + 1]! - set.ranges[i]! >= most - codes.length) return undefined;
    for (let code = set.ranges[i]!; code <= set.ranges[i + 1]!; code++) codes.push(code);
  }
  return codes;
}

/** No character outside these has another case (Unicode's simple case folding). */
export const FIRST_CASED = 0x41;
export const LAST_CASED = 0x1e943;
/** Characters beyond ASCII of a class that are looked at one by one when case is ignored. */
const FOLDED_CHARACTERS = 512;

/** The set with every other case of its characters, by RE2's own rule. */
export function withOtherCases(set: CharSet): CharSet {
  if (!set.exact) return UNKNOWN;
  const [first = 0, last = -1] = [set.ranges[0], set.ranges.at(-1)];
  if (set.ranges.length === 2 && first <= FIRST_CASED && last >= LAST_CASED) return set;
  const ranges = [...set.ranges];
  let beyondAscii = 0;
  for (let i = 0; i < set.ranges.length; i += 2) {
    const to = Math.min(set.ranges[i + 1]!, LAST_CASED);
    beyondAscii += Math.max(0, to - Math.max(set.ranges[i]!, 0x80) + 1);
    if (beyondAscii > FOLDED_CHARACTERS) return UNKNOWN;
    for (let code = Math.max(set.ranges[i]!, FIRST_CASED); code <= to; code++) {
      for (const other of otherCases(code)) ranges.push(other, other);
    }
  }
  return toCharSet(ranges);
}

const known = new Map<number, readonly number[]>();
let cased: string | undefined;

/** K (U+212A) and ſ (U+017F) are k and s to RE2; for the rest beyond ASCII it is asked, so that no table is written twice. */
function otherCases(code: number): readonly number[] {
  if (code < 0x80) {
    const upper = code & 0x5f;
    if (upper < 0x41 || upper > 0x5a) return [];
    if (upper === 0x4b) return [code ^ 0x20, 0x212a];
    return upper === 0x53 ? [code ^ 0x20, 0x17f] : [code ^ 0x20];
  }
  if (!isCased(code)) return [];
  let others = known.get(code);
  if (!others) {
    others = askOtherCases(code);
    known.set(code, others);
  }
  return others;
}

function isCased(code: number): boolean {
  const text = String.fromCodePoint(code);
  return text.toLowerCase() !== text || text.toUpperCase() !== text;
}

function askOtherCases(code: number): number[] {
  cased ??= listCased();
  const matcher = RE2JS.compile(`\\x{${code.toString(16)}}`, RE2JS.CASE_INSENSITIVE).matcher(cased);
  const found: number[] = [];
  while (matcher.find()) found.push(matcher.group()!.codePointAt(0)!);
  return found;
}

/** All characters with a case, about 2,900: made at the first need, in some 20 ms. */
function listCased(): string {
  let text = '';
  for (let code = FIRST_CASED; code <= LAST_CASED; code++) if (isCased(code)) text += String.fromCodePoint(code);
  return text;
}
