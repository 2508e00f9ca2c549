/**
 * What every node does for the queue beside running jobs: fires schedules, takes lost jobs back, fails those past their
 * deadline. Guarantees: all of it stands in rows and is decided in the transaction that does it, so any number of nodes may
 * be at it.
 */
import type { Log } from '../../base/log.ts';
import type { BrickState } from '../../core/call/brick-state.ts';
import type { Runner } from '../../core/transact.ts';
import { SYSTEM } from '../../features/access/credentials.ts';
import { dueSchedules, fireSchedule } from '../../features/jobs/schedule-steps.operations.ts';
import { failOverdue, findLate, recoverJob } from '../../features/jobs/worker-steps.operations.ts';
import { type RunStep, systemSteps } from '../system.ts';

export interface TenderParts {
  readonly runner: Runner;
  readonly log: Log;
  /** Who takes jobs back, by name. */
  readonly worker_id: string;
  readonly pollMs: number;
  /** Takes lost jobs back and does no more. */
  readonly recoversOnly?: boolean;
  readonly bricks: BrickState;
}

export interface Tender {
  stop(): Promise<void>;
}

/** Lost leases and deadlines are seen within a second (platform.md §2). */
const TICK_MS = 500;
const LATE_MOST = 100;
const DUE_MOST = 100;

export const stepsOf = ({ runner, worker_id }: Pick<TenderParts, 'runner' | 'worker_id'>): RunStep =>
  systemSteps(runner, { ...SYSTEM, subject_type: 'worker', subject_id: worker_id });

export function startTender(parts: TenderParts): Tender {
  const step = stepsOf(parts);
  const tick = async (): Promise<void> => {
    await takeBack(step, parts);
    if (!parts.recoversOnly && !parts.bricks.isOff('scheduler')) await fireDue(step, parts.log);
  };
  let ticking: Promise<void> | undefined;
  const timer = setInterval(
    () => {
      ticking ??= tick()
        .catch((thrown: unknown) => {
          parts.log('warn', 'jobs.tend-failed', { err: thrown instanceof Error ? thrown.stack : String(thrown) });
        })
        .finally(() => {
          ticking = undefined;
        });
    },
    Math.min(TICK_MS, parts.pollMs),
  );
  return {
    stop: async () => {
      clearInterval(timer);
      await ticking;
    },
  };
}

/** What is late now; gives how many jobs were taken back. */
export async function takeBack(step: RunStep, parts: Pick<TenderParts, 'log' | 'worker_id'>): Promise<number> {
  const { lost, overdue } = await step(findLate, 'root', { limit: LATE_MOST });
  let recovered = 0;
  for (const { job_id, zone_id, attempt } of lost) {
    const { status } = await step(recoverJob, zone_id, { job_id, attempt, worker_id: parts.worker_id });
    if (status === null) continue;
    recovered++;
  }
  for (const [zone_id, jobs] of Map.groupBy(overdue, (job) => job.zone_id)) {
    await step(failOverdue, zone_id, { job_ids: jobs.map(({ job_id }) => job_id) });
  }
  return recovered;
}

/** One that cannot fire now is tried again at the next tick. */
async function fireDue(step: RunStep, log: Log): Promise<void> {
  for (const { schedule_id, zone_id } of await step(dueSchedules, 'root', { limit: DUE_MOST })) {
    await step(fireSchedule, zone_id, { schedule_id }).catch((thrown: unknown) => {
      log('warn', 'schedule.failed', { schedule_id, err: thrown instanceof Error ? thrown.stack : String(thrown) });
    });
  }
}
