/**
 * A pattern for the lines of contents (grep, files.md §9). Guarantees: what matches, and where, is RE2's answer;
 * back-references and look-around are refused by name; no pattern takes longer to compile than its limits allow, and
 * both finding candidates and matching a line are linear in the text for every pattern.
 *
 * RE2 in JavaScript reads some 100 MB/s; what makes a grep fast is to ask it only about candidates: lines with a literal
 * that the pattern cannot do without, or with a match of a simpler native expression (regex-finder.ts).
 */
import { RE2JS } from 're2js';
import { ANY } from './charset.ts';
import { checkPatternBytes, invalidPattern, type RegexLimits } from './pattern.ts';
import { explainInvalid } from './regex-faults.ts';
import { writeFinder } from './regex-finder.ts';
import { type LiteralGroup, requiredLiterals, strongest } from './regex-literals.ts';
import { writeMatcher } from './regex-matcher.ts';
import { type Regex, readRegex } from './regex-syntax.ts';

export interface PatternInput {
  readonly pattern: string;
  /** The pattern is text, not an expression. */
  readonly fixed: boolean;
  readonly ignoreCase: boolean;
}

/** UTF-16 units of a line, the end not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface LinePattern {
  /** Every matching line holds one literal of each group. */
  readonly required: readonly LiteralGroup[];
  /** Bytes that every matching line holds, the longest that is known. */
  readonly needle: Buffer | undefined;
  /** `candidate` looks for nothing but the needle. */
  readonly seeksNeedle: boolean;
  /** A place in the next line at or after `from` (a line's start) that may match; -1 when no line does. */
  candidate(text: string, from: number): number;
  /** The leftmost match in a line that has no line feed. */
  match(line: string): Span | undefined;
}

/** Characters of ranges that ignore case; re2js looks at each, some 30 ns a piece. */
const FOLDED_CHARACTERS = 1_000_000;
/** Instructions that a Unicode class counts for, each time it is written: its table has hundreds of ranges. */
const UNICODE_CLASS_INSTRUCTIONS = 50;
/** A shorter literal is met too often to be worth looking for by itself. */
const NEEDLE_CHARACTERS = 3;

export function compileLinePattern(input: PatternInput, limits: RegexLimits): LinePattern {
  const { pattern, fixed, ignoreCase } = input;
  checkPatternBytes(pattern, limits.PATTERN_BYTES);
  const source = fixed ? RE2JS.quote(pattern) : pattern;
  const shape = readRegex(source, ignoreCase);
  if (shape.foldedCharacters > FOLDED_CHARACTERS) {
    throw invalidPattern(pattern, 0, 'the ranges of its classes are too large to ignore case in them');
  }
  const tree = shape.tree ?? EVERYTHING;
  refuseLarge(pattern, shape.unicodeClasses * UNICODE_CLASS_INSTRUCTIONS, limits);
  refuseLarge(pattern, countInstructions(tree), limits);
  const re2 = compileRe2(pattern, source, ignoreCase);
  refuseLarge(pattern, re2.programSize(), limits);
  return assemble(tree, re2);
}

const EVERYTHING: Regex = {
  kind: 'loop',
  body: { kind: 'set', set: ANY },
  min: 0,
  max: Number.POSITIVE_INFINITY,
  lazy: false,
};

function compileRe2(pattern: string, source: string, ignoreCase: boolean): RE2JS {
  try {
    return RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (thrown) {
    throw explainInvalid(pattern, thrown);
  }
}

function refuseLarge(pattern: string, instructions: number, limits: RegexLimits): void {
  const maximum = limits.REGEX_INSTRUCTIONS;
  if (instructions <= maximum) return;
  const reason = `${instructions} instructions pass the limit REGEX_INSTRUCTIONS of ${maximum}`;
  throw invalidPattern(pattern, 0, reason);
}

/** Size of the program before RE2 shortens it, known without the work of making it. */
function countInstructions(node: Regex): number {
  switch (node.kind) {
    case 'set':
      return node.set.exact ? 1 : UNICODE_CLASS_INSTRUCTIONS;
    case 'edge':
    case 'word':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + countInstructions(part), 0);
    case 'choice':
      return node.parts.reduce((sum, part) => sum + countInstructions(part) + 1, -1);
    case 'loop': {
      const turns = node.max === Number.POSITIVE_INFINITY ? Math.max(node.min, 1) : node.max;
      return turns * countInstructions(node.body) + (node.max === node.min ? 0 : turns - node.min + 1);
    }
  }
}

function assemble(tree: Regex, re2: RE2JS): LinePattern {
  const required = requiredLiterals(tree);
  const literal = strongest(required.filter((group) => group.length === 1 && !group[0]!.fold))?.[0]?.text;
  const needle = literal === undefined ? undefined : Buffer.from(literal);
  const whole = literal !== undefined && isText(tree, literal);
  const match = whole ? matchText(literal) : matcherOf(tree, re2);
  if (literal !== undefined && (literal.length >= NEEDLE_CHARACTERS || whole)) {
    return { required, needle, seeksNeedle: true, match, candidate: (text, from) => text.indexOf(literal, from) };
  }
  const finder = writeFinder(tree);
  if (finder === '') return { required, needle, seeksNeedle: false, match, candidate: (_text, from) => from };
  const native = new RegExp(finder, 'gmu');
  return {
    required,
    needle,
    seeksNeedle: false,
    match,
    candidate(text, from) {
      native.lastIndex = from;
      return native.exec(text)?.index ?? -1;
    },
  };
}

const matchText =
  (literal: string): LinePattern['match'] =>
  (line) => {
    const start = line.indexOf(literal);
    return start < 0 ? undefined : { start, end: start + literal.length };
  };

/** Is the tree this text and nothing else? */
function isText(tree: Regex, text: string): boolean {
  const parts = tree.kind === 'sequence' ? tree.parts : [tree];
  return parts.every(({ kind }) => kind === 'set') && parts.length === Array.from(text).length;
}

/**
 * At a surrogate pair V8 14 is not to be relied on: it finds an empty `\B` between the halves, and overlooks a pair at
 * the end (`/[^x]$/u`).
 */
const SURROGATE = /[\ud800-\udfff]/;

/** RE2 tells whether a line matches in a tenth of the time of where, and most candidates of a weak finder do not. */
function matcherOf(tree: Regex, re2: RE2JS): LinePattern['match'] {
  const matcher = writeMatcher(tree);
  const native = new RegExp(matcher?.source ?? '', 'u');
  const longest = matcher?.longest ?? -1;
  return (line) => {
    if (line.length <= longest && !SURROGATE.test(line)) {
      const found = native.exec(line);
      return found ? { start: found.index, end: found.index + found[0].length } : undefined;
    }
    if (!re2.test(line)) return undefined;
    const found = re2.matcher(line);
    return found.find() ? { start: found.start(), end: found.end() } : undefined;
  };
}
