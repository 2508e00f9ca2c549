/** What Nexus knows of the files of stores: fingerprints, changes that a store has not got, paths that are being changed. */
import { atOrBelow } from '../../ports/path-range.ts';
import { OPEN_END, type RowsInsert, type Tx } from '../../ports/sql.ts';
import { MAIN } from '../files/view.ts';

export interface FileRow {
  readonly path: string;
  readonly mount_id: string;
  readonly tag: string;
  readonly size: number;
  readonly modified_at: number;
  readonly counted: number;
}

const FILE = ['path', 'mount_id', 'tag', 'size', 'modified_at', 'counted'] as const;

const fileRows: RowsInsert = {
  into: 'mount_files',
  columns: ['zone_id', ...FILE],
  tail: `ON CONFLICT (zone_id, path) DO UPDATE SET mount_id = excluded.mount_id, tag = excluded.tag, size = excluded.size,
    modified_at = excluded.modified_at, counted = excluded.counted`,
};

export const keepFiles = (tx: Tx, zone_id: string, files: readonly FileRow[]): Promise<void> =>
  tx.insert(
    fileRows,
    files.map((file) => [zone_id, ...FILE.map((column) => file[column])]),
  );

export const listFiles = (tx: Tx, zone_id: string, paths: readonly string[]): Promise<FileRow[]> =>
  tx.all<FileRow>(
    `SELECT ${FILE.join(', ')} FROM mount_files WHERE zone_id = ? AND path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(paths)],
  );

/** Those at and below a path. */
export function listFilesBelow(tx: Tx, zone_id: string, path: string): Promise<FileRow[]> {
  const within = atOrBelow('path', path);
  return tx.all<FileRow>(`SELECT ${FILE.join(', ')} FROM mount_files WHERE zone_id = ? AND ${within.sql}`, [
    zone_id,
    ...within.params,
  ]);
}

export async function dropFiles(tx: Tx, zone_id: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  await tx.run(`DELETE FROM mount_files WHERE zone_id = ? AND path IN (SELECT value FROM ${tx.dialect.textsOf})`, [
    zone_id,
    JSON.stringify(paths),
  ]);
}

export interface PendingRow {
  readonly path: string;
  readonly mount_id: string;
  readonly change: 'write' | 'delete' | 'mkdir' | 'rmdir';
  readonly base_tag: string | null;
  readonly base_etag: string | null;
  readonly base_size: number | null;
  readonly base_modified_at: number | null;
  readonly since: number;
  readonly revision: number;
}

const PENDING = [
  'path',
  'mount_id',
  'change',
  'base_tag',
  'base_etag',
  'base_size',
  'base_modified_at',
  'since',
  'revision',
] as const;

/** What the store had before the first change stays, and so does the time of that. */
const pendingRows: RowsInsert = {
  into: 'mount_pending',
  columns: ['zone_id', ...PENDING],
  tail: `ON CONFLICT (zone_id, path) DO UPDATE SET change = excluded.change, revision = excluded.revision`,
};

export const keepPending = (tx: Tx, zone_id: string, rows: readonly PendingRow[]): Promise<void> =>
  tx.insert(
    pendingRows,
    rows.map((row) => [zone_id, ...PENDING.map((column) => row[column])]),
  );

/** Changes that a store has not got, in path order. */
export const listPending = (tx: Tx, mount_id: string): Promise<PendingRow[]> =>
  tx.all<PendingRow>(`SELECT ${PENDING.join(', ')} FROM mount_pending WHERE mount_id = ? ORDER BY path`, [mount_id]);

/** Changes below a path that a store has not got. */
export async function countPendingBelow(tx: Tx, zone_id: string, path: string): Promise<number> {
  const within = atOrBelow('path', path);
  const row = await tx.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM mount_pending WHERE zone_id = ? AND ${within.sql}`,
    [zone_id, ...within.params],
  );
  return row?.n ?? 0;
}

export async function countPending(tx: Tx, mount_id: string): Promise<number> {
  const row = await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM mount_pending WHERE mount_id = ?', [mount_id]);
  return row?.n ?? 0;
}

export interface IntentRow {
  readonly path: string;
  readonly intent_id: string;
  readonly until: number;
}

export const listIntents = (tx: Tx, zone_id: string): Promise<IntentRow[]> =>
  tx.all<IntentRow>('SELECT path, intent_id, until FROM mount_intents WHERE zone_id = ?', [zone_id]);

export interface NewIntent {
  readonly zone_id: string;
  readonly intent_id: string;
  readonly paths: readonly { readonly path: string; readonly mount_id: string }[];
  readonly until: number;
}

export const insertIntents = (tx: Tx, { zone_id, intent_id, paths, until }: NewIntent): Promise<void> =>
  tx.insert(
    { into: 'mount_intents', columns: ['zone_id', 'path', 'intent_id', 'mount_id', 'until'] },
    paths.map(({ path, mount_id }) => [zone_id, path, intent_id, mount_id, until]),
  );

/** How many paths it still holds. */
export const renewIntents = (tx: Tx, intent_id: string, until: number): Promise<number> =>
  tx.run('UPDATE mount_intents SET until = ? WHERE intent_id = ?', [until, intent_id]);

export const endIntents = (tx: Tx, intent_id: string): Promise<number> =>
  tx.run('DELETE FROM mount_intents WHERE intent_id = ?', [intent_id]);

/** A path of a mount as the tree has it, with its fingerprint. */
export interface KnownRow {
  readonly path: string;
  readonly kind: 'f' | 'd';
  readonly etag: string | null;
  readonly began: number;
  readonly tag: string | null;
  readonly size: number;
  readonly modified_at: number | null;
}

const KNOWN = `SELECT s.path, s.kind, s.etag, s.began, s.size, m.tag, m.modified_at FROM file_states s
  LEFT JOIN mount_files m ON m.zone_id = s.zone_id AND m.path = s.path
  WHERE s.zone_id = ? AND s.branch = '${MAIN}' AND s.ended = ${OPEN_END}`;

export const listKnown = (tx: Tx, zone_id: string, paths: readonly string[]): Promise<KnownRow[]> =>
  tx.all<KnownRow>(`${KNOWN} AND s.path IN (SELECT value FROM ${tx.dialect.textsOf})`, [
    zone_id,
    JSON.stringify(paths),
  ]);

export const listKnownChildren = (tx: Tx, zone_id: string, folder: string): Promise<KnownRow[]> =>
  tx.all<KnownRow>(`${KNOWN} AND s.parent = ?`, [zone_id, folder]);

export function listKnownBelow(tx: Tx, zone_id: string, folder: string): Promise<KnownRow[]> {
  const within = atOrBelow('s.path', folder);
  return tx.all<KnownRow>(`${KNOWN} AND ${within.sql}`, [zone_id, ...within.params]);
}
