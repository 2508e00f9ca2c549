/**
 * Rules of the rows of backups that are made. Guarantees: while one is made contents are held back from collection; one that
 * is made before something else (a restore, a migration) is over for all others soon after its maker is gone.
 */
import type { Tx } from '../../ports/sql.ts';
import { RESTORE_HELD_MS } from './restores.sql.ts';
import { findRun, openRuns, type RunRow, saveRun } from './runs.sql.ts';

/** Contents are held back for so long since somebody last said that he is at it. */
export const HOLD_MS = 600_000;
/** Of the backup before something else, whose maker is gone when the others go on. */
const holdOf = (reason: RunRow['reason']): number => (reason === 'safety' ? RESTORE_HELD_MS : HOLD_MS);

export const newRun = (run: Pick<RunRow, 'backup_id' | 'reason' | 'destination'>, now: number): RunRow => ({
  ...run,
  status: 'queued',
  phase: 'waiting',
  done: 0,
  total: 0,
  error: null,
  held_until: 0,
  created_at: now,
  ended_at: null,
});

/** Is its maker gone? Only of those before something else: any other is gone on with by whoever has the job. */
export const isLeft = ({ reason, held_until }: RunRow, now: number): boolean =>
  reason === 'safety' && held_until <= now;

/** Those that are not over, without those that nobody is at any more, which are from now on. */
export async function endLeft(tx: Tx, now: number): Promise<RunRow[]> {
  const open = await openRuns(tx);
  for (const row of open) {
    if (!isLeft(row, now)) continue;
    await saveRun(tx, {
      ...row,
      status: 'failed',
      phase: 'over',
      error: 'it was cut short',
      held_until: 0,
      ended_at: now,
    });
  }
  return open.filter((row) => !isLeft(row, now));
}

/** A backup before something else is begun. False while another is made. */
export async function beginSafetyRun(tx: Tx, run: Pick<RunRow, 'backup_id' | 'destination'>, now: number) {
  if ((await endLeft(tx, now)).length > 0) return false;
  const row = newRun({ ...run, reason: 'safety' }, now);
  await saveRun(tx, { ...row, status: 'running', held_until: now + holdOf(row.reason) });
  return true;
}

export type Far = Pick<RunRow, 'backup_id' | 'phase' | 'done' | 'total'>;

/** Somebody is at it, and has come so far. */
export async function holdRun(tx: Tx, { backup_id, ...far }: Far, now: number): Promise<void> {
  const row = await findRun(tx, backup_id);
  if (row && row.ended_at === null) await saveRun(tx, { ...row, ...far, held_until: now + holdOf(row.reason) });
}

/** Beside the state, which may be another one by then: no event tells of it. */
export async function endSafety(tx: Tx, end: { backup_id: string; error: string | null; now: number }): Promise<void> {
  const row = await findRun(tx, end.backup_id);
  if (!row) return;
  const status = end.error === null ? 'succeeded' : 'failed';
  await saveRun(tx, { ...row, status, phase: 'over', error: end.error, held_until: 0, ended_at: end.now });
}
