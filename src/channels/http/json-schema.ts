/** JSON Schema 2020-12 of a value, for whoever reads of it; what JSON has no word for (bytes, streams) is left open. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';

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

export interface SchemaBook {
  /** As {@link schemaOf}; what refers to itself is in `named`, and is referred to there. */
  readonly schemaOf: typeof schemaOf;
  readonly named: Readonly<Record<string, JsonSchema>>;
}

/** For a document of many schemas: `$defs` inside of one would be where no reference finds them. */
export function schemaBook(): SchemaBook {
  const named: Record<string, JsonSchema> = {};
  const written: SchemaBook['schemaOf'] = (schema, io) => {
    const { $defs = {}, ...rest } = atNames(schemaOf(schema, io)) as JsonSchema & {
      $defs?: Record<string, JsonSchema>;
    };
    for (const [name, one] of Object.entries($defs)) {
      if (named[name] && !isDeepStrictEqual(named[name], one)) throw new Error(`two schemas are called ${name}`);
      named[name] = one;
    }
    return rest;
  };
  return { schemaOf: written, named };
}

const atNames = (schema: JsonSchema): JsonSchema =>
  parseJson(JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'));

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
