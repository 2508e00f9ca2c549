/** Many rows in few statements, and in few statement texts, so that the prepared ones stay few too. */
import type { SqlValue, Tx } from './sql.ts';

export interface Insert {
  readonly into: string;
  readonly columns: readonly string[];
  /** What stands behind the values, e.g. ON CONFLICT. */
  readonly tail?: string;
}

export type InsertRows = (tx: Tx, rows: readonly (readonly SqlValue[])[]) => Promise<void>;

/** Rows of one statement. */
const CHUNKS = [64, 8, 1] as const;

/** A function that inserts rows in their order; no statement for none. */
export function rowsInsert(insert: Insert): InsertRows {
  const { into, columns, tail = '' } = insert;
  const row = `(${columns.map(() => '?').join(', ')})`;
  const texts = CHUNKS.map(
    (chunk) => `INSERT INTO ${into} (${columns.join(', ')}) VALUES ${Array(chunk).fill(row).join(', ')} ${tail}`,
  );
  return async (tx, rows) => {
    let at = 0;
    for (const [size, chunk] of CHUNKS.entries()) {
      for (; rows.length - at >= chunk; at += chunk) await tx.run(texts[size]!, rows.slice(at, at + chunk).flat());
    }
  };
}
