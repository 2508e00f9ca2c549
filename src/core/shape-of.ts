/** The parameters of an operation. */
import type { z } from 'zod';
import type { AnyOperation } from './operation.ts';

/** Their names, with the schema of each. */
export function shapeOf(operation: AnyOperation): Readonly<Record<string, z.ZodType>> {
  const schema = operation.input as z.ZodType & { readonly shape?: Record<string, z.ZodType> };
  return schema.shape ?? {};
}

/** Does the parameter have to be there? Of what is looked at before it is parsed, JSON Schema does not tell. */
export const isNeeded = (parameter: z.ZodType): boolean => !parameter.safeParse(undefined).success;
