/** Figures of backups, asked at each scrape, and whether one is missing. */
import type { Tx } from '../../ports/sql.ts';
import { nextInstant } from '../jobs/cron.ts';
import { type KeptPlan, readPlan } from './plan.ts';
import { lastEnds } from './runs.sql.ts';

export interface BackupGauges {
  readonly 'backup.last_success_timestamp_seconds': number;
  readonly 'backup.last_failure_timestamp_seconds': number;
  readonly 'backup.scheduled': number;
}

export async function backupGauges(tx: Tx): Promise<BackupGauges> {
  const { succeeded, failed } = await lastEnds(tx);
  const { enabled } = await readPlan(tx, '');
  return {
    'backup.last_success_timestamp_seconds': (succeeded ?? 0) / 1000,
    'backup.last_failure_timestamp_seconds': (failed ?? 0) / 1000,
    'backup.scheduled': enabled ? 1 : 0,
  };
}

/** Milliseconds that one may take, and that whoever makes it may be late. */
const LATE_MS = 3_600_000;

/** Has there been no good one since the schedule last asked for one? */
export async function isOverdue(tx: Tx, plan: KeptPlan, now: number): Promise<boolean> {
  const { succeeded, failed } = await lastEnds(tx);
  const last = succeeded ?? failed;
  if (!plan.enabled || last === null) return false;
  const since = Math.max(last, plan.since ?? 0);
  const next = nextInstant({ cron: plan.schedule, timezone: plan.timezone }, since);
  return next !== undefined && next + LATE_MS < now;
}
