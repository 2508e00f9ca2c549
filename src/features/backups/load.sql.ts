/** What a load keeps of the rows that it replaces, and what it puts beside those of the backup. */
import { insertStatements } from '../../ports/insert-rows.ts';
import type { Row, RowsInsert, Tx } from '../../ports/sql.ts';
import type { State } from './dump.ts';

/** Sends rows at once: a load has more of them than anybody may keep. */
export async function insertNow(tx: Tx, insert: RowsInsert, rows: readonly Row[]): Promise<void> {
  for (const { sql, params } of insertStatements(insert, rows)) await tx.run(sql, params);
}

export const isEmpty = async (tx: Tx): Promise<boolean> =>
  (await tx.get('SELECT zone_id FROM zones LIMIT 1')) === undefined;

/** Where the audit log of each zone ends. */
export interface ChainEnd {
  readonly zone_id: string;
  readonly audit_seq: number;
  readonly audit_hash: string;
}

/** Of zones whose row is gone too: what was written of them stays. */
export async function listChainEnds(tx: Tx): Promise<ChainEnd[]> {
  const gone = await tx.all<ChainEnd>(
    `SELECT a.zone_id, a.n AS audit_seq, a.hash AS audit_hash FROM audit a
     JOIN (SELECT zone_id, MAX(n) AS n FROM audit GROUP BY zone_id) e ON e.zone_id = a.zone_id AND e.n = a.n`,
  );
  const there = await tx.all<ChainEnd>('SELECT zone_id, audit_seq, audit_hash FROM zones');
  return [...gone, ...there];
}

/** The newest number of each zone. */
export const listHeads = (tx: Tx): Promise<{ readonly zone_id: string; readonly seq: number }[]> =>
  tx.all('SELECT zone_id, seq FROM zones ORDER BY zone_id');

export async function skipTo(tx: Tx, zone_id: string, seq: number): Promise<void> {
  await tx.run('UPDATE zones SET seq = ? WHERE zone_id = ?', [seq, zone_id]);
}

export interface Revoked {
  readonly key_id: string;
  readonly revoked_at: number;
}

export const listRevoked = (tx: Tx): Promise<Revoked[]> =>
  tx.all<Revoked>('SELECT key_id, revoked_at FROM keys WHERE revoked_at IS NOT NULL');

/** A key that was revoked since, is so again, and counts no longer. */
export async function revokeAgain(tx: Tx, { key_id, revoked_at }: Revoked): Promise<void> {
  const changed = await tx.all<{ zone_id: string }>(
    'UPDATE keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL RETURNING zone_id',
    [revoked_at, key_id],
  );
  for (const { zone_id } of changed) {
    await tx.run('UPDATE zones SET used_keys = used_keys - 1 WHERE zone_id = ?', [zone_id]);
  }
}

export interface StoredContent {
  readonly blob_id: number;
  readonly sha256: string;
  readonly size: number;
  readonly utf8: number;
}

const STORED_ROWS = 1_000;

/** Contents with a file in the blob store, some at a time. */
export const listStored = (tx: Tx, after: number): Promise<StoredContent[]> =>
  tx.all<StoredContent>(
    `SELECT blob_id, sha256, size, utf8 FROM blobs WHERE blob_id > ? AND inline IS NULL ORDER BY blob_id LIMIT ${STORED_ROWS}`,
    [after],
  );

const keptRows: RowsInsert = {
  into: 'blobs',
  columns: ['sha256', 'size', 'touched_at', 'utf8', 'inline'],
  tail: 'ON CONFLICT (sha256) DO NOTHING',
};

/** Contents that nothing names any more, for collection to find. */
export const keepStored = (tx: Tx, stored: readonly StoredContent[], now: number): Promise<void> =>
  insertNow(
    tx,
    keptRows,
    stored.map(({ sha256, size, utf8 }) => [sha256, size, now, utf8, null]),
  );

/** Removes all that is state, and the index of contents with it. */
export async function removeState(tx: Tx, { tables, beside }: State): Promise<void> {
  for (const { name, where } of [...tables].reverse()) {
    // Contents that nothing names are no state, but their numbers are taken.
    await tx.run(`DELETE FROM ${name}${where === undefined || name === 'blobs' ? '' : ` WHERE ${where}`}`);
  }
  await tx.run('DELETE FROM tuple_ends');
  if (!beside.has('answers')) return;
  // They tell of changes that are undone; who asks for a restore again means the same one.
  await tx.run("DELETE FROM answers WHERE operation <> 'backup.restore'");
}

/** Numbers of contents go on behind the last one. */
export async function numberOnwards(tx: Tx): Promise<void> {
  if (tx.dialect.name !== 'postgres') return;
  await tx.all(
    "SELECT setval(pg_get_serial_sequence('blobs', 'blob_id'), (SELECT COALESCE(MAX(blob_id), 0) + 1 FROM blobs), false) AS n",
  );
  await tx.run('ANALYZE');
}
