/** Queries of the check of stored contents. */
import type { RowsInsert, Tx } from '../../ports/sql.ts';
import { named, type Reference } from './collect.sql.ts';

/** How far a round is. Times in milliseconds. */
export interface RoundRow {
  /** Number of the last content that was read. */
  readonly last_id: number;
  readonly contents: number;
  readonly bytes: number;
  readonly began: number;
  readonly ends_by: number;
  /** When somebody is to go on with it. */
  readonly next_at: number;
  /** Null while it goes on. */
  readonly ended: number | null;
  /** Of the round before. */
  readonly last_ended: number | null;
}

const COLUMNS = 'last_id, contents, bytes, began, ends_by, next_at, ended, last_ended';

export const findRound = (tx: Tx): Promise<RoundRow | undefined> =>
  tx.get<RoundRow>(`SELECT ${COLUMNS} FROM content_checks WHERE one = 1`);

export async function saveRound(tx: Tx, row: RoundRow): Promise<void> {
  await tx.run(
    `INSERT INTO content_checks (one, ${COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (one) DO UPDATE SET last_id = excluded.last_id, contents = excluded.contents, bytes = excluded.bytes,
       began = excluded.began, ends_by = excluded.ends_by, next_at = excluded.next_at, ended = excluded.ended, last_ended = excluded.last_ended`,
    [row.last_id, row.contents, row.bytes, row.began, row.ends_by, row.next_at, row.ended, row.last_ended],
  );
}

/** Number of the newest content, 0 where there is none. */
export async function newestContent(tx: Tx): Promise<number> {
  return (await tx.get<{ n: number }>('SELECT COALESCE(MAX(blob_id), 0) AS n FROM blobs'))?.n ?? 0;
}

/** A content as it is read. */
export interface BlobRow {
  readonly blob_id: number;
  readonly sha256: string;
  readonly size: number;
  /** Null where it lies in the blob store. */
  readonly inline: Uint8Array | null;
}

export const listBlobs = (tx: Tx, after: number, limit: number): Promise<BlobRow[]> =>
  tx.all<BlobRow>('SELECT blob_id, sha256, size, inline FROM blobs WHERE blob_id > ? ORDER BY blob_id LIMIT ?', [
    after,
    limit,
  ]);

export interface DamageRow {
  readonly sha256: string;
  readonly reason: string;
  /** Milliseconds. */
  readonly found_at: number;
  readonly blob_id: number;
  readonly size: number;
  readonly inline: Uint8Array | null;
}

const NAMED_DAMAGES = 'content_damages d JOIN blobs b ON b.sha256 = d.sha256';

/** How many are named still. */
export async function countDamages(tx: Tx, references: readonly Reference[]): Promise<number> {
  const counted = `SELECT COUNT(*) AS n FROM ${NAMED_DAMAGES} WHERE ${named(references, 'b')}`;
  return (await tx.get<{ n: number }>(counted))?.n ?? 0;
}

/** They, the oldest first. */
export const listDamages = (tx: Tx, references: readonly Reference[], limit: number): Promise<DamageRow[]> =>
  tx.all<DamageRow>(
    `SELECT d.sha256, d.reason, d.found_at, b.blob_id, b.size, b.inline
     FROM ${NAMED_DAMAGES}
     WHERE ${named(references, 'b')} ORDER BY d.found_at, d.sha256 LIMIT ?`,
    [limit],
  );

const damageRows: RowsInsert = {
  into: 'content_damages',
  columns: ['sha256', 'reason', 'found_at'],
  tail: 'ON CONFLICT (sha256) DO NOTHING',
};

export interface Damage {
  readonly sha256: string;
  readonly reason: string;
}

/** Which of these some state names. */
export async function namedAmong(
  tx: Tx,
  references: readonly Reference[],
  sha256s: readonly string[],
): Promise<string[]> {
  const rows = await tx.all<{ sha256: string }>(
    `SELECT b.sha256 FROM blobs b
     WHERE b.sha256 IN (SELECT value FROM ${tx.dialect.textsOf}) AND ${named(references, 'b')}`,
    [JSON.stringify(sha256s)],
  );
  return rows.map(({ sha256 }) => sha256);
}

/** Keeps those that are named; gives the ones that were not known. */
export async function keepDamages(
  tx: Tx,
  references: readonly Reference[],
  { damages, now }: { readonly damages: readonly Damage[]; readonly now: number },
): Promise<Damage[]> {
  if (damages.length === 0) return [];
  const sha256s = damages.map(({ sha256 }) => sha256);
  const known = await tx.all<{ sha256: string }>(
    `SELECT sha256 FROM content_damages WHERE sha256 IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [JSON.stringify(sha256s)],
  );
  const found = new Set(await namedAmong(tx, references, sha256s));
  for (const { sha256 } of known) found.delete(sha256);
  const fresh = damages.filter(({ sha256 }) => found.has(sha256));
  await tx.insert(
    damageRows,
    fresh.map(({ sha256, reason }) => [sha256, reason, now]),
  );
  return fresh;
}

/** Gives those that were known as damaged. */
export async function dropDamages(tx: Tx, sha256s: readonly string[]): Promise<string[]> {
  const rows = await tx.all<{ sha256: string }>(
    `DELETE FROM content_damages WHERE sha256 IN (SELECT value FROM ${tx.dialect.textsOf}) RETURNING sha256`,
    [JSON.stringify(sha256s)],
  );
  return rows.map(({ sha256 }) => sha256);
}

/** Forgets what nothing names any more. */
export const dropUnnamedDamages = (tx: Tx, references: readonly Reference[]): Promise<number> =>
  tx.run(
    `DELETE FROM content_damages WHERE NOT EXISTS
       (SELECT 1 FROM blobs b WHERE b.sha256 = content_damages.sha256 AND ${named(references, 'b')})`,
    [],
  );

export const hasDamages = async (tx: Tx): Promise<boolean> =>
  (await tx.get('SELECT 1 AS one FROM content_damages LIMIT 1')) !== undefined;

export interface CheckGauges {
  readonly 'contents.damaged': number;
  readonly 'contents.checked_timestamp_seconds': number;
}

export async function checkGauges(tx: Tx): Promise<CheckGauges> {
  const damages = await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM content_damages');
  const round = await findRound(tx);
  return {
    'contents.damaged': damages?.n ?? 0,
    'contents.checked_timestamp_seconds': (round?.ended ?? round?.last_ended ?? 0) / 1000,
  };
}
