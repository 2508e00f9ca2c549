/** What is known of the pushes and pulls of a mount, and what is on its way to its store. */
import type { RowsInsert, Tx } from '../../ports/sql.ts';

export interface SyncRow {
  readonly mount_id: string;
  readonly zone_id: string;
  readonly pushes_total: number;
  readonly pulls_total: number;
  readonly changes_pushed_total: number;
  readonly changes_failed_total: number;
  readonly conflicts_detected_total: number;
  readonly conflicts_resolved_total: number;
  readonly last_push_at: number | null;
  readonly last_error: string | null;
  readonly job_id: string | null;
  readonly asked: string | null;
  readonly running_job: string | null;
  readonly running_attempt: number | null;
  readonly due_at: number;
  readonly failures: number;
}

const COLUMNS = [
  'mount_id',
  'zone_id',
  'pushes_total',
  'pulls_total',
  'changes_pushed_total',
  'changes_failed_total',
  'conflicts_detected_total',
  'conflicts_resolved_total',
  'last_push_at',
  'last_error',
  'job_id',
  'asked',
  'running_job',
  'running_attempt',
  'due_at',
  'failures',
] as const satisfies readonly (keyof SyncRow)[];

export const noSync = (zone_id: string, mount_id: string): SyncRow => ({
  mount_id,
  zone_id,
  pushes_total: 0,
  pulls_total: 0,
  changes_pushed_total: 0,
  changes_failed_total: 0,
  conflicts_detected_total: 0,
  conflicts_resolved_total: 0,
  last_push_at: null,
  last_error: null,
  job_id: null,
  asked: null,
  running_job: null,
  running_attempt: null,
  due_at: 0,
  failures: 0,
});

export async function findSync(tx: Tx, zone_id: string, mount_id: string): Promise<SyncRow> {
  const row = await tx.get<SyncRow>(`SELECT ${COLUMNS.join(', ')} FROM sync_mounts WHERE mount_id = ?`, [mount_id]);
  return row ?? noSync(zone_id, mount_id);
}

const PUT = `INSERT INTO sync_mounts (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (mount_id) DO UPDATE SET ${COLUMNS.slice(2)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

export async function saveSync(tx: Tx, row: SyncRow): Promise<void> {
  await tx.run(
    PUT,
    COLUMNS.map((column) => row[column]),
  );
}

const attemptRows: RowsInsert = {
  into: 'sync_attempts',
  columns: ['zone_id', 'path', 'mount_id', 'etag'],
  tail: 'ON CONFLICT (zone_id, path) DO UPDATE SET mount_id = excluded.mount_id, etag = excluded.etag',
};

export interface AttemptRow {
  readonly zone_id: string;
  readonly path: string;
  readonly mount_id: string;
  readonly etag: string | null;
}

export const keepAttempt = (tx: Tx, row: AttemptRow): Promise<void> =>
  tx.insert(attemptRows, [[row.zone_id, row.path, row.mount_id, row.etag]]);

export const listAttempts = (tx: Tx, zone_id: string, mount_id: string): Promise<AttemptRow[]> =>
  tx.all<AttemptRow>('SELECT zone_id, path, mount_id, etag FROM sync_attempts WHERE zone_id = ? AND mount_id = ?', [
    zone_id,
    mount_id,
  ]);

export async function dropAttempt(tx: Tx, zone_id: string, path: string): Promise<void> {
  await tx.run('DELETE FROM sync_attempts WHERE zone_id = ? AND path = ?', [zone_id, path]);
}

/** Mounts that are to be pushed by the clock, and may have something to push. */
export const listDue = (tx: Tx, now: number, limit: number): Promise<{ zone_id: string; mount_point: string }[]> =>
  tx.all(
    `SELECT m.zone_id, m.mount_point FROM mounts m LEFT JOIN sync_mounts s ON s.mount_id = m.mount_id
     WHERE m.sync_interval_seconds > 0 AND m.readonly = 0 AND m.write_mode = 'back' AND COALESCE(s.due_at, 0) <= ?
       AND EXISTS (SELECT 1 FROM mount_pending p WHERE p.mount_id = m.mount_id)
     LIMIT ?`,
    [now, limit],
  );

/** What the rows of sync know of a mount that is gone, or of all of a zone. */
export async function removeSync(tx: Tx, zone_id: string, rows: number): Promise<number> {
  const attempts = await tx.run(
    'DELETE FROM sync_attempts WHERE (zone_id, path) IN (SELECT zone_id, path FROM sync_attempts WHERE zone_id = ? LIMIT ?)',
    [zone_id, rows],
  );
  return attempts + (await tx.run('DELETE FROM sync_mounts WHERE zone_id = ?', [zone_id]));
}
