/** Rows of conflicts. They are written under the lock of their zone. */
import type { PathSet } from '../../core/call/access.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { inPathSet } from '../files/within.ts';
import type { Resolution } from './decide.ts';

/** A side of a path; without etag there was no file. */
export interface SideRow {
  readonly etag: string | null;
  readonly size: number | null;
  readonly modified_at: number | null;
}

export const NO_FILE: SideRow = { etag: null, size: null, modified_at: null };

export interface ConflictRow {
  readonly conflict_id: string;
  readonly zone_id: string;
  readonly mount_id: string;
  readonly mount_point: string;
  readonly path: string;
  readonly local_etag: string | null;
  readonly local_size: number | null;
  readonly local_modified_at: number | null;
  readonly remote_etag: string | null;
  readonly remote_size: number | null;
  readonly remote_modified_at: number | null;
  readonly base_etag: string | null;
  readonly base_size: number | null;
  readonly base_modified_at: number | null;
  readonly status: 'open' | 'resolved';
  readonly resolution: Resolution | null;
  readonly successor: string | null;
  readonly lost: 'local' | 'remote' | null;
  readonly detected_at: number;
  readonly resolved_at: number | null;
}

const COLUMNS = [
  'conflict_id',
  'zone_id',
  'mount_id',
  'mount_point',
  'path',
  'local_etag',
  'local_size',
  'local_modified_at',
  'remote_etag',
  'remote_size',
  'remote_modified_at',
  'base_etag',
  'base_size',
  'base_modified_at',
  'status',
  'resolution',
  'successor',
  'lost',
  'detected_at',
  'resolved_at',
] as const satisfies readonly (keyof ConflictRow)[];
const ALL = COLUMNS.join(', ');

/** Names the blobs of both sides, so that they stay. */
const INSERT = `INSERT INTO sync_conflicts (${ALL}, local_blob, remote_blob) VALUES (${COLUMNS.map(() => '?').join(', ')},
  (SELECT blob_id FROM blobs WHERE sha256 = ?), (SELECT blob_id FROM blobs WHERE sha256 = ?))`;

export async function insertConflict(tx: Tx, row: ConflictRow): Promise<void> {
  await tx.run(INSERT, [...COLUMNS.map((column) => row[column]), row.local_etag, row.remote_etag]);
}

/** Our side as it is by now: what is asked later is about that. */
export async function renewLocal(tx: Tx, conflict_id: string, local: SideRow): Promise<void> {
  await tx.run(
    `UPDATE sync_conflicts SET local_etag = ?, local_size = ?, local_modified_at = ?,
       local_blob = (SELECT blob_id FROM blobs WHERE sha256 = ?) WHERE conflict_id = ?`,
    [local.etag, local.size, local.modified_at, local.etag, conflict_id],
  );
}

export type ConflictEnd = Pick<ConflictRow, 'conflict_id' | 'resolution' | 'successor' | 'lost' | 'resolved_at'>;

/** Of a side that goes on nothing has to be kept. False where it was settled before. */
export const endConflict = async (tx: Tx, end: ConflictEnd): Promise<boolean> =>
  (await tx.run(
    `UPDATE sync_conflicts SET status = 'resolved', resolution = ?, successor = ?, lost = ?, resolved_at = ?,
       local_blob = CASE WHEN ? = 'local' THEN local_blob END, remote_blob = CASE WHEN ? = 'remote' THEN remote_blob END
     WHERE conflict_id = ? AND status = 'open'`,
    [end.resolution, end.successor, end.lost, end.resolved_at, end.lost, end.lost, end.conflict_id],
  )) === 1;

export const findConflict = (tx: Tx, zone_id: string, conflict_id: string): Promise<ConflictRow | undefined> =>
  tx.get<ConflictRow>(`SELECT ${ALL} FROM sync_conflicts WHERE conflict_id = ? AND zone_id = ?`, [
    conflict_id,
    zone_id,
  ]);

export const findOpen = (tx: Tx, zone_id: string, path: string): Promise<ConflictRow | undefined> =>
  tx.get<ConflictRow>(`SELECT ${ALL} FROM sync_conflicts WHERE zone_id = ? AND path = ? AND status = 'open'`, [
    zone_id,
    path,
  ]);

export const listOpen = (tx: Tx, zone_id: string, mount_id: string): Promise<ConflictRow[]> =>
  tx.all<ConflictRow>(
    `SELECT ${ALL} FROM sync_conflicts WHERE zone_id = ? AND mount_id = ? AND status = 'open' ORDER BY path`,
    [zone_id, mount_id],
  );

/** Of a zone, or of one of its mounts. */
export async function countOpen(tx: Tx, zone_id: string, mount_id?: string): Promise<number> {
  const row = await tx.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM sync_conflicts WHERE zone_id = ? AND status = 'open'${mount_id === undefined ? '' : ' AND mount_id = ?'}`,
    mount_id === undefined ? [zone_id] : [zone_id, mount_id],
  );
  return row?.n ?? 0;
}

export interface ConflictsAsked {
  readonly zone_id: string;
  readonly mount_point: string | undefined;
  readonly status: string | undefined;
  /** Behind this one. */
  readonly before: { readonly created_at: number; readonly id: string } | undefined;
  /** Of these paths alone. */
  readonly shown: PathSet;
  readonly limit: number;
}

/** Newest first. */
export function listConflicts(tx: Tx, asked: ConflictsAsked): Promise<ConflictRow[]> {
  const params: SqlValue[] = [asked.zone_id];
  const where = ['zone_id = ?'];
  const add = (condition: string, ...values: SqlValue[]): void => {
    where.push(condition);
    params.push(...values);
  };
  if (asked.mount_point !== undefined) add('mount_point = ?', asked.mount_point);
  if (asked.status !== undefined) add('status = ?', asked.status);
  const shown = inPathSet('sync_conflicts.path', asked.shown, tx.dialect);
  add(shown.sql, ...shown.params);
  if (asked.before) add('(detected_at, conflict_id) < (?, ?)', asked.before.created_at, asked.before.id);
  return tx.all<ConflictRow>(
    `SELECT ${ALL} FROM sync_conflicts WHERE ${where.join(' AND ')} ORDER BY detected_at DESC, conflict_id DESC LIMIT ?`,
    [...params, asked.limit],
  );
}

/** The kept bytes of a side; undefined where they are kept no longer. */
export const findContent = (
  tx: Tx,
  conflict_id: string,
  side: 'local' | 'remote',
): Promise<{ sha256: string; size: number; inline: Uint8Array | null } | undefined> =>
  tx.get(
    `SELECT b.sha256, b.size, b.inline FROM sync_conflicts c JOIN blobs b ON b.blob_id = c.${side}_blob
     WHERE c.conflict_id = ?`,
    [conflict_id],
  );

/** Contents of conflicts that were settled before a time are kept no longer; the rows stay as long as again. */
export async function dropOldContents(tx: Tx, before: number, limit: number): Promise<number> {
  return tx.run(
    `UPDATE sync_conflicts SET local_blob = NULL, remote_blob = NULL WHERE conflict_id IN
       (SELECT conflict_id FROM sync_conflicts WHERE resolved_at < ? AND resolved_at IS NOT NULL
          AND (local_blob IS NOT NULL OR remote_blob IS NOT NULL) LIMIT ?)`,
    [before, limit],
  );
}

export const removeConflicts = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run(
    'DELETE FROM sync_conflicts WHERE conflict_id IN (SELECT conflict_id FROM sync_conflicts WHERE zone_id = ? LIMIT ?)',
    [zone_id, rows],
  );
