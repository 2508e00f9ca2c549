/** Rows of workers: who claims jobs, and when it was last heard of. */
import type { Tx } from '../../ports/sql.ts';
import { HOUSE, MISSED_BEATS, NEXUS } from './job.ts';

export interface WorkerRow {
  readonly worker_id: string;
  readonly kind: 'process' | 'embedded';
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly status: 'active' | 'draining';
  readonly slots: number;
  /** Milliseconds between two beats. */
  readonly beat_ms: number;
  readonly processed: number;
  readonly failed: number;
  readonly started_at: number;
  readonly beat_at: number;
}

export async function saveWorker(tx: Tx, row: WorkerRow): Promise<void> {
  await tx.run(
    `INSERT INTO workers (worker_id, kind, hostname, pid, version, status, slots, beat_ms, processed, failed, started_at, beat_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (worker_id) DO UPDATE SET status = excluded.status, processed = excluded.processed,
       failed = excluded.failed, beat_at = excluded.beat_at`,
    [
      row.worker_id,
      row.kind,
      row.hostname,
      row.pid,
      row.version,
      row.status,
      row.slots,
      row.beat_ms,
      row.processed,
      row.failed,
      row.started_at,
      row.beat_at,
    ],
  );
}

export async function removeWorker(tx: Tx, worker_id: string): Promise<void> {
  await tx.run('DELETE FROM workers WHERE worker_id = ?', [worker_id]);
}

/** For so long one that is gone is listed; its row goes with the next housekeeping after that. */
export const WORKERS_KEPT_MS = 86_400_000;

/** By start. */
export const listWorkers = (tx: Tx): Promise<WorkerRow[]> =>
  tx.all<WorkerRow>('SELECT * FROM workers ORDER BY started_at, worker_id');

export const isGone = (row: WorkerRow, now: number): boolean => row.beat_at + MISSED_BEATS * row.beat_ms < now;

export const removeWorkersBefore = (tx: Tx, before: number): Promise<number> =>
  tx.run('DELETE FROM workers WHERE beat_at < ?', [before]);

/** Is it a worker that has missed its beats? One without a row is none of ours, and its lease decides. */
export async function isLost(tx: Tx, worker_id: string, now: number): Promise<boolean> {
  const row = await tx.get<WorkerRow>('SELECT * FROM workers WHERE worker_id = ?', [worker_id]);
  return row !== undefined && isGone(row, now);
}

/** Jobs in hand, by worker. */
export const listHeldBy = (tx: Tx): Promise<{ job_id: string; lease_owner: string }[]> =>
  tx.all(
    `SELECT job_id, lease_owner FROM jobs WHERE status = 'running' AND executor IN ('${NEXUS}', '${HOUSE}') ORDER BY job_id`,
  );
