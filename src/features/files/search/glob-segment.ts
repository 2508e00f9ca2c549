/**
 * One segment of a glob against one name of a path. Guarantees: the work is at most pattern × name for every pattern,
 * since a run between two stars is only ever moved to the right; `?` and classes take whole characters (code points).
 */
import { type GlobClass, type GlobToken, ONE, STAR } from './glob-syntax.ts';

/** Does the name at `[from, to)` of the path match? A name is never empty. */
export type NameTest = (path: string, from: number, to: number) => boolean;

/** What stands between two stars: only text, or characters one by one. */
type Run = string | readonly OneCharacter[];
type OneCharacter = number | typeof ONE | GlobClass;

export function compileSegment(tokens: readonly GlobToken[]): NameTest {
  const runs = splitAtStars(tokens);
  const first = runs[0]!;
  const last = runs.at(-1)!;
  if (runs.length === 1 && typeof first === 'string') {
    return (path, from, to) => to - from === first.length && path.startsWith(first, from);
  }
  if (runs.length === 2 && typeof first === 'string' && typeof last === 'string') {
    if (first === '' && last === '') return () => true;
    const least = first.length + last.length;
    return (path, from, to) =>
      to - from >= least && path.startsWith(first, from) && path.startsWith(last, to - last.length);
  }
  return (path, from, to) => matchRuns(runs, path.slice(from, to));
}

/** Neighbouring stars are one. */
function splitAtStars(tokens: readonly GlobToken[]): Run[] {
  const runs: GlobToken[][] = [[]];
  for (const token of tokens) {
    if (token !== STAR) runs.at(-1)!.push(token);
    else if (runs.length === 1 || runs.at(-1)!.length > 0) runs.push([]);
  }
  return runs.map(toRun);
}

function toRun(tokens: readonly GlobToken[]): Run {
  if (tokens.length === 0) return '';
  const only = tokens[0];
  if (tokens.length === 1 && typeof only === 'string') return only;
  return tokens.flatMap((token): OneCharacter[] => {
    if (typeof token === 'string') return Array.from(token, (char) => char.codePointAt(0)!);
    return token === STAR ? [] : [token];
  });
}

function matchRuns(runs: readonly Run[], name: string): boolean {
  let at = endOf(runs[0]!, name, 0);
  if (runs.length === 1 || at < 0) return at === name.length;
  const last = runs.at(-1)!;
  const tail = startFromEnd(last, name);
  if (tail < at || endOf(last, name, tail) !== name.length) return false;
  const middle = name.slice(0, tail);
  for (let i = 1; i < runs.length - 1; i++) {
    at = findRun(runs[i]!, middle, at);
    if (at < 0) return false;
  }
  return true;
}

/** Where the run ends when it begins at `at`; -1 when it does not match there. */
function endOf(run: Run, name: string, at: number): number {
  if (typeof run === 'string') return name.startsWith(run, at) ? at + run.length : -1;
  let end = at;
  for (const wanted of run) {
    const code = name.codePointAt(end);
    if (code === undefined || !isOne(wanted, code)) return -1;
    end += code > 0xffff ? 2 : 1;
  }
  return end;
}

/** End of the leftmost occurrence at or after `from`; -1 when there is none. */
function findRun(run: Run, name: string, from: number): number {
  if (typeof run === 'string') {
    const found = name.indexOf(run, from);
    return found < 0 ? -1 : found + run.length;
  }
  for (let at = from; at < name.length; at += isPair(name, at) ? 2 : 1) {
    const end = endOf(run, name, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where a run must begin to end with the name; -1 when the name is too short. */
function startFromEnd(run: Run, name: string): number {
  if (typeof run === 'string') return name.length - run.length;
  let at = name.length;
  for (let i = 0; i < run.length; i++) {
    if (at <= 0) return -1;
    at -= isPair(name, at - 2) ? 2 : 1;
  }
  return at;
}

const isPair = (name: string, at: number): boolean => at >= 0 && name.codePointAt(at)! > 0xffff;

function isOne(wanted: OneCharacter, code: number): boolean {
  if (typeof wanted === 'number') return wanted === code;
  if (wanted === ONE) return true;
  const member = wanted.ranges.some(([from, to]) => from <= code && code <= to);
  return member !== wanted.negated;
}
