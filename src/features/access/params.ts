/** Parameters that the operations on keys and tuples share. */
import { z } from 'zod';
import { jsonObjectOf } from '../../base/json-object.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import { conditionsSchema, type Json } from './conditions/conditions.ts';

/** Id of a subject: no control characters, and not the `*` that stands for everybody. */
export const subjectId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'may not hold control characters')
  .refine((text) => text.isWellFormed(), 'may not hold a lone surrogate')
  .regex(/^(?!\*$)/, 'stands for everybody and is nobody');

/** Milliseconds, of a time as files.md §3 takes it. */
export const expiryParam = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .describe('time at which it ends');

export const zoneOfTuples = z.string().optional().describe('zone of the tuples; the own one unless given');

const texts = z.array(plainText);
export const subjectParam = texts.describe('[type, id] or ["group", id, "member"]');
export const objectParam = texts.describe('[type, id]');
/** Parameters of these schemas, by their names. */
export const THINGS = { subject: 'subject', object: 'object', resource: 'object' } as const;

export const conditionsParam = conditionsSchema
  .optional()
  .describe('what has to hold beside: ip_range, time_window, keys of the context');

export const contextParam = jsonObjectOf<Json>()
  .refine((value) => !holdsNul(value), NO_NUL)
  .optional()
  .describe('what conditions may ask for');
