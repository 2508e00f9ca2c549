/**
 * What every node does for the queue beside running jobs: fires schedules, takes lost jobs back, fails those past their
 * deadline. Guarantees: all of it stands in rows and is decided in the transaction that does it, so any number of nodes may
 * be at it.
 */
import type { Log } from '../../base/log.ts';
import type { BrickState } from '../../core/call/brick-state.ts';
import type { Runner } from '../../core/transact.ts';
import { dueSchedules, fireSchedule } from '../../features/jobs/schedule-steps.operations.ts';
import { failOverdue, findLate, recoverJob } from '../../features/jobs/worker-steps.operations.ts';
import { asWorker, type RunStep, systemSteps } from '../system.ts';
import { Lanes } from './lanes.ts';

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
  systemSteps(runner, asWorker(worker_id));

const tellFailure = (log: Log, thrown: unknown): void => log('warn', 'jobs.tend-failed', { err: thrown });

/** A zone that is locked for long keeps no other waiting. */
const lanesOf = (log: Log): Lanes => new Lanes({ failed: (thrown) => tellFailure(log, thrown) });

export function startTender(parts: TenderParts): Tender {
  const step = stepsOf(parts);
  const late = lanesOf(parts.log);
  const due = lanesOf(parts.log);
  const tick = async (): Promise<void> => {
    await takeBack(step, parts.worker_id, late);
    if (!parts.recoversOnly && !parts.bricks.isOff('scheduler')) await fireDue(step, parts.log, due);
  };
  let ticking: Promise<void> | undefined;
  const timer = setInterval(
    () => {
      ticking ??= tick()
        .catch((thrown: unknown) => tellFailure(parts.log, thrown))
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
      await Promise.all([late.idle(), due.idle()]);
    },
  };
}

/** Takes back what is lost now, and waits for that. */
export async function takeAllBack(step: RunStep, { log, worker_id }: Pick<TenderParts, 'log' | 'worker_id'>) {
  const lanes = lanesOf(log);
  await takeBack(step, worker_id, lanes);
  await lanes.idle();
}

async function takeBack(step: RunStep, worker_id: string, lanes: Lanes): Promise<void> {
  const { lost, overdue } = await step(findLate, 'root', { limit: LATE_MOST });
  const zones = new Map([...lost, ...overdue].map(({ zone_id }) => [zone_id, 1]));
  await lanes.each(zones, async (zone_id) => {
    for (const { job_id, attempt } of lost.filter((job) => job.zone_id === zone_id)) {
      await step(recoverJob, zone_id, { job_id, attempt, worker_id });
    }
    const job_ids = overdue.filter((job) => job.zone_id === zone_id).map(({ job_id }) => job_id);
    if (job_ids.length > 0) await step(failOverdue, zone_id, { job_ids });
  });
}

/** One that cannot fire now is tried again at the next tick. */
async function fireDue(step: RunStep, log: Log, lanes: Lanes): Promise<void> {
  const schedules = await step(dueSchedules, 'root', { limit: DUE_MOST });
  await lanes.each(new Map(schedules.map(({ zone_id }) => [zone_id, 1])), async (zone_id) => {
    for (const { schedule_id } of schedules.filter((one) => one.zone_id === zone_id)) {
      await step(fireSchedule, zone_id, { schedule_id }).catch((thrown: unknown) => {
        log('warn', 'schedule.failed', { schedule_id, err: thrown });
      });
    }
  });
}
