/** What is known of a wrong field beside what every client is told; the door of `/api/v1` tells it (infrastructure.md §1). */
import type { z } from 'zod';
import { cut, NAME_CHARACTERS } from './cut.ts';
import { allInvalid, type Fault, type Issue, MISSING } from './faults.ts';
import { understand, type Wrong } from './understand.ts';
import { valueAt } from './union-issues.ts';

export const ISSUE_TYPES = [
  'missing',
  'type_error',
  'literal_error',
  'greater_than_equal',
  'less_than_equal',
  'too_long',
] as const;
export type IssueType = (typeof ISSUE_TYPES)[number];

export interface IssueDetails {
  readonly type: IssueType;
  /** Names and places from the root of the parameters on. */
  readonly at: readonly (string | number)[];
  /** What stands there. */
  readonly input: unknown;
}

const known = new WeakMap<Issue, IssueDetails>();

export const detailsOf = (issue: Issue): IssueDetails =>
  known.get(issue) ?? { type: 'type_error', at: issue.path === '' ? [] : issue.path.split('.'), input: undefined };

/** INVALID_PARAMS of one field, for what no schema says. */
export function invalidValue(issue: Issue, input: unknown): Fault {
  const at = issue.path === '' ? [] : issue.path.split('.');
  known.set(issue, { type: 'type_error', at, input });
  return allInvalid([issue]);
}

/** The value as its schema has it; INVALID_PARAMS that tells of each wrong field what it is about. */
export function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const understood = understand(schema, given);
  if (understood.success) return understood.data;
  throw faultOf(understood, given);
}

export const faultOf = (wrong: Wrong, given: unknown): Fault => allInvalid(issuesOf(wrong, given), wrong.has_more);

/** What a schema found wrong, each issue with what it is about. */
export const issuesOf = ({ issues }: Pick<Wrong, 'issues'>, given: unknown): Issue[] =>
  issues.map((issue) => issueOf(issue, given));

/** Characters of what is wrong with one field: it may name what was sent. */
const MESSAGE_CHARACTERS = 2_000;

function issueOf(issue: z.core.$ZodIssue, given: unknown): Issue {
  const at = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const input = valueAt(given, at);
  const path = at.map((part) => cut(String(part), NAME_CHARACTERS)).join('.');
  const told: Issue = { path, message: cut(messageOf(issue, input), MESSAGE_CHARACTERS) };
  known.set(told, { type: typeOf(issue, input), at, input });
  return told;
}

/** The library's words for what is not there name a type that nobody gave; whoever wrote others in a schema has said it. */
function messageOf(issue: z.core.$ZodIssue, input: unknown): string {
  const isMissing =
    input === undefined && issue.path.length > 0 && /^Invalid (input|option): expected/.test(issue.message);
  if (!isMissing) return issue.message;
  return issue.code === 'invalid_value'
    ? `${MISSING}: ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    : MISSING;
}

const isNumber = (origin: string): boolean => origin === 'number' || origin === 'int' || origin === 'bigint';

function typeOf(issue: z.core.$ZodIssue, input: unknown): IssueType {
  if (input === undefined) return 'missing';
  switch (issue.code) {
    case 'invalid_value':
      return 'literal_error';
    case 'too_small':
      return isNumber(issue.origin) ? 'greater_than_equal' : 'type_error';
    case 'too_big':
      return isNumber(issue.origin) ? 'less_than_equal' : 'too_long';
    default:
      return 'type_error';
  }
}
