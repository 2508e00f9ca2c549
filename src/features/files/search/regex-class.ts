/**
 * Classes and escapes of RE2's syntax as sets of characters. Guarantees: a set never lacks a character that RE2 has in
 * it; Unicode classes (`\pL`, `\p{Greek}`) are {@link UNKNOWN}, because their tables belong to re2js.
 */
import {
  type CharSet,
  complement,
  FIRST_CASED,
  LAST_CASED,
  oneOf,
  toCharSet,
  UNKNOWN,
  union,
  withOtherCases,
} from './charset.ts';

/** Position in a pattern while it is read. */
export interface Reader {
  readonly pattern: string;
  at: number;
  /** Unicode classes read so far. */
  unicodeClasses: number;
  /** Characters of all ranges that were read while case is ignored. */
  foldedCharacters: number;
}

/** Thrown where a pattern cannot be read, and caught by the reader of the whole. */
export class Unreadable extends Error {}

/** Members of the ASCII classes as pairs of characters, `[:name:]` and Perl's. */
const ASCII: Readonly<Record<string, string>> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  ascii: '\0\x7f',
  blank: '\t\t  ',
  cntrl: '\0\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '\t\r  ',
  upper: 'AZ',
  word: '09AZaz__',
  xdigit: '09AFaf',
  d: '09',
  s: '\t\n\f\r  ',
  w: '09AZaz__',
};

function asciiClass(name: string, options: { negated: boolean; fold: boolean }): CharSet {
  const members = ASCII[name];
  if (members === undefined) throw new Unreadable();
  const plain = toCharSet(Array.from(members, (char) => char.charCodeAt(0)));
  const set = options.fold ? withOtherCases(plain) : plain;
  return options.negated ? complement(set) : set;
}

/** `\d \D \s \S \w \W` and `\p… \P…`; undefined when another escape stands here. */
export function readClassEscape(reader: Reader, fold: boolean): CharSet | undefined {
  const named = /\\(?:([dDsSwW])|[pP](?:\{[^}]*\}|[^{]))/uy;
  named.lastIndex = reader.at;
  const found = named.exec(reader.pattern);
  if (!found) return undefined;
  reader.at = named.lastIndex;
  const perl = found[1];
  if (perl !== undefined) return asciiClass(perl.toLowerCase(), { negated: perl < 'a', fold });
  reader.unicodeClasses++;
  return UNKNOWN;
}

/** `[…]`; a `]` right after the opening is a member. */
export function readClass(reader: Reader, fold: boolean): CharSet {
  const { pattern } = reader;
  reader.at++;
  const negated = pattern[reader.at] === '^';
  if (negated) reader.at++;
  const sets: CharSet[] = [];
  for (let first = true; first || pattern[reader.at] !== ']'; first = false) {
    sets.push(readNamedClass(reader, fold) ?? readClassEscape(reader, fold) ?? readRange(reader, fold));
  }
  reader.at++;
  const set = union(sets);
  return negated ? complement(set) : set;
}

/** `[:alpha:]`, `[:^alpha:]`. */
function readNamedClass(reader: Reader, fold: boolean): CharSet | undefined {
  const named = /\[:(\^)?([a-z]*):\]/y;
  named.lastIndex = reader.at;
  const found = named.exec(reader.pattern);
  if (!found) return undefined;
  reader.at = named.lastIndex;
  return asciiClass(found[2]!, { negated: found[1] !== undefined, fold });
}

function readRange(reader: Reader, fold: boolean): CharSet {
  const { pattern } = reader;
  const from = readMember(reader);
  let to = from;
  if (pattern[reader.at] === '-' && pattern[reader.at + 1] !== ']' && reader.at + 1 < pattern.length) {
    reader.at++;
    to = readMember(reader);
  }
  if (to < from) throw new Unreadable();
  if (!fold) return toCharSet([from, to]);
  const whole = from <= FIRST_CASED && to >= LAST_CASED;
  if (!whole) reader.foldedCharacters += Math.max(0, Math.min(to, LAST_CASED) - Math.max(from, FIRST_CASED) + 1);
  return withOtherCases(from === to ? oneOf(from) : toCharSet([from, to]));
}

function readMember(reader: Reader): number {
  if (reader.pattern[reader.at] === '\\') return readEscape(reader);
  const code = reader.pattern.codePointAt(reader.at);
  if (code === undefined) throw new Unreadable();
  reader.at += code > 0xffff ? 2 : 1;
  return code;
}

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** One escaped character: octal, hexadecimal, a control letter, or punctuation that stands for itself. */
export function readEscape(reader: Reader): number {
  const escaped =
    /\\(?:(0[0-7]{0,2}|[1-7][0-7]{1,2})|x(?:\{([\da-fA-F]+)\}|([\da-fA-F]{2}))|([afnrtv])|([!-/:-@[-`{-~\0- \x7f]))/y;
  escaped.lastIndex = reader.at;
  const found = escaped.exec(reader.pattern);
  if (!found) throw new Unreadable();
  reader.at = escaped.lastIndex;
  const [, octal, braced, hex, control, itself] = found;
  if (octal !== undefined) return Number.parseInt(octal, 8);
  if (control !== undefined) return CONTROLS[control]!;
  if (itself !== undefined) return itself.charCodeAt(0);
  return Number.parseInt((braced ?? hex)!, 16);
}
