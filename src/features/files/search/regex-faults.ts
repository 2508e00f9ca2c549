/**
 * Why a regular expression cannot be used, in words that help. Guarantees: look-around, back-references and the other
 * constructs that RE2 leaves out are named; the position is that of the construct, the unclosed bracket or the piece
 * that re2js complains of.
 */
import { RE2JSSyntaxException } from 're2js';
import type { Fault } from '../../../base/faults.ts';
import { invalidPattern } from './pattern.ts';

/** Constructs of other dialects, by how they begin outside a class. */
const CONSTRUCTS: readonly (readonly [RegExp, string])[] = [
  [/\(\?=|\(\?!/y, 'look-ahead'],
  [/\(\?<=|\(\?<!/y, 'look-behind'],
  [/\(\?>/y, 'an atomic group'],
  [/\(\?\(/y, 'a conditional'],
  [/\(\?(?:R|&|P>|[+-]?\d)/y, 'recursion'],
  [/\(\?#/y, 'a comment'],
  [/\(\?P=\w*|\\[gk][<{'"]?|\\[1-9](?![0-7])/y, 'a back-reference'],
  [/[*+?}]\+/y, 'a possessive quantifier'],
];

export function explainInvalid(pattern: string, thrown: unknown): Fault {
  if (!(thrown instanceof RE2JSSyntaxException)) throw thrown;
  const place = findPlace(pattern);
  if (place?.construct) {
    return invalidPattern(pattern, place.at, `${place.construct} is not supported: matching must stay linear`);
  }
  const piece = thrown.getPattern()?.replace(/^\(\?i\)/, '') ?? '';
  const last = piece !== '' && pattern.endsWith(piece);
  const at = place?.at ?? (last ? pattern.length - piece.length : pattern.indexOf(piece));
  return invalidPattern(pattern, Math.max(0, at), thrown.getDescription());
}

interface Place {
  readonly at: number;
  readonly construct?: string;
}

/** The first foreign construct, else the bracket that has no partner. */
function findPlace(pattern: string): Place | undefined {
  const open: number[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const construct = constructAt(pattern, at);
    if (construct) return { at, construct };
    const char = pattern[at]!;
    if (char === '\\') {
      if (at + 1 === pattern.length) return { at };
      const quoted = pattern[at + 1] === 'Q';
      const end = quoted ? pattern.indexOf('\\E', at + 2) : at;
      if (end < 0) break;
      at = end + 1;
    } else if (char === '[') {
      const end = endOfClass(pattern, at);
      if (end < 0) return { at };
      at = end;
    } else if (char === '(') open.push(at);
    else if (char === ')' && open.pop() === undefined) return { at };
  }
  return open.length > 0 ? { at: open.at(-1)! } : undefined;
}

function constructAt(pattern: string, at: number): string | undefined {
  for (const [begins, name] of CONSTRUCTS) {
    begins.lastIndex = at;
    if (begins.test(pattern)) return name;
  }
  return undefined;
}

function endOfClass(pattern: string, open: number): number {
  const whole = /\[\^?\]?(?:\\.|\[:\^?\w*:\]|[^\]\\])*\]/suy;
  whole.lastIndex = open;
  return whole.test(pattern) ? whole.lastIndex - 1 : -1;
}
