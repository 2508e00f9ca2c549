/**
 * What every node does for the queue beside running jobs: fires schedules, takes lost jobs back, fails those past their
 * deadline. Guarantees: all of it stands in rows and is decided in the transaction that does it, so any number of nodes may
 * be at it.
 */
import { causeOf, Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import type { BrickState } from '../../core/call/brick-state.ts';
import type { Runner } from '../../core/transact.ts';
import { dueSchedules, fireSchedule } from '../../features/jobs/schedule-steps.operations.ts';
import { failOverdue, findLate, recoverJob } from '../../features/jobs/worker-steps.operations.ts';
import { asWorker, type RunStep, systemSteps } from '../system.ts';
import { Lanes } from './lanes.ts';
import { type DueSchedule, Rests } from './rests.ts';

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
  const firing = { log: parts.log, lanes: due, rests: new Rests() };
  const tick = async (): Promise<void> => {
    await takeBack(step, parts.worker_id, late);
    if (!parts.recoversOnly && !parts.bricks.isOff('scheduler')) await fireDue(step, firing);
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

interface Firing {
  readonly log: Log;
  readonly lanes: Lanes;
  readonly rests: Rests;
}

/** What cannot fire stays due. A zone that is locked, or in which one failed, is left out of the next looks. */
async function fireDue(step: RunStep, firing: Firing): Promise<void> {
  const { lanes, rests } = firing;
  const { zones, schedules } = rests.without();
  const without = { zones: [...zones, ...lanes.zones], schedules };
  const due = Map.groupBy(await step(dueSchedules, 'root', { limit: DUE_MOST, without }), ({ zone_id }) => zone_id);
  rests.looked(new Set([...due.keys(), ...lanes.zones]));
  await lanes.each(new Map([...due.keys()].map((zone_id) => [zone_id, 1])), async (zone_id) => {
    for (const { schedule_id } of due.get(zone_id) ?? []) {
      if (!(await hasFired(step, firing, { zone_id, schedule_id }))) return;
    }
  });
}

async function hasFired(step: RunStep, { log, rests }: Firing, due: DueSchedule): Promise<boolean> {
  const { zone_id, schedule_id } = due;
  try {
    await step(fireSchedule, zone_id, { schedule_id });
    rests.fired(zone_id);
    return true;
  } catch (thrown) {
    const code = thrown instanceof Fault ? thrown.code : undefined;
    if (!rests.failed(due, code ?? (thrown instanceof Error ? thrown.name : typeof thrown))) return false;
    // A refusal says all in its message; where it came from would only hide that.
    const err = thrown instanceof Fault ? (causeOf(thrown) ?? thrown.message) : thrown;
    log('warn', 'schedule.failed', { zone: zone_id, schedule_id, ...(code && { code }), err });
    return false;
  }
}
