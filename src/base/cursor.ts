/** Cursors: opaque texts that carry where a page ended and what it was a page of. One of another list is INVALID_CURSOR. */
import type { z } from 'zod';
import { Fault } from './faults.ts';
import { parseJson } from './parse-json.ts';

/** `kind` names the list, so that a cursor of one is none of another. */
export const writeCursor = (kind: string, state: object): string =>
  Buffer.from(JSON.stringify([kind, state])).toString('base64url');

export function readCursor<T>(kind: string, text: string, schema: z.ZodType<T>): T {
  const foreign = (): Fault =>
    new Fault('INVALID_CURSOR', 'This cursor was not given by this list; begin again without it');
  let value: unknown;
  try {
    value = parseJson(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw foreign();
  }
  if (!Array.isArray(value) || value[0] !== kind) throw foreign();
  const parsed = schema.safeParse(value[1]);
  if (!parsed.success) throw foreign();
  return parsed.data;
}

/** INVALID_CURSOR for a parameter that differs from what the cursor goes on with. */
export const contradicts = (parameter: string): Fault =>
  new Fault('INVALID_CURSOR', `The parameter ${parameter} differs from the one that the cursor was made with`);
