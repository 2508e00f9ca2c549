/** Rows of schemas, and the tuples that a schema has to leave possible. */

import { parseJson } from '../../../base/parse-json.ts';
import type { Tx } from '../../../ports/sql.ts';
import { type Types, typesSchema } from './rules.ts';
import { NO_SCHEMA, type Schema, schemaWith } from './schema.ts';

interface SchemaRow {
  readonly version: number;
  readonly types: string;
}

/** The schema of a zone; the one given where its version is the same. */
export async function findSchema(tx: Tx, zone_id: string, known: Schema = NO_SCHEMA): Promise<Schema> {
  const row = await tx.get<SchemaRow>('SELECT version, types FROM access_schemas WHERE zone_id = ?', [zone_id]);
  if (!row) return NO_SCHEMA;
  return row.version === known.version ? known : schemaWith(row.version, typesSchema.parse(parseJson(row.types)));
}

export async function saveSchema(
  tx: Tx,
  zone_id: string,
  schema: { readonly version: number; readonly types: Types },
): Promise<void> {
  await tx.run(
    `INSERT INTO access_schemas (zone_id, version, types) VALUES (?, ?, ?)
     ON CONFLICT (zone_id) DO UPDATE SET version = excluded.version, types = excluded.types`,
    [zone_id, schema.version, JSON.stringify(schema.types)],
  );
}

/** One kind of tuple that a zone has. */
export interface UsedKind {
  readonly object_type: string;
  readonly relation: string;
  readonly subject_type: string;
  readonly subject_relation: string;
  /** 1 for a subject that stands for all of its type. */
  readonly every: number;
}

export const listUsedKinds = (tx: Tx, zone_id: string): Promise<UsedKind[]> =>
  tx.all<UsedKind>(
    `SELECT DISTINCT object_type, relation, subject_type, subject_relation,
       CASE WHEN subject_id = '*' THEN 1 ELSE 0 END AS every FROM tuples WHERE zone_id = ?`,
    [zone_id],
  );
