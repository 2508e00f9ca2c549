/** Parameters that the operations on jobs share. */
import { z } from 'zod';
import { writeCursor } from '../../base/cursor.ts';
import { invalidParams } from '../../base/faults.ts';
import { jsonObject, jsonValue } from '../../base/json-object.ts';
import { type Limits, limitExceeded } from '../../base/limits.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import { DEFAULT_BACKOFF, REQUEST_STATES, TIERS } from './job.ts';

export const executorParam = plainText.min(1).max(128).describe('nexus, or any name under which somebody claims tasks');
export const taskTypeParam = plainText
  .min(1)
  .max(128)
  .describe('what its executor has to do; of nexus, a type that it knows');

/** Times have years of four digits, which an offset can lead out of. */
const YEARS = { first: Date.parse('0000-01-01T00:00:00.000Z'), last: Date.parse('9999-12-31T23:59:59.999Z') };

const msOf = (text: string): number => Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
const timeAs = (toMs: (text: string) => number) =>
  z.iso
    .datetime({ offset: true, local: true })
    .transform(toMs)
    .refine((ms) => ms >= YEARS.first && ms <= YEARS.last, 'has to be within the years 0000 to 9999 of UTC');

/** Milliseconds, of a time as files.md §3 takes it; one without an offset is UTC. */
export const timeParam = timeAs(msOf);

/** The same as a bound of what has whole milliseconds: of a time between two the second, from which on all is after it. */
export const boundParam = timeAs((text) => msOf(text) + (/\.\d{3}\d*[1-9]/.test(text) ? 1 : 0));

/** Some 3,000 years, so that the time then has a year of four digits. */
const DELAY_SECONDS_MAX = 100_000_000_000;
export const delayParam = z.number().min(0).max(DELAY_SECONDS_MAX);

export const jsonParam = jsonValue.refine((value) => !holdsNul(value), NO_NUL);

export const payloadParam = jsonObject.refine((value) => !holdsNul(value), NO_NUL).describe('what the task is about');
export const priorityParam = z.enum(TIERS).describe('how urgent; normal by default');
export const requestStateParam = z
  .enum(REQUEST_STATES)
  .describe('what whoever asked is at; io_wait lifts a background task');
export const attemptsParam = z.int().min(1).max(10).describe('attempts at most; 3 by default');
const BACKOFF_SECONDS_MAX = 86_400;
export const backoffParam = z
  .array(z.number().min(0).max(BACKOFF_SECONDS_MAX))
  .min(1)
  .max(10)
  .describe('seconds to wait after each attempt, the last for all further ones; 2, 10, 30 by default');
export const DEFAULT_ATTEMPTS = 3;
export const defaultBackoff = (): number[] => [...DEFAULT_BACKOFF];
export const keyParam = plainText.max(200);

/** A number of items of a page: a larger one is lowered. */
export const pageParam = (most: number, unless: number) =>
  z
    .int()
    .min(1)
    .default(unless)
    .transform((limit) => Math.min(limit, most))
    .describe(`items of a page, ${unless} unless given and at most ${most}`);
export const cursorParam = plainText.optional().describe('next_cursor of the page before');

/** JSON as it is kept; LIMIT_EXCEEDED where it is too long. */
export function keptJson(value: unknown, what: string, limits: Limits): string {
  const text = JSON.stringify(value ?? null);
  const actual = Buffer.byteLength(text);
  const maximum = limits.JOB_PAYLOAD_BYTES;
  if (actual > maximum) throw limitExceeded('JOB_PAYLOAD_BYTES', maximum, { actual, what });
  return text;
}

/** The time at which a task may start, of one or the other parameter. */
export function startOf(input: { run_at?: number | undefined; delay_seconds?: number | undefined }): {
  run_at: number | undefined;
  delay_ms: number | undefined;
} {
  const { run_at, delay_seconds } = input;
  if (run_at !== undefined && delay_seconds !== undefined) {
    throw invalidParams({ path: 'delay_seconds', message: 'and run_at exclude each other' });
  }
  return { run_at, delay_ms: delay_seconds === undefined ? undefined : Math.round(delay_seconds * 1000) };
}

/** What a cursor of a list by creation holds. */
export const placeParam = z.object({ created_at: z.number(), id: z.string() });

interface Page<R> {
  readonly limit: number;
  /** Of the cursor. */
  readonly kind: string;
  readonly id: (row: R) => string;
}

/** One page of rows of which one more than a page was asked for. */
export function pageOf<R extends { readonly created_at: number }>(
  rows: readonly R[],
  { limit, kind, id }: Page<R>,
): { page: R[]; next_cursor: string | null; has_more: boolean } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const has_more = rows.length > limit;
  const next_cursor = has_more && last ? writeCursor(kind, { created_at: last.created_at, id: id(last) }) : null;
  return { page, next_cursor, has_more };
}
