/**
 * What globs and regular expressions share: their limits and their one fault. Guarantees: an INVALID_PATTERN always
 * says which pattern, where (0-based, in characters) and why. Source: contract files.md §2, §4, §9.
 */
import { Fault } from '../../../base/faults.ts';
import type { Limits } from '../../../base/limits.ts';

export type GlobLimits = Pick<Limits, 'PATTERN_BYTES' | 'BRACE_ALTERNATIVES'>;
export type RegexLimits = Pick<Limits, 'PATTERN_BYTES' | 'REGEX_INSTRUCTIONS'>;

/** Characters of an over-long pattern that its fault repeats. */
const SHOWN_CHARACTERS = 200;

/** Code points of a part of a text; a surrogate pair is one. */
export function countCharacters(text: string, from = 0, to = text.length): number {
  let pairs = 0;
  for (let i = from; i < to; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) pairs++;
  return to - from - pairs;
}

/** `at` is an index of the pattern in UTF-16 units; the client is told it in characters. */
export function invalidPattern(pattern: string, at: number, reason: string): Fault {
  const position = countCharacters(pattern.slice(0, at));
  return new Fault('INVALID_PATTERN', `Invalid pattern at character ${position}: ${reason}`, {
    pattern: pattern.toWellFormed(),
    position,
    reason,
  });
}

export function checkPatternBytes(pattern: string, maximum: number): void {
  const bytes = Buffer.byteLength(pattern);
  if (bytes <= maximum) return;
  throw invalidPattern(
    pattern.slice(0, SHOWN_CHARACTERS),
    0,
    `${bytes} bytes pass the limit PATTERN_BYTES of ${maximum}`,
  );
}
