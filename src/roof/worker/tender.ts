/**
 * What every node does for the queue beside running jobs: fires schedules, takes lost jobs back, fails those past their
 * deadline. Guarantees: all of it stands in rows and is decided in the transaction that does it, so any number of nodes may
 * be at it.
 */
import type { Log } from '../../base/log.ts';
import { settled } from '../../base/settled.ts';
import type { BrickState } from '../../core/call/brick-state.ts';
import type { Runner } from '../../core/transact.ts';
import { dueSchedules, fireSchedule } from '../../features/jobs/schedule-steps.operations.ts';
import { failOverdue, findLate, recoverJob } from '../../features/jobs/worker-steps.operations.ts';
import { asWorker, type RunStep, systemSteps } from '../system.ts';
import { Behind } from './behind.ts';
import { fieldsOf, kindOf, tellingFailures } from './failures.ts';
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
const LATE_MOST = 1_000;
const DUE_MOST = 1_000;
/** Of one tick. */
const LOOKS_MOST = 20;
/** Steps of one zone that are under way together: the engine commits them together. */
const TOGETHER = 25;

export const stepsOf = ({ runner, worker_id }: Pick<TenderParts, 'runner' | 'worker_id'>): RunStep =>
  systemSteps(runner, asWorker(worker_id));

const tellingOf = (log: Log) => tellingFailures(log, 'jobs.tend-failed');

export function startTender(parts: TenderParts): Tender {
  const step = stepsOf(parts);
  const failed = tellingOf(parts.log);
  // A zone that is locked for long keeps no other waiting.
  const [late, due] = [new Lanes({ failed }), new Lanes({ failed })];
  const firing = { log: parts.log, lanes: due, rests: new Rests(), behind: new Behind() };
  const tick = async (): Promise<void> => {
    await takeBack(step, parts.worker_id, late);
    if (parts.recoversOnly) return;
    if (parts.bricks.isOff('scheduler')) firing.behind.clear();
    else await fireDue(step, firing);
  };
  let ticking: Promise<void> | undefined;
  const timer = setInterval(
    () => {
      ticking ??= tick()
        .catch(failed)
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
  const lanes = new Lanes({ failed: tellingOf(log) });
  await takeBack(step, worker_id, lanes);
  await lanes.idle();
}

/** Looks again while there was more than one look gives; a zone that is at it is left out until it is done. */
async function takeBack(step: RunStep, worker_id: string, lanes: Lanes): Promise<void> {
  for (let looks = 0, full = true; full && looks < LOOKS_MOST; looks++) {
    const { lost, overdue } = await step(findLate, 'root', { limit: LATE_MOST, without: lanes.zones });
    full = Math.max(lost.length, overdue.length) >= LATE_MOST;
    const zones = new Map([...lost, ...overdue].map(({ zone_id }) => [zone_id, 1]));
    await lanes.each(zones, async (zone_id) => {
      const own = lost.filter((job) => job.zone_id === zone_id);
      const job_ids = overdue.filter((job) => job.zone_id === zone_id).map(({ job_id }) => job_id);
      await settled([
        inParts(own, ({ job_id, attempt }) => step(recoverJob, zone_id, { job_id, attempt, worker_id })),
        job_ids.length > 0 ? step(failOverdue, zone_id, { job_ids }) : undefined,
      ]);
    });
  }
}

/** Some at a time, in their order; all of them, also behind one that failed. */
async function inParts<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const parts: Promise<void>[] = [];
  for (let at = 0; at < items.length; at += TOGETHER) {
    const part = settled(items.slice(at, at + TOGETHER).map(work));
    parts.push(part);
    await part.catch(() => undefined);
  }
  await settled(parts);
}

interface Firing {
  readonly log: Log;
  readonly lanes: Lanes;
  readonly rests: Rests;
  readonly behind: Behind;
}

/** What cannot fire stays due. A zone that is locked, or in which one failed, is left out of the next looks. */
async function fireDue(step: RunStep, firing: Firing): Promise<void> {
  const { lanes, rests, behind } = firing;
  let seen_at: number | undefined;
  for (let looks = 0, full = true; full && looks < LOOKS_MOST; looks++) {
    const { zones, schedules } = rests.without();
    const without = { zones: [...zones, ...lanes.zones], schedules };
    const { at, due: found } = await step(dueSchedules, 'root', { limit: DUE_MOST, without });
    // What a look had no room for is not missed by that.
    seen_at ??= at;
    full = found.length >= DUE_MOST;
    const due = Map.groupBy(found, ({ zone_id }) => zone_id);
    rests.looked(new Set([...due.keys(), ...lanes.zones]));
    const looked_at = seen_at;
    const seen = new Map([...due.keys()].map((zone_id) => [zone_id, behind.seen(zone_id, looked_at)]));
    behind.looked(seen, { full });
    await lanes.each(new Map([...due.keys()].map((zone_id) => [zone_id, 1])), (zone_id) =>
      fireIn(step, firing, { due: due.get(zone_id) ?? [], seen_at: seen.get(zone_id) ?? looked_at }),
    );
  }
}

interface Seen {
  readonly due: readonly DueSchedule[];
  readonly seen_at: number;
}

/** Some at a time; none after one that failed. */
async function fireIn(step: RunStep, firing: Firing, { due, seen_at }: Seen): Promise<void> {
  for (let at = 0; at < due.length; at += TOGETHER) {
    const part = due.slice(at, at + TOGETHER);
    const fired = await Promise.all(part.map((one) => hasFired(step, firing, { ...one, seen_at })));
    if (fired.includes(false)) return;
  }
}

async function hasFired(
  step: RunStep,
  { log, rests }: Firing,
  due: DueSchedule & Pick<Seen, 'seen_at'>,
): Promise<boolean> {
  const { zone_id, schedule_id, seen_at } = due;
  try {
    await step(fireSchedule, zone_id, { schedule_id, seen_at });
    rests.fired(zone_id);
    return true;
  } catch (thrown) {
    const isTold = rests.failed(due, kindOf(thrown));
    if (isTold) log('warn', 'schedule.failed', { zone: zone_id, schedule_id, ...fieldsOf(thrown) });
    return false;
  }
}
