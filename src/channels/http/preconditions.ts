/**
 * Conditional requests (RFC 9110 §13) on a file. Guarantees: conditions are tried in the order of §13.2.2; one that
 * cannot be understood never lets a request through that it might have been meant to stop.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parseHttpDate, wholeSecond } from './http-date.ts';
import { one } from './request.ts';

interface Tag {
  readonly etag: string;
  readonly weak: boolean;
}

/** What stands in If-Match or If-None-Match: entity tags, or `*` for anything that exists. */
export type Tags = '*' | readonly Tag[];

export interface Conditions {
  readonly ifMatch: Tags | undefined;
  /** Milliseconds; undefined also beside If-Match, which goes before it. */
  readonly ifUnmodifiedSince: number | undefined;
  readonly ifNoneMatch: Tags | undefined;
  /** Milliseconds; undefined also beside If-None-Match, which goes before it. */
  readonly ifModifiedSince: number | undefined;
  readonly ifRange: string | undefined;
}

const NONE: Conditions = {
  ifMatch: undefined,
  ifUnmodifiedSince: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifRange: undefined,
};

const NAMES = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

export function conditionsOf(headers: IncomingHttpHeaders, now: number): Conditions {
  // Most requests have none, and a text that is no date takes longest to be found out.
  if (NAMES.every((name) => headers[name] === undefined)) return NONE;
  const ifMatch = tagsOf(one(headers, 'if-match'));
  const ifNoneMatch = tagsOf(one(headers, 'if-none-match'));
  // A date that is none is ignored, as §13.1.3 and §13.1.4 say.
  const date = (name: string): number | undefined => parseHttpDate(one(headers, name)?.trim() ?? '', now);
  return {
    ifMatch,
    ifUnmodifiedSince: ifMatch ? undefined : date('if-unmodified-since'),
    ifNoneMatch,
    ifModifiedSince: ifNoneMatch ? undefined : date('if-modified-since'),
    ifRange: one(headers, 'if-range')?.trim(),
  };
}

/** A tag without quotes, which is none by the book, counts as if it had them. */
function tagsOf(header: string | undefined): Tags | undefined {
  const text = header?.trim();
  if (text === undefined) return undefined;
  if (text === '*') return '*';
  const found = text.matchAll(/(W\/)?"([^"]*)"|[^\s,]+/g);
  return [...found].map(([whole, weak, etag]) => ({ etag: etag ?? whole, weak: weak !== undefined }));
}

/** The representation that the conditions are about. */
export interface Current {
  readonly etag: string;
  /** Milliseconds. */
  readonly modifiedAt: number;
}

/** A weak tag never matches: it promises too little (§8.8.3.2). */
const matchesStrongly = (tags: Tags, etag: string): boolean =>
  tags === '*' || tags.some((tag) => !tag.weak && tag.etag === etag);
const matchesWeakly = (tags: Tags, etag: string): boolean => tags === '*' || tags.some((tag) => tag.etag === etag);

/** What becomes of a GET or HEAD of a file that exists. */
export function decideRead(conditions: Conditions, current: Current): 'send' | 'not modified' | 'failed' {
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince } = conditions;
  const modified = wholeSecond(current.modifiedAt);
  if (ifMatch && !matchesStrongly(ifMatch, current.etag)) return 'failed';
  if (ifUnmodifiedSince !== undefined && modified > ifUnmodifiedSince) return 'failed';
  if (ifNoneMatch && matchesWeakly(ifNoneMatch, current.etag)) return 'not modified';
  if (ifModifiedSince !== undefined && modified <= ifModifiedSince) return 'not modified';
  return 'send';
}

/** May a part be sent, or has it to be the whole, since the client's part is of another state (§13.1.5)? */
export function allowsRange(conditions: Conditions, current: Current, now: number): boolean {
  const { ifRange } = conditions;
  if (ifRange === undefined) return true;
  const date = parseHttpDate(ifRange, now);
  if (date !== undefined) return date === wholeSecond(current.modifiedAt);
  const tags = tagsOf(ifRange);
  return tags !== undefined && tags !== '*' && matchesStrongly(tags, current.etag);
}

/** The parameters by which a write or delete decides on the same conditions inside its transaction. */
export function writeConditions(conditions: Conditions): object {
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch } = conditions;
  return {
    if_match: ifMatch && (ifMatch === '*' ? ['*'] : ifMatch.filter((tag) => !tag.weak).map((tag) => tag.etag)),
    if_none_match: ifNoneMatch && (ifNoneMatch === '*' ? ['*'] : ifNoneMatch.map((tag) => tag.etag)),
    // The header names a second: whatever happened in it is not after it.
    if_unmodified_since: ifUnmodifiedSince === undefined ? undefined : new Date(ifUnmodifiedSince + 999).toISOString(),
  };
}
