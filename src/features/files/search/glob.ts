/**
 * Globs over the paths of a tree (files.md §9). Guarantees: `test` answers exactly the grammar of the contract, in time
 * at most pattern × path for every pattern; every path that matches is `prefix` or lies below it; `mayContain` is never
 * false for a directory with a match below it.
 *
 * An alternative is head, then any number of runs between `**`, then tail. Head and tail stand at fixed places, and
 * a run in the middle is only ever moved to the right, so nothing is tried twice.
 */
import { isBelow } from '../../../base/paths.ts';
import { compileSegment, type NameTest } from './glob-segment.ts';
import { type GlobToken, parseGlob, STAR } from './glob-syntax.ts';
import { checkPatternBytes, type GlobLimits } from './pattern.ts';

export interface Glob {
  readonly pattern: string;
  /** The deepest path that every match is or lies below: where a scan of the tree begins. */
  readonly prefix: string;
  /** No path can match: the pattern lies elsewhere than `base`. */
  readonly never: boolean;
  /** Does this path of the tree (absolute and clean) match? */
  test(path: string): boolean;
  /** May a path below this directory match? A yes may be wrong, a no is not. */
  mayContain(directory: string): boolean;
}

/** Segments between two `**`. */
type Run = readonly NameTest[];

interface Alternative {
  /** Text of the leading literal names, `''` for none: `/a/b`. */
  readonly literal: string;
  /** Names after it, up to the first `**` or the end. */
  readonly head: Run;
  /** Runs between two `**`; undefined when the alternative has no `**`. */
  readonly middle: readonly Run[] | undefined;
  /** Names after the last `**`. */
  readonly tail: Run;
  /** Set when only the matches within this directory count. */
  readonly within: string | undefined;
  /** The text that every match ends with, `''` when the pattern does not end in text. */
  readonly end: string;
}

/** From this number of alternatives on, those that end in text are looked up by the end of the path. */
const INDEXED_ALTERNATIVES = 8;

/** `base` is an absolute clean path. A pattern without leading `/` is relative to it, any other must match below it. */
export function compileGlob(pattern: string, base: string, limits: GlobLimits): Glob {
  checkPatternBytes(pattern, limits.PATTERN_BYTES);
  const alternatives: Alternative[] = [];
  for (const tokens of parseGlob(pattern, limits)) {
    const alternative = compileAlternative(tokens, base);
    if (alternative) alternatives.push(alternative);
  }
  const test = alternatives.length < INDEXED_ALTERNATIVES ? testEach(alternatives) : testByEnd(alternatives);
  return {
    pattern,
    prefix: commonPrefix(alternatives, base),
    never: alternatives.length === 0,
    test: (path) => test(path === '/' ? '' : path),
    mayContain(directory) {
      const text = directory === '/' ? '' : directory;
      return alternatives.some((alternative) => mayLieBelow(alternative, text));
    },
  };
}

type Test = (text: string) => boolean;

function testEach(alternatives: readonly Alternative[]): Test {
  return (text) => {
    for (const alternative of alternatives) if (matches(alternative, text)) return true;
    return false;
  };
}

/** Hundreds of names or extensions cost one look-up for each length that occurs among them. */
function testByEnd(alternatives: readonly Alternative[]): Test {
  const byEnd = Map.groupBy(alternatives, ({ end }) => end);
  const tests = new Map(Array.from(byEnd, ([end, group]): [string, Test] => [end, testEach(group)]));
  const lengths = new Set(Array.from(tests.keys(), (end) => end.length));
  return (text) => {
    for (const length of lengths) if (tests.get(text.slice(text.length - length))?.(text)) return true;
    return false;
  };
}

/** Undefined when nothing within `base` can match. Repeated slashes and `.` names mean nothing, as in paths (§5). */
function compileAlternative(tokens: readonly GlobToken[], base: string): Alternative | undefined {
  const first = tokens[0];
  const absolute = typeof first === 'string' && first.startsWith('/');
  const segments = splitSegments(tokens);
  if (segments.some((segment) => textOf(segment) === '..')) return undefined;
  if (!absolute && base !== '/')
    segments.unshift(
      ...base
        .slice(1)
        .split('/')
        .map((name) => [name]),
    );
  // "Everything below": a trailing `**` takes at least one name.
  if (isGlobstar(segments.at(-1))) segments.push([STAR]);

  let literals = 0;
  while (literals < segments.length && textOf(segments[literals]!) !== undefined) literals++;
  const literal = segments
    .slice(0, literals)
    .map((segment) => `/${textOf(segment)}`)
    .join('');
  const reaches = base === '/' || literal === base || isBelow(literal, base);
  if (!reaches && literal !== '' && !isBelow(base, literal)) return undefined;

  const runs = splitAtGlobstars(segments.slice(literals));
  const last = segments.at(-1)?.at(-1);
  const end = typeof last === 'string' ? last : '';
  return {
    literal,
    head: runs[0]!,
    middle: runs.length > 1 ? runs.slice(1, -1).filter((run) => run.length > 0) : undefined,
    tail: runs.length > 1 ? runs.at(-1)! : [],
    within: reaches ? undefined : base,
    end: literals === segments.length ? literal : end,
  };
}

function splitSegments(tokens: readonly GlobToken[]): GlobToken[][] {
  const segments: GlobToken[][] = [[]];
  for (const token of tokens) {
    if (typeof token !== 'string') {
      segments.at(-1)!.push(token);
      continue;
    }
    token.split('/').forEach((text, index) => {
      if (index > 0) segments.push([]);
      if (text !== '') segments.at(-1)!.push(text);
    });
  }
  return segments.filter((segment) => segment.length > 0 && textOf(segment) !== '.');
}

/** The name that a segment of nothing but text stands for. */
function textOf(segment: readonly GlobToken[]): string | undefined {
  const only = segment[0];
  return segment.length === 1 && typeof only === 'string' ? only : undefined;
}

const isGlobstar = (segment: readonly GlobToken[] | undefined): boolean =>
  segment?.length === 2 && segment[0] === STAR && segment[1] === STAR;

function splitAtGlobstars(segments: readonly GlobToken[][]): Run[] {
  const runs: NameTest[][] = [[]];
  for (const segment of segments) {
    if (isGlobstar(segment)) runs.push([]);
    else runs.at(-1)!.push(compileSegment(segment));
  }
  return runs;
}

/** The deepest directory (or path) above every alternative's literal names. */
function commonPrefix(alternatives: readonly Alternative[], base: string): string {
  const starts = alternatives.map(({ literal, within }) => within ?? (literal || '/'));
  let common = starts[0] ?? base;
  for (const start of starts) {
    while (start !== common && !isBelow(start, common)) common = common.slice(0, common.lastIndexOf('/')) || '/';
  }
  return common;
}

function matches({ literal, head, middle, tail, within }: Alternative, text: string): boolean {
  if (!startsWithin(text, literal)) return false;
  if (within !== undefined && !startsWithin(text, within)) return false;
  const from = endOfRun(head, text, literal.length);
  if (from < 0 || middle === undefined) return from === text.length;
  let to = text.length;
  for (let i = tail.length - 1; i >= 0; i--) {
    if (to <= from) return false;
    const start = text.lastIndexOf('/', to - 1);
    if (!tail[i]!(text, start + 1, to)) return false;
    to = start;
  }
  return middle.length === 0 || holdsRuns(middle, text.slice(0, to), from);
}

/** Is the path `start` or below it? */
const startsWithin = (text: string, start: string): boolean =>
  text.startsWith(start) && (text.length === start.length || text.charCodeAt(start.length) === 0x2f);

/** End of the run's names when the first begins after the slash at `at`; -1 when they do not match there. */
function endOfRun(run: Run, text: string, at: number): number {
  let from = at;
  for (const name of run) {
    if (from >= text.length) return -1;
    const slash = text.indexOf('/', from + 1);
    const to = slash < 0 ? text.length : slash;
    if (!name(text, from + 1, to)) return -1;
    from = to;
  }
  return from;
}

/** Do the runs occur one after the other, each as far left as it can? */
function holdsRuns(runs: readonly Run[], text: string, at: number): boolean {
  let from = at;
  for (const run of runs) {
    let end = endOfRun(run, text, from);
    while (end < 0) {
      from = text.indexOf('/', from + 1);
      if (from < 0) return false;
      end = endOfRun(run, text, from);
    }
    from = end;
  }
  return true;
}

function mayLieBelow({ literal, head, middle, within }: Alternative, directory: string): boolean {
  if (within !== undefined && !startsWithin(directory, within) && !isAbove(directory, within)) return false;
  if (isAbove(directory, literal)) return true;
  if (!startsWithin(directory, literal)) return false;
  let from = literal.length;
  for (const name of head) {
    if (from >= directory.length) return true;
    const slash = directory.indexOf('/', from + 1);
    const to = slash < 0 ? directory.length : slash;
    if (!name(directory, from + 1, to)) return false;
    from = to;
  }
  return middle !== undefined;
}

/** Does `text` lie strictly below the directory? Both without the slash of the root. */
const isAbove = (directory: string, text: string): boolean =>
  text.length > directory.length && startsWithin(text, directory);
