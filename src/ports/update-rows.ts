/** Rows changed by their keys: one by one, or, where a statement costs more than its row, together. */
import type { Row, RowsUpdate, SqlValue, Statement } from './sql.ts';

const texts = new WeakMap<RowsUpdate, { readonly one: string; readonly all: string }>();

function textsOf(update: RowsUpdate): { readonly one: string; readonly all: string } {
  const known = texts.get(update);
  if (known) return known;
  const { table, key, columns } = update;
  const made = {
    one: `UPDATE ${table} SET ${columns.map((name) => `${name} = ?`).join(', ')} WHERE ${key} = ?`,
    all: `UPDATE ${table} SET ${columns.map((name) => `${name} = v.${name}`).join(', ')}
      FROM json_populate_recordset(CAST(NULL AS ${table}), CAST(? AS JSON)) AS v WHERE ${table}.${key} = v.${key}`,
  };
  texts.set(update, made);
  return made;
}

export function updateOne(update: RowsUpdate, [key = null, ...values]: Row): Statement {
  return { sql: textsOf(update).one, params: [...values, key] };
}

/**
 * One statement for all rows, in PostgreSQL's words: most of what a statement for a row costs is being a statement.
 */
export function updateAll(update: RowsUpdate, rows: readonly Row[]): Statement {
  const names = [update.key, ...update.columns];
  const objects = rows.map((row) =>
    Object.fromEntries(names.map((name, at): [string, SqlValue] => [name, row[at] ?? null])),
  );
  return { sql: textsOf(update).all, params: [JSON.stringify(objects)] };
}
