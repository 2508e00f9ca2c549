/** Queries of the collection of blobs. */
import type { RowsInsert, Tx } from '../../ports/sql.ts';

/** A column that names blobs by their number; it has an index. */
export interface Reference {
  readonly table: string;
  readonly column: string;
}

/** `blob` is the alias or table whose `blob_id` is looked for. */
const unnamed = (references: readonly Reference[], blob: string): string =>
  references
    .map(({ table, column }) => `NOT EXISTS (SELECT 1 FROM ${table} n WHERE n.${column} = ${blob}.blob_id)`)
    .join(' AND ');

/** Something names it. */
export const named = (references: readonly Reference[], blob: string): string => `NOT (${unnamed(references, blob)})`;

export interface ScannedBlob {
  readonly blob_id: number;
  readonly sha256: string;
  /** 1: nothing names it and nobody touched it since the time that was asked for. */
  readonly loose: number;
}

/** Blobs of one scan. */
const SCAN_ROWS = 5_000;

export function markUnreferenced(
  tx: Tx,
  references: readonly Reference[],
  window: { readonly after: number; readonly before: number },
): Promise<ScannedBlob[]> {
  return tx.all<ScannedBlob>(
    `SELECT w.blob_id, w.sha256,
       CASE WHEN w.touched_at < ? AND ${unnamed(references, 'w')} THEN 1 ELSE 0 END AS loose
     FROM (SELECT blob_id, sha256, touched_at FROM blobs WHERE blob_id > ? ORDER BY blob_id LIMIT ${SCAN_ROWS}) w
     ORDER BY w.blob_id`,
    [window.before, window.after],
  );
}

export interface Removal {
  readonly sha256s: readonly string[];
  /** Milliseconds: blobs touched since are spared. */
  readonly before: number;
  readonly now: number;
}

const removalRows: RowsInsert = {
  into: 'blob_removals',
  columns: ['sha256', 'since'],
  tail: 'ON CONFLICT (sha256) DO UPDATE SET since = excluded.since',
};

/** Removes rows, and marks those whose bytes lie in the blob store; gives the marked ones. */
export async function removeUnreferenced(
  tx: Tx,
  references: readonly Reference[],
  removal: Removal,
): Promise<string[]> {
  const removed = await tx.all<{ sha256: string; stored: number }>(
    `DELETE FROM blobs WHERE sha256 IN (SELECT value FROM ${tx.dialect.textsOf}) AND touched_at < ?
       AND ${unnamed(references, 'blobs')}
     RETURNING sha256, CASE WHEN inline IS NULL THEN 1 ELSE 0 END AS stored`,
    [JSON.stringify(removal.sha256s), removal.before],
  );
  const files = removed.filter((row) => row.stored === 1).map((row) => row.sha256);
  await tx.insert(
    removalRows,
    files.map((sha256) => [sha256, removal.now]),
  );
  return files;
}

/** Files of one round. */
const REMOVALS_ROWS = 1_000;

export async function listRemovals(tx: Tx, before: number): Promise<string[]> {
  const rows = await tx.all<{ sha256: string }>(
    `SELECT sha256 FROM blob_removals WHERE since < ? ORDER BY since LIMIT ${REMOVALS_ROWS}`,
    [before],
  );
  return rows.map((row) => row.sha256);
}

export async function dropRemovals(tx: Tx, sha256s: readonly string[]): Promise<void> {
  await tx.run(`DELETE FROM blob_removals WHERE sha256 IN (SELECT value FROM ${tx.dialect.textsOf})`, [
    JSON.stringify(sha256s),
  ]);
}
