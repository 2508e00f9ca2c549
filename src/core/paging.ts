/**
 * Pages of lists. Guarantees: a cursor goes on with the question that it was made with. What a later page leaves out is as the
 * first one had it; what it says otherwise is INVALID_CURSOR, "contradicts the other parameters" (files.md §2). Lists write cursors
 * of the place where a page ended (base/cursor.ts), and here the question comes around them.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../base/cursor.ts';
import { Fault } from '../base/faults.ts';
import { isObject, withoutNulls } from '../base/json-object.ts';
import type { AnyOperation } from './operation.ts';
import { shapeOf } from './shape-of.ts';

/** Parameters that say which part of the answer is wanted, and how it is told. */
const OF_THE_PAGE: readonly string[] = ['limit', 'cursor', 'offset', 'format'];

const KIND = 'page';
const around = z.object({
  zone_id: z.string(),
  question: z.record(z.string(), z.unknown()),
  cursor: z.string(),
});
type Around = z.infer<typeof around>;

/** The first page, with its parameters as they were understood. */
interface Before extends Around {
  readonly input: Readonly<Record<string, unknown>>;
}

export interface Resumed {
  /** The parameters, with those of the first page that are not given. */
  readonly raw: unknown;
  readonly given: Readonly<Record<string, unknown>>;
  /** Undefined for a first page. */
  readonly before: Before | undefined;
}

export function resume(operation: AnyOperation, raw: unknown): Resumed {
  if (!isPaged(operation) || !isObject(raw)) return { raw, given: {}, before: undefined };
  const given = withoutNulls({ ...raw });
  const before = typeof given.cursor === 'string' ? find(operation, given.cursor) : undefined;
  if (!before) return { raw, given, before };
  return { raw: { ...before.question, ...given, cursor: before.cursor }, given, before };
}

const isPaged = (operation: AnyOperation): boolean => !operation.ownCursor && 'cursor' in shapeOf(operation);

/** What is none of these, or was another list's, is for the list to refuse. */
function find(operation: AnyOperation, text: string): Before | undefined {
  const page = decoded(text);
  const known = { zone_id: true, ...shapeOf(operation) };
  if (!page || Object.keys(page.question).some((name) => !Object.hasOwn(known, name))) return undefined;
  const first = operation.input.safeParse(page.question);
  return first.success ? { ...page, input: first.data as Before['input'] } : undefined;
}

function decoded(text: string): Around | undefined {
  try {
    return readCursor(KIND, text, around);
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

/** As both were understood, so that neither spelling nor defaults count. */
export function checkQuestion({ given, before }: Resumed, call: { zone_id: string; input: unknown }): void {
  if (!before) return;
  const now = call.input as Before['input'];
  for (const name of Object.keys(given)) {
    if (!OF_THE_PAGE.includes(name) && !isDeepStrictEqual(now[name], before.input[name])) throw contradicts(name);
  }
  if (before.zone_id !== call.zone_id) throw contradicts('zone_id');
}

/** The answer, with the question in its cursor. */
export function withQuestion(operation: AnyOperation, resumed: Resumed, page: { zone_id: string; output: unknown }) {
  const { zone_id, output } = page;
  if (!isPaged(operation) || !isObject(output)) return output;
  const { next_cursor } = output;
  if (typeof next_cursor !== 'string') return output;
  const { given, before } = resumed;
  const asked = Object.entries(given).filter(([name]) => !OF_THE_PAGE.includes(name));
  const question = { ...before?.question, ...Object.fromEntries(asked) };
  return { ...output, next_cursor: writeCursor(KIND, { zone_id, question, cursor: next_cursor } satisfies Around) };
}
