/** Texts that may go into a row, or be looked for in one. */
import { z } from 'zod';

/** No lone surrogate, which has no UTF-8 form, and no NUL, which PostgreSQL does not take. */
export const isPlainText = (text: string): boolean => text.isWellFormed() && !text.includes('\u0000');

export const NOT_PLAIN = 'may hold neither a NUL nor a lone surrogate';

/** Of a JSON value. */
export const NO_NUL = 'may hold no NUL';

/** A parameter that is such a text. */
export const plainText = z.string().refine(isPlainText, NOT_PLAIN);

/**
 * An id, or a name that a path of a route has. Any text will do: what has not the form of one is the id of nothing that is there (infrastructure.md §1). Who looks for
 * it in a table asks for its form first.
 */
export const idText = z.string();

/** Does a JSON value hold a NUL, in a text or a name, however deep? */
export function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000');
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsNul);
  for (const name in value)
    if (holdsNul(name) || holdsNul((value as Readonly<Record<string, unknown>>)[name])) return true;
  return false;
}
