/** JSON Schema 2020-12 of a value, for whoever reads of it; what JSON has no word for (bytes, streams) is left open. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    unrepresentable: 'any',
    io,
    target: 'draft-2020-12',
    override: ({ jsonSchema }) => eachOnce(jsonSchema),
  });
  return rest;
}

/** What differs only inside the server is one thing to others: a text in memory, and one in a file. */
function eachOnce(schema: z.core.JSONSchema.BaseSchema): void {
  if (!schema.anyOf) return;
  const [first, ...others] = schema.anyOf.filter(
    (one, at, all) => all.findIndex((other) => isDeepStrictEqual(other, one)) === at,
  );
  if (!first) return;
  if (others.length > 0) schema.anyOf = [first, ...others];
  else {
    delete schema.anyOf;
    Object.assign(schema, { ...first, ...schema });
  }
}
