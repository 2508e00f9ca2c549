/** Many rows in few statements, and in few statement texts, so that the prepared ones stay few too. */
import type { Row, RowsInsert, Statement } from './sql.ts';

/** Rows of one statement. */
const CHUNKS = [64, 8, 1] as const;

const texts = new WeakMap<RowsInsert, readonly string[]>();

function textsOf(insert: RowsInsert): readonly string[] {
  const known = texts.get(insert);
  if (known) return known;
  const { into, columns, tail = '' } = insert;
  const row = `(${columns.map(() => '?').join(', ')})`;
  const made = CHUNKS.map(
    (chunk) => `INSERT INTO ${into} (${columns.join(', ')}) VALUES ${Array(chunk).fill(row).join(', ')} ${tail}`,
  );
  texts.set(insert, made);
  return made;
}

/** The statements that insert rows in their order; none for no rows. */
export function* insertStatements(insert: RowsInsert, rows: readonly Row[]): Generator<Statement> {
  let at = 0;
  for (const [size, sql] of textsOf(insert).entries()) {
    const chunk = CHUNKS[size] ?? 1;
    for (; rows.length - at >= chunk; at += chunk) yield { sql, params: rows.slice(at, at + chunk).flat() };
  }
}
