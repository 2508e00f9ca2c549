/**
 * The shape of a regular expression in RE2's syntax, as far as finding candidates needs it. Guarantees: every line that
 * RE2 matches belongs to the language of the tree (it may be larger where a set is not exact); re2js stays the judge of
 * what is valid and of what matches. A line has no line feed, so `.` is any character, and `^ $ \A \z` are line edges.
 */
import { ANY, type CharSet, oneOf, union, withOtherCases } from './charset.ts';
import { type Reader, readClass, readClassEscape, readEscape, Unreadable } from './regex-class.ts';

export type Regex =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'edge'; readonly at: 'start' | 'end' }
  | { readonly kind: 'word'; readonly boundary: boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly Regex[] }
  | { readonly kind: 'choice'; readonly parts: readonly Regex[] }
  | { readonly kind: 'loop'; readonly body: Regex; readonly min: number; readonly max: number; readonly lazy: boolean };

export interface RegexShape {
  /** Undefined when the pattern is not valid; re2js says why. */
  readonly tree: Regex | undefined;
  readonly unicodeClasses: number;
  readonly foldedCharacters: number;
}

/** The flags that change what a line matches; `m` and `s` only speak of line feeds. */
interface Flags {
  readonly fold: boolean;
  readonly lazy: boolean;
}

interface Group {
  readonly outerFlags: Flags;
  readonly choices: Regex[];
  parts: Regex[];
}

export function readRegex(pattern: string, ignoreCase: boolean): RegexShape {
  const reader: Reader = { pattern, at: 0, unicodeClasses: 0, foldedCharacters: 0 };
  let tree: Regex | undefined;
  try {
    tree = readTree(reader, { fold: ignoreCase, lazy: false });
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown;
  }
  return { tree, unicodeClasses: reader.unicodeClasses, foldedCharacters: reader.foldedCharacters };
}

/** Groups are kept in an array and not on the call stack, whose depth a pattern must not decide. */
function readTree(reader: Reader, initial: Flags): Regex {
  let flags = initial;
  let group: Group = { outerFlags: flags, choices: [], parts: [] };
  const outer: Group[] = [];
  const { pattern } = reader;
  while (reader.at < pattern.length) {
    const char = pattern[reader.at]!;
    if (char === '(') {
      const opened = readOpening(reader, flags);
      if (opened.group) {
        outer.push(group);
        group = { outerFlags: flags, choices: [], parts: [] };
      }
      flags = opened.flags;
    } else if (char === ')') {
      const inner = outer.pop();
      if (!inner) throw new Unreadable();
      const tree = closeGroup(group);
      flags = group.outerFlags;
      group = inner;
      group.parts.push(tree);
      reader.at++;
    } else if (char === '|') {
      group.choices.push(toSequence(group.parts));
      group.parts = [];
      reader.at++;
    } else {
      const loop = readLoop(reader, flags);
      if (!loop) group.parts.push(...readAtoms(reader, flags));
      else {
        const body = group.parts.pop();
        if (!body) throw new Unreadable();
        group.parts.push({ kind: 'loop', body, ...loop });
      }
    }
  }
  if (outer.length > 0) throw new Unreadable();
  return closeGroup(group);
}

const toSequence = (parts: readonly Regex[]): Regex =>
  parts.length === 1 ? parts[0]! : { kind: 'sequence', parts: [...parts] };

/** A choice between single characters is one set, whatever its order. */
function closeGroup(group: Group): Regex {
  const last = toSequence(group.parts);
  if (group.choices.length === 0) return last;
  const parts = [...group.choices, last];
  const sets = parts.flatMap((part) => (part.kind === 'set' ? [part.set] : []));
  return sets.length === parts.length ? { kind: 'set', set: union(sets) } : { kind: 'choice', parts };
}

/** `(`, `(?:`, `(?P<name>`, `(?<name>`, `(?flags:` open a group; `(?flags)` holds to the end of the one around it. */
function readOpening(reader: Reader, flags: Flags): { readonly group: boolean; readonly flags: Flags } {
  const { pattern, at } = reader;
  if (pattern[at + 1] !== '?') {
    reader.at++;
    return { group: true, flags };
  }
  const opening = /\(\?(?:P?<(\w+)>|([imsU]*)(?:-([imsU]+))?([:)]))/y;
  opening.lastIndex = at;
  const found = opening.exec(pattern);
  if (!found) throw new Unreadable();
  reader.at = opening.lastIndex;
  if (found[1] !== undefined) return { group: true, flags };
  const [on = '', off = ''] = [found[2], found[3]];
  const changed = {
    fold: (flags.fold || on.includes('i')) && !off.includes('i'),
    lazy: (flags.lazy || on.includes('U')) && !off.includes('U'),
  };
  return { group: found[4] === ':', flags: changed };
}

/** `* + ? {n} {n,} {n,m}`, each lazy with a `?` behind; other braces are text. */
function readLoop(reader: Reader, flags: Flags): { min: number; max: number; lazy: boolean } | undefined {
  const loop = /(?:([*+?])|\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\})(\?)?/y;
  loop.lastIndex = reader.at;
  const found = loop.exec(reader.pattern);
  if (!found) return undefined;
  reader.at = loop.lastIndex;
  const [, sign, least, comma, most, question] = found;
  const lazy = flags.lazy !== (question !== undefined);
  if (sign !== undefined) return { min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Number.POSITIVE_INFINITY, lazy };
  const min = Number(least);
  if (comma === undefined) return { min, max: min, lazy };
  return { min, max: most === undefined ? Number.POSITIVE_INFINITY : Number(most), lazy };
}

/** One atom, or the many of `\Q…\E`. */
function readAtoms(reader: Reader, flags: Flags): Regex[] {
  const { pattern } = reader;
  const char = pattern[reader.at]!;
  if (char === '[') return [setOf(readClass(reader, flags.fold))];
  if (char === '\\') return readBackslash(reader, flags);
  const code = pattern.codePointAt(reader.at)!;
  reader.at += code > 0xffff ? 2 : 1;
  if (char === '.') return [setOf(ANY)];
  if (char === '^') return [{ kind: 'edge', at: 'start' }];
  if (char === '$') return [{ kind: 'edge', at: 'end' }];
  return [literal(code, flags)];
}

function readBackslash(reader: Reader, flags: Flags): Regex[] {
  const { pattern, at } = reader;
  const next = pattern[at + 1];
  if (next === 'Q') {
    const end = pattern.indexOf('\\E', at + 2);
    const text = pattern.slice(at + 2, end < 0 ? undefined : end);
    reader.at = end < 0 ? pattern.length : end + 2;
    return Array.from(text, (char) => literal(char.codePointAt(0)!, flags));
  }
  const simple = EDGES[`\\${next}`];
  if (simple) {
    reader.at += 2;
    return [simple];
  }
  const escaped = readClassEscape(reader, flags.fold);
  return [escaped ? setOf(escaped) : literal(readEscape(reader), flags)];
}

const EDGES: Readonly<Record<string, Regex>> = {
  '\\A': { kind: 'edge', at: 'start' },
  '\\z': { kind: 'edge', at: 'end' },
  '\\b': { kind: 'word', boundary: true },
  '\\B': { kind: 'word', boundary: false },
};

const setOf = (set: CharSet): Regex => ({ kind: 'set', set });
const literal = (code: number, flags: Flags): Regex => setOf(flags.fold ? withOtherCases(oneOf(code)) : oneOf(code));
