/**
 * Conditions of tuples (access.md §7). Pure. Guarantees: every key must hold; a key missing from the context, or a malformed
 * value, does not; nothing malformed is ever stored.
 */
import { z } from 'zod';
import { jsonObjectOf } from '../../../base/json-object.ts';
import { holdsNul, NO_NUL } from '../../../base/texts.ts';
import { plainIssues } from '../../../base/union-issues.ts';
import { isWithin, parseRange } from './addresses.ts';

export type Json = z.infer<ReturnType<typeof z.json>>;
/** As it was given. */
export type Conditions = Readonly<Record<string, Json>>;
/** What conditions may ask for: `{ip, now, channel, agent_id}` of a call, and what a check passes beside. */
export type Context = Readonly<Record<string, Json>>;

/** UTF-8 bytes, as JSON. */
const BYTES_MAX = 4096;

/** A time without an offset would be one of wherever the server stands. */
const moment = z.iso.datetime({ offset: true });
const windowSchema = z.strictObject({ start: moment.nullish(), end: moment.nullish() });
const range = z
  .string()
  .refine((text) => parseRange(text) !== undefined, 'is no address range like 10.0.0.0/8 or fd00::/8');
const rangesSchema = z.union([range, z.array(range).min(1)]);

export const conditionsSchema: z.ZodType<Conditions> = jsonObjectOf<Json>()
  .refine((value) => !holdsNul(value), NO_NUL)
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= BYTES_MAX, `at most ${BYTES_MAX} bytes`)
  .superRefine((value, issues) => {
    for (const [key, schema] of [
      ['ip_range', rangesSchema],
      ['time_window', windowSchema],
    ] as const) {
      if (!Object.hasOwn(value, key)) continue;
      const [wrong] = plainIssues(schema.safeParse(value[key]).error?.issues ?? [], value[key]);
      if (wrong) issues.addIssue({ code: 'custom', path: [key, ...wrong.path], message: wrong.message });
    }
  });

/** Do all conditions hold in the context? */
export const conditionsHold = (conditions: Conditions, context: Context): boolean =>
  Object.entries(conditions).every(([key, value]) => {
    if (key === 'ip_range') return addressHolds(value, context);
    if (key === 'time_window') return windowHolds(value, context);
    return Object.hasOwn(context, key) && sameJson(value, context[key]);
  });

function addressHolds(value: Json | undefined, context: Context): boolean {
  const address = Object.hasOwn(context, 'ip') ? context.ip : undefined;
  const ranges = rangesSchema.safeParse(value);
  if (typeof address !== 'string' || !ranges.success) return false;
  return isWithin(
    address,
    [ranges.data].flat().flatMap((text) => parseRange(text) ?? []),
  );
}

/** Edges of the window, in milliseconds; undefined where it is malformed. */
function windowEdges(value: Json | undefined): { readonly start: number; readonly end: number } | undefined {
  const parsed = windowSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { start, end } = parsed.data;
  return {
    start: start == null ? Number.NEGATIVE_INFINITY : Date.parse(start),
    end: end == null ? Number.POSITIVE_INFINITY : Date.parse(end),
  };
}

function windowHolds(value: Json | undefined, context: Context): boolean {
  const edges = windowEdges(value);
  const given = moment.safeParse(Object.hasOwn(context, 'now') ? context.now : undefined);
  const now = given.success ? Date.parse(given.data) : Number.NaN;
  return edges !== undefined && edges.start <= now && now < edges.end;
}

/** The times at which conditions may begin or cease to hold. */
export function edgesOf(conditions: Conditions): number[] {
  if (!Object.hasOwn(conditions, 'time_window')) return [];
  const edges = windowEdges(conditions.time_window);
  return edges ? [edges.start, edges.end].filter(Number.isFinite) : [];
}

/** Do they ask for nothing but the time? */
export const onlyOfTime = (conditions: Conditions): boolean =>
  Object.keys(conditions).every((key) => key === 'time_window');

/** Equal as JSON: the order of names does not count. */
function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  );
}
