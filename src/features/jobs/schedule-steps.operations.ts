/**
 * Schedules fire, as steps of the server itself. Guarantees: each planned instant queues one task, on however many nodes
 * and across crashes: the tasks and the schedule's next instant change in one transaction of the zone, and the task's
 * idempotency key is schedule and instant.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { queueTime } from './clock.sql.ts';
import { dueInstants } from './cron.ts';
import { isFinal } from './job.ts';
import { findJob } from './jobs.sql.ts';
import { enqueue } from './queue.ts';
import { jobOfSchedule } from './schedules.operations.ts';
import { findSchedule, listDueSchedules, type ScheduleRow, saveSchedule } from './schedules.sql.ts';
import { WAITING } from './topics.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;

const without = z.object({ zones: z.array(z.string()), schedules: z.array(z.string()) });
const look = z.object({ limit: z.number(), without: without.optional() });
const schedules = z.object({
  /** When it looked. */
  at: z.number(),
  due: z.array(z.object({ schedule_id: z.string(), zone_id: z.string() })),
});

export const dueSchedules: Operation<z.infer<typeof look>, z.infer<typeof schedules>> = {
  ...STEP,
  name: 'schedule.due',
  summary: 'List schedules that are to fire.',
  effect: 'read',
  input: look,
  output: schedules,
  run: async (call, asked) => {
    const at = await queueTime(call);
    return { at, due: await listDueSchedules(call.tx, { ...asked, now: at }) };
  },
};

const which = z.object({
  schedule_id: z.string(),
  /** Since when somebody is at firing what is due: an instant that had come by then was missed or is late, later ones are neither. */
  seen_at: z.number().optional(),
});
const fired = z.object({ tasks: z.number(), skipped: z.number() });

/** Queues the tasks of the instants that have come. */
export const fireSchedule: Operation<z.infer<typeof which>, z.infer<typeof fired>> = {
  ...STEP,
  name: 'schedule.fire',
  summary: 'Queue the tasks of a schedule whose time has come.',
  effect: 'write',
  grows: true,
  input: which,
  output: fired,
  rings: ({ tasks }) => (tasks > 0 ? WAITING : undefined),
  object: ({ schedule_id }) => schedule_id,
  run: async (call, { schedule_id, seen_at }) => {
    const row = await findSchedule(call.tx, call.context.zone_id, schedule_id);
    const now = await queueTime(call);
    const planned = row?.next_run_at ?? null;
    if (!row?.enabled || planned === null || planned > now || call.zone.phase !== 'Active') {
      return { tasks: 0, skipped: 0 };
    }
    const { instants, next } = dueInstants(row, planned, { now, seen_at, catch_up: row.catch_up });
    const { after, left } = await fireEach(call, row, instants);
    await saveSchedule(call.tx, { ...after, next_run_at: left ?? next ?? null });
    const skipped = after.skipped_total - row.skipped_total;
    const done = left === undefined ? instants.length : instants.indexOf(left);
    return { tasks: done - skipped, skipped };
  },
};

/** In their order, as far as the zone has room, so that one with many behind it needs no room for all at once; throws where there is none for the first. */
async function fireEach(
  call: Call,
  row: ScheduleRow,
  instants: readonly number[],
): Promise<{ after: ScheduleRow; left?: number }> {
  let after = row;
  for (const instant of instants) {
    try {
      after = await fireOnce(call, after, instant);
    } catch (thrown) {
      if (after === row || !isFull(thrown)) throw thrown;
      return { after, left: instant };
    }
  }
  return { after };
}

/** Refused for the number of jobs, before anything was written. */
const isFull = (thrown: unknown): boolean =>
  thrown instanceof Fault && (thrown.code === 'QUOTA_EXCEEDED' || thrown.code === 'TOO_MANY');

/** The schedule after one of its instants. */
async function fireOnce(call: Call, row: ScheduleRow, instant: number): Promise<ScheduleRow> {
  const busy = row.overlap !== 'allow' && (await isBusy(call, row));
  if (busy && row.overlap === 'skip') return { ...row, skipped_total: row.skipped_total + 1 };
  const idempotency_key = `schedule ${row.schedule_id} ${instant}`;
  const { job } = await enqueue(call, { ...jobOfSchedule(row), idempotency_key, blocked: busy });
  return { ...row, last_run_at: instant, last_job_id: job.job_id };
}

/** Has the task before not ended? */
async function isBusy({ tx, context }: Call, { last_job_id }: ScheduleRow): Promise<boolean> {
  const last = last_job_id === null ? undefined : await findJob(tx, context.zone_id, last_job_id);
  return last !== undefined && !isFinal(last.status);
}

export const scheduleSteps = [dueSchedules, fireSchedule] as const;
