/** Rows of backups that are made. They are written under the lock of zone root. */
import { isPlainText } from '../../base/texts.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import type { Manifest } from './manifest.ts';

export interface RunRow {
  readonly backup_id: string;
  readonly reason: Manifest['reason'];
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed';
  readonly destination: string;
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly error: string | null;
  readonly held_until: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

const COLUMNS = [
  'backup_id',
  'reason',
  'status',
  'destination',
  'phase',
  'done',
  'total',
  'error',
  'held_until',
  'created_at',
  'ended_at',
] as const satisfies readonly (keyof RunRow)[];
const ALL = COLUMNS.join(', ');

const PUT = `INSERT INTO backup_runs (${ALL}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (backup_id) DO UPDATE SET status = excluded.status, phase = excluded.phase, done = excluded.done,
    total = excluded.total, error = excluded.error, held_until = excluded.held_until, ended_at = excluded.ended_at`;

export async function saveRun(tx: Tx, row: RunRow): Promise<void> {
  const values: SqlValue[] = COLUMNS.map((column) => row[column]);
  await tx.run(PUT, values);
}

export const findRun = async (tx: Tx, backup_id: string): Promise<RunRow | undefined> =>
  isPlainText(backup_id)
    ? tx.get<RunRow>(`SELECT ${ALL} FROM backup_runs WHERE backup_id = ?`, [backup_id])
    : undefined;

/** Those that are not over, oldest first. */
export const openRuns = (tx: Tx): Promise<RunRow[]> =>
  tx.all<RunRow>(`SELECT ${ALL} FROM backup_runs WHERE ended_at IS NULL ORDER BY created_at, backup_id`);

/** The newest, whatever became of them. */
export const newestRuns = (tx: Tx, limit: number): Promise<RunRow[]> =>
  tx.all<RunRow>(`SELECT ${ALL} FROM backup_runs ORDER BY created_at DESC, backup_id DESC LIMIT ?`, [limit]);

/** Are contents held back from collection? */
export const isHeld = async (tx: Tx, now: number): Promise<boolean> =>
  (await tx.get('SELECT 1 AS one FROM backup_runs WHERE held_until > ? LIMIT 1', [now])) !== undefined;

/** When the last one that was made by the schedule was asked for. */
export async function lastPlanned(tx: Tx): Promise<number | undefined> {
  const row = await tx.get<{ at: number | null }>(
    "SELECT MAX(created_at) AS at FROM backup_runs WHERE reason = 'schedule'",
  );
  return row?.at ?? undefined;
}

export interface LastEnds {
  /** When the newest good one was made, in milliseconds; null where there is none. */
  readonly succeeded: number | null;
  readonly failed: number | null;
}

/** Those that come before a restore are of what somebody wanted to leave. */
export async function lastEnds(tx: Tx): Promise<LastEnds> {
  const row = await tx.get<LastEnds>(
    `SELECT MAX(CASE WHEN status = 'succeeded' THEN ended_at END) AS succeeded,
       MAX(CASE WHEN status = 'failed' THEN ended_at END) AS failed FROM backup_runs WHERE reason <> 'safety'`,
  );
  return row ?? { succeeded: null, failed: null };
}

/** Those that were over long ago. */
export const forgetRuns = (tx: Tx, before: number): Promise<number> =>
  tx.run('DELETE FROM backup_runs WHERE ended_at < ?', [before]);
