/**
 * What a schema makes of a value that somebody sent. Guarantees: a wrong value costs about what a right one of its size does, and no more
 * of its issues are told than a fault carries.
 */
import { z } from 'zod';
import { ISSUES_TOLD } from './faults.ts';
import { holdsMore } from './json-object.ts';
import { plainIssues } from './union-issues.ts';

export interface Wrong {
  readonly success: false;
  readonly issues: readonly z.core.$ZodIssue[];
  /** There are others, or may be. */
  readonly has_more: boolean;
}

export type Understood<T> = { readonly success: true; readonly data: T } | Wrong;

/**
 * Values up to which a wrong one is looked through to its end. The library makes an issue of each wrong item of a list, which takes
 * up to 10 µs, and has no most; of a larger value it is asked for the first.
 */
const LOOKED_THROUGH = ISSUES_TOLD;

const FIRST = { async: false, abortEarly: true } as const;
const ALL = { async: false } as const;

export function understand<T>(schema: z.ZodType<T>, given: unknown): Understood<T> {
  const first = parse(schema, given, FIRST);
  if (first.issues.length === 0) return { success: true, data: first.value };
  const isLarge = holdsMore(given, LOOKED_THROUGH);
  const { issues } = isLarge ? first : parse(schema, given, ALL);
  const some = issues.slice(0, ISSUES_TOLD).map((issue) => z.core.util.finalizeIssue(issue, ALL, z.core.config()));
  const told = plainIssues(some, given);
  const has_more = isLarge || issues.length > ISSUES_TOLD || told.length > ISSUES_TOLD;
  return { success: false, issues: told.slice(0, ISSUES_TOLD), has_more };
}

/** As `safeParse` does it, which takes no word of where to stop, and puts each issue into words. */
function parse<T>(schema: z.ZodType<T>, given: unknown, how: typeof FIRST | typeof ALL) {
  const parsed = schema._zod.run({ value: given, issues: [] }, how);
  if (parsed instanceof Promise) throw new Error('no schema of a parameter waits for anything');
  return parsed as z.core.ParsePayload<T>;
}
