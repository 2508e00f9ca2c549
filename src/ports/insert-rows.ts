/** Many rows in few statements, and in few statement texts, so that the prepared ones stay few too. */
import type { Row, RowsInsert, SqlValue, Statement } from './sql.ts';

/** Rows of one statement. */
const CHUNKS = [64, 32, 16, 8, 4, 2, 1] as const;

const texts = new WeakMap<RowsInsert, readonly string[]>();

function textsOf(insert: RowsInsert): readonly string[] {
  const known = texts.get(insert);
  if (known) return known;
  const { into, columns, values = {}, tail = '' } = insert;
  const row = `(${columns.map((column) => values[column] ?? '?').join(', ')})`;
  const made = CHUNKS.map(
    (chunk) => `INSERT INTO ${into} (${columns.join(', ')}) VALUES ${Array(chunk).fill(row).join(', ')} ${tail}`,
  );
  texts.set(insert, made);
  return made;
}

/** The statements that insert rows in their order; none for no rows. */
export function insertStatements(insert: RowsInsert, rows: readonly Row[]): Statement[] {
  const statements: Statement[] = [];
  let at = 0;
  for (const [size, sql] of textsOf(insert).entries()) {
    const chunk = CHUNKS[size] ?? 1;
    for (; rows.length - at >= chunk; at += chunk) statements.push({ sql, params: valuesOf(rows, at, chunk) });
  }
  return statements;
}

/** A loop: for a handful of rows `flat` takes several times as long. */
function valuesOf(rows: readonly Row[], from: number, count: number): SqlValue[] {
  const values: SqlValue[] = [];
  for (let at = from; at < from + count; at++) {
    const row = rows[at];
    if (row) for (const value of row) values.push(value);
  }
  return values;
}
