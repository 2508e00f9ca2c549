/**
 * Queries on the index of trigrams (migrations 0004 and 0015). Guarantees: a content that may match is among the candidates, for
 * what waits for the index, or is too large for it, counts as one; a content enters the index once, and only while its
 * blob is still the same.
 *
 * CROSS JOIN has SQLite take the few rows on its left first; else it goes through all blobs.
 */
import type { SqlValue, Tx } from '../../../ports/sql.ts';
import type { Piece } from '../view.ts';
import { type TrigramCondition, toFts5, toLikes } from './trigrams.ts';

/** Hex digits of a SHA-256. */
const HASH_LENGTH = 64;

/**
 * Hashes of the contents that may meet a condition, one statement. Undefined when they are more than `most`, or when
 * there is no index that could tell: then reading everything is faster.
 */
export async function findCandidates(
  tx: Tx,
  condition: TrigramCondition,
  most: number,
): Promise<ReadonlySet<string> | undefined> {
  const found = matching(tx, condition);
  if (!found) return undefined;
  const row = await tx.get<{ unindexed: string | null; found: string | null }>(
    `SELECT
       (SELECT string_agg(u.sha256, '') FROM (
          SELECT b.sha256 FROM (SELECT blob_id FROM unindexed_blobs UNION ALL SELECT blob_id FROM oversized_blobs) n
          CROSS JOIN blobs b WHERE b.blob_id = n.blob_id LIMIT ?) u) AS unindexed,
       (SELECT string_agg(f.sha256, '') FROM (${found.sql} LIMIT ?) f) AS found`,
    [most + 1, ...found.params, most + 1],
  );
  const unindexed = hashesOf(row?.unindexed);
  const indexed = hashesOf(row?.found);
  return unindexed.length > most || indexed.length > most ? undefined : new Set([...unindexed, ...indexed]);
}

function hashesOf(joined: string | null | undefined): string[] {
  const hashes: string[] = [];
  const length = joined?.length ?? 0;
  for (let at = 0; at < length; at += HASH_LENGTH) hashes.push(joined!.slice(at, at + HASH_LENGTH));
  return hashes;
}

/** Indexed contents that meet the condition. */
function matching(tx: Tx, condition: TrigramCondition): Piece | undefined {
  switch (tx.dialect.trigrams) {
    case 'none':
      return undefined;
    case 'fts5':
      return {
        sql: `SELECT b.sha256 FROM (SELECT rowid AS blob_id FROM blob_trigrams WHERE blob_trigrams MATCH ?) t
          CROSS JOIN blobs b WHERE b.blob_id = t.blob_id`,
        params: [toFts5(condition)],
      };
    case 'pg_trgm': {
      const groups = toLikes(condition);
      if (!groups) return undefined;
      const params: SqlValue[] = groups.flat().map(({ pattern }) => pattern);
      const where = groups.map((group) => `(${group.map(({ operator }) => `t.content ${operator} ?`).join(' OR ')})`);
      return {
        sql: `SELECT b.sha256 FROM blob_texts t JOIN blobs b ON b.blob_id = t.blob_id WHERE ${where.join(' AND ')}`,
        params,
      };
    }
  }
}

export interface WaitingBlob {
  readonly blob_id: number;
  readonly sha256: string;
  readonly size: number;
}

/** Blobs after a number that wait for the index, in order. */
export async function listWaiting(tx: Tx, after: number, limit: number): Promise<WaitingBlob[]> {
  if (tx.dialect.trigrams === 'none') return [];
  return tx.all<WaitingBlob>(
    `SELECT n.blob_id, b.sha256, b.size FROM unindexed_blobs n CROSS JOIN blobs b
     WHERE b.blob_id = n.blob_id AND n.blob_id > ? ORDER BY n.blob_id LIMIT ?`,
    [after, limit],
  );
}

/** Number of the blob that was written last. */
export async function newestBlob(tx: Tx): Promise<number> {
  const row = await tx.get<{ newest: number | null }>('SELECT MAX(blob_id) AS newest FROM blobs');
  return row?.newest ?? 0;
}

/** Inline bytes by number, for those that still have them. */
export async function listInline(tx: Tx, ids: readonly number[]): Promise<Map<number, Uint8Array>> {
  const rows = await tx.all<{ blob_id: number; inline: Uint8Array }>(
    `SELECT blob_id, inline FROM blobs WHERE blob_id IN (${ids.map(() => '?').join(', ')}) AND inline IS NOT NULL`,
    ids,
  );
  return new Map(rows.map(({ blob_id, inline }) => [blob_id, inline]));
}

export interface IndexEntry extends Omit<WaitingBlob, 'size'> {
  /** Null for what no line pattern can match. */
  readonly text: string | null;
}

export async function addToIndex(tx: Tx, entry: IndexEntry): Promise<void> {
  const left = await tx.run(
    `DELETE FROM unindexed_blobs WHERE blob_id = ?
       AND EXISTS (SELECT 1 FROM blobs b WHERE b.blob_id = ? AND b.sha256 = ?)`,
    [entry.blob_id, entry.blob_id, entry.sha256],
  );
  if (left === 0 || entry.text === null) return;
  const into = tx.dialect.trigrams === 'fts5' ? 'blob_trigrams (rowid, content)' : 'blob_texts (blob_id, content)';
  await tx.run(`INSERT INTO ${into} VALUES (?, ?)`, [entry.blob_id, entry.text]);
}

/** It stays a candidate of every search. */
export async function leaveOut(tx: Tx, blob_id: number): Promise<void> {
  const left = await tx.run('DELETE FROM unindexed_blobs WHERE blob_id = ?', [blob_id]);
  if (left === 1) await tx.run('INSERT INTO oversized_blobs VALUES (?)', [blob_id]);
}

/** All contents leave the index, and wait for it: they are candidates of every search from now on. */
export async function emptyIndex(tx: Tx): Promise<void> {
  const { trigrams } = tx.dialect;
  if (trigrams === 'none') return;
  await tx.run(
    trigrams === 'fts5' ? "INSERT INTO blob_trigrams (blob_trigrams) VALUES ('delete-all')" : 'DELETE FROM blob_texts',
  );
  await tx.run('DELETE FROM oversized_blobs');
  await tx.run(
    `INSERT INTO unindexed_blobs (blob_id) SELECT blob_id FROM blobs WHERE utf8 = 1 ON CONFLICT (blob_id) DO NOTHING`,
  );
}
