/**
 * The glob grammar of files.md §9, from text to alternatives. Guarantees: a pattern means the union of the patterns
 * that its braces multiply out to; they are counted before they are made, so that no pattern costs more than its limit;
 * what cannot be read is INVALID_PATTERN with the place of the opening character.
 */
import { type GlobLimits, invalidPattern } from './pattern.ts';

/** Characters of a class as `[from, to]` code points; a negated class has all others. It never has `/`. */
export interface GlobClass {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [number, number])[];
}

export const STAR = Symbol('any run of characters');
export const ONE = Symbol('any one character');

/** One piece of an alternative; a text may hold `/`, the others stay within a segment. */
export type GlobToken = string | typeof STAR | typeof ONE | GlobClass;

/** `{…}` with at least two alternatives. */
interface Braces {
  readonly alternatives: readonly (readonly Node[])[];
}
type Node = GlobToken | Braces;

const isBraces = (node: Node): node is Braces => typeof node === 'object' && 'alternatives' in node;

/** The alternatives of a pattern, each a flat list of tokens with neighbouring texts joined. */
export function parseGlob(pattern: string, limits: GlobLimits): GlobToken[][] {
  const nodes = readNodes(pattern);
  if (countAlternatives(nodes) > limits.BRACE_ALTERNATIVES) {
    const reason = `the braces multiply out to more than the limit BRACE_ALTERNATIVES of ${limits.BRACE_ALTERNATIVES}`;
    throw invalidPattern(pattern, 0, reason);
  }
  return expand(nodes);
}

/** What is being read: the whole pattern, or one open brace. */
interface Level {
  readonly open: number;
  readonly done: Node[][];
  nodes: Node[];
}

/** Levels are kept in an array and not on the call stack, whose depth a pattern must not decide. */
function readNodes(pattern: string): Node[] {
  let level: Level = { open: -1, done: [], nodes: [] };
  const outer: Level[] = [];
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at]!;
    if (char === '[') {
      const read = readClass(pattern, at);
      level.nodes.push(read.token);
      at = read.end;
      continue;
    }
    if (char === '\\') {
      const code = pattern.codePointAt(at + 1);
      if (code === undefined) throw invalidPattern(pattern, at, 'a trailing "\\" escapes nothing');
      const escaped = String.fromCodePoint(code);
      pushText(level.nodes, escaped);
      at += 1 + escaped.length;
      continue;
    }
    at++;
    if (char === '*') level.nodes.push(STAR);
    else if (char === '?') level.nodes.push(ONE);
    else if (char === '{') {
      outer.push(level);
      level = { open: at - 1, done: [], nodes: [] };
    } else if (char === ',' && level.open >= 0) {
      level.done.push(level.nodes);
      level.nodes = [];
    } else if (char === '}' && level.open >= 0) {
      const closed = level;
      level = outer.pop()!;
      close(closed, level.nodes);
    } else pushText(level.nodes, char);
  }
  if (level.open >= 0) throw invalidPattern(pattern, level.open, 'unclosed "{"');
  return level.nodes;
}

/** `{}` and a single alternative are literal braces; what is inside keeps its meaning. */
function close(level: Level, into: Node[]): void {
  if (level.done.length > 0) {
    into.push({ alternatives: [...level.done, level.nodes] });
    return;
  }
  pushText(into, '{');
  for (const node of level.nodes) {
    if (typeof node === 'string') pushText(into, node);
    else into.push(node);
  }
  pushText(into, '}');
}

function pushText(nodes: Node[], text: string): void {
  const last = nodes.at(-1);
  if (typeof last === 'string') nodes[nodes.length - 1] = last + text;
  else nodes.push(text);
}

/** A `]` right after the opening is a member, as in every shell. */
function readClass(pattern: string, open: number): { readonly token: GlobClass; readonly end: number } {
  let at = open + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const ranges: [number, number][] = [];
  const member = (): number => {
    if (pattern[at] === '\\') at++;
    const code = pattern.codePointAt(at);
    if (code === undefined) throw invalidPattern(pattern, open, 'unclosed "["');
    at += code > 0xffff ? 2 : 1;
    return code;
  };
  while (pattern[at] !== ']' || ranges.length === 0) {
    const start = at;
    const from = member();
    let to = from;
    if (pattern[at] === '-' && pattern[at + 1] !== ']') {
      at++;
      to = member();
    }
    if (to < from) throw invalidPattern(pattern, start, `the range ${pattern.slice(start, at)} is empty`);
    ranges.push([from, to]);
  }
  return { token: { negated, ranges }, end: at + 1 };
}

/** How many patterns the braces multiply out to; beyond 2^53 it is only large. */
function countAlternatives(nodes: readonly Node[]): number {
  let product = 1;
  for (const node of nodes) {
    if (!isBraces(node)) continue;
    let sum = 0;
    for (const alternative of node.alternatives) sum += countAlternatives(alternative);
    product *= sum;
  }
  return product;
}

function expand(nodes: readonly Node[]): GlobToken[][] {
  let results: GlobToken[][] = [[]];
  for (const node of nodes) {
    if (!isBraces(node)) {
      for (const result of results) append(result, node);
      continue;
    }
    const alternatives = node.alternatives.flatMap(expand);
    results = results.flatMap((result) =>
      alternatives.map((alternative) => {
        const joined = [...result];
        for (const token of alternative) append(joined, token);
        return joined;
      }),
    );
  }
  return results;
}

function append(tokens: GlobToken[], token: GlobToken): void {
  if (typeof token === 'string') pushText(tokens, token);
  else tokens.push(token);
}
