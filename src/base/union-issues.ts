/**
 * What is wrong where a value may be of several forms. The schema library says "Invalid input" of the whole. Guarantees: where the
 * value is plainly meant as one of the forms, what keeps it from being that is told, at its own place; else all forms are named.
 */
import type { z } from 'zod';

type RawIssue = z.core.$ZodIssue;
type Place = readonly PropertyKey[];

/** The same issues, those of unions and of keys of records replaced by what is behind them. */
export const plainIssues = (issues: readonly RawIssue[], given: unknown): RawIssue[] =>
  issues.flatMap((issue) => {
    if (issue.message !== UNTOLD[issue.code]) return [issue];
    if (issue.code === 'invalid_key') return below(issue.issues, issue.path);
    return issue.code === 'invalid_union' ? ofUnion(issue, given) : [issue];
  });

/** The library's words where it has nothing to say; whoever wrote others in a schema has said it. */
const UNTOLD: Readonly<Record<string, string>> = {
  invalid_union: 'Invalid input',
  invalid_key: 'Invalid key in record',
  custom: 'Invalid input',
};

const below = (issues: readonly RawIssue[], path: Place): RawIssue[] =>
  issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));

function ofUnion(union: z.core.$ZodIssueInvalidUnion, given: unknown): RawIssue[] {
  const forms = formsOf(union)
    .map((issues) => plainIssues(issues, given))
    .filter((issues) => issues.some(({ code, message }) => message !== UNTOLD[code]));
  const meant = formMeant(forms, union.path, given);
  if (meant) return [...meant];
  const accepted = [...new Set(forms.flatMap((issues) => wordsOf(issues, union.path, given)))];
  if (accepted.length === 0) return [union];
  const [last = '', ...others] = accepted.toReversed();
  const all = others.length > 0 ? `${others.toReversed().join(', ')} or ${last}` : last;
  const received = kindOf(valueAt(given, union.path));
  return [{ ...union, message: `Invalid input: expected ${all}, received ${received}` }];
}

/** What is wrong with the value as each of the forms; those of a union that is one of the forms are forms themselves. */
const formsOf = ({ errors, path }: z.core.$ZodIssueInvalidUnion): RawIssue[][] =>
  errors.flatMap((inner) => {
    const issues = below(inner, path);
    const [only] = issues;
    const isUnion = only?.code === 'invalid_union' && isAt(only, path) && only.message === UNTOLD.invalid_union;
    return isUnion ? formsOf(only) : [issues];
  });

/** The one form that the value is of the kind of, and that has least to do with other names; undefined where none stands out. */
function formMeant(forms: readonly RawIssue[][], path: Place, given: unknown): readonly RawIssue[] | undefined {
  const ofKind = forms.filter((issues) => !issues.some((issue) => isAt(issue, path) && expectedBy(issue)));
  const ranked = ofKind.map((issues) => ({ issues, far: strangeness(issues, path, given) }));
  const [first, second] = ranked.sort((a, b) => a.far - b.far);
  return second === undefined || (first && first.far < second.far) ? first?.issues : undefined;
}

const isAt = (issue: RawIssue, path: Place): boolean => issue.path.length === path.length;

/** How many names are missing, and how many are of no form like this. */
function strangeness(issues: readonly RawIssue[], path: Place, given: unknown): number {
  const missing = missingIn(issues, path, given).length;
  const unknown = issues.flatMap((issue) =>
    isAt(issue, path) && issue.code === 'unrecognized_keys' ? issue.keys : [],
  );
  return missing + unknown.length;
}

const missingIn = (issues: readonly RawIssue[], path: Place, given: unknown): string[] =>
  issues.flatMap((issue) =>
    issue.path.length === path.length + 1 && valueAt(given, issue.path) === undefined
      ? [String(issue.path.at(-1))]
      : [],
  );

/** What a form accepts, in words. */
function wordsOf(issues: readonly RawIssue[], path: Place, given: unknown): string[] {
  const told = issues.flatMap((issue) => (isAt(issue, path) ? (expectedBy(issue) ?? []) : []));
  if (told.length > 0) return told;
  const missing = missingIn(issues, path, given);
  return missing.length > 0 ? [`object with ${missing.join(' and ')}`] : [];
}

/** What clients call it. */
const CLIENTS_WORDS: Readonly<Record<string, string>> = { tuple: 'array', Uint8Array: 'bytes' };

/** Of a value of the wrong kind, what it should have been. */
function expectedBy(issue: RawIssue): string[] | undefined {
  if (issue.code === 'invalid_type') return [CLIENTS_WORDS[issue.expected] ?? issue.expected];
  if (issue.code === 'invalid_value') return issue.values.map((value) => JSON.stringify(value));
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** What stands at a place; undefined where nothing does. */
export function valueAt(given: unknown, place: Place): unknown {
  let value = given;
  for (const part of place) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}
