/** JSON Schema 2020-12 of a value, for whoever reads of it; what JSON has no word for (bytes, streams) is left open. */
import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any', io, target: 'draft-2020-12' });
  return rest;
}
