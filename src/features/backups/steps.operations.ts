/**
 * How a backup goes on, as steps of the server itself. Guarantees: one at a time, whoever is killed when; the end of one
 * and its event are one transaction.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { nextInstant } from '../jobs/cron.ts';
import { backupIdOf } from './manifest.ts';
import { readPlan } from './plan.ts';
import { findRun, forgetRuns, isHeld, lastPlanned, openRuns, saveRun } from './runs.sql.ts';
import { beginSafetyRun, endLeft, HOLD_MS, holdRun, isLeft, newRun } from './runs.ts';

const STEP = { who: 'root admin', internal: true, faults: [] } as const;

const RUNS_KEPT_MS = 400 * 86_400_000;

const asked = z.object({ destination: z.string() });

/** Is there one to be made: asked for, or by the schedule? */
export const backupDue: Operation<z.infer<typeof asked>, boolean> = {
  ...STEP,
  name: 'backup.due',
  summary: 'Say whether a backup is to be made now, or one to be ended that nobody is at any more.',
  effect: 'read',
  input: asked,
  output: z.boolean(),
  run: async (call, { destination }) => {
    const now = await queueTime(call);
    if ((await openRuns(call.tx)).some((row) => row.reason !== 'safety' || isLeft(row, now))) return true;
    return isPlanned(call, destination);
  },
};

async function isPlanned(call: Call, destination: string): Promise<boolean> {
  const plan = await readPlan(call.tx, destination);
  if (!plan.enabled) return false;
  const now = await queueTime(call);
  const last = await lastPlanned(call.tx);
  // What was missed while no server ran is made once; what lies before the schedule was set is not.
  const since = Math.max(last ?? 0, plan.since ?? 0) || now - LOOK_BACK_MS;
  const next = nextInstant({ cron: plan.schedule, timezone: plan.timezone }, since);
  return next !== undefined && next <= now;
}

/** Of a plan of which nobody knows since when it is. */
const LOOK_BACK_MS = 60_000;

const run = z.object({
  backup_id: z.string(),
  reason: z.enum(['asked', 'schedule', 'safety']),
  destination: z.string(),
  retention_days: z.number(),
});
export type Begun = z.infer<typeof run>;

const beginning = z.object({ destination: z.string(), random: z.string() });

export const beginBackup: Operation<z.infer<typeof beginning>, Begun | null> = {
  ...STEP,
  name: 'backup.begin',
  summary: 'Take the backup that is to be made next, and hold contents back from collection.',
  effect: 'write',
  input: beginning,
  output: run.nullable(),
  run: async (call, { destination, random }) => {
    const now = await queueTime(call);
    const plan = await readPlan(call.tx, destination);
    const [open] = (await endLeft(call.tx, now)).filter(({ reason }) => reason !== 'safety');
    const planned = open === undefined && (await isPlanned(call, destination));
    const fresh = { backup_id: backupIdOf(now, random), reason: 'schedule', destination: plan.destination } as const;
    const row = open ?? (planned ? newRun(fresh, now) : undefined);
    if (!row) return null;
    await saveRun(call.tx, { ...row, status: 'running', phase: 'rows', held_until: now + HOLD_MS });
    await forgetRuns(call.tx, now - RUNS_KEPT_MS);
    const { backup_id, reason } = row;
    return { backup_id, reason, destination: row.destination, retention_days: plan.retention_days };
  },
};

const progress = z.object({ backup_id: z.string(), phase: z.string(), done: z.number(), total: z.number() });

export const holdBackup: Operation<z.infer<typeof progress>, null> = {
  ...STEP,
  name: 'backup.hold',
  summary: 'Say how far a backup is, and go on holding contents back.',
  effect: 'write',
  input: progress,
  output: z.null(),
  run: async (call, far) => {
    await holdRun(call.tx, far, await queueTime(call));
    return null;
  },
};

const ending = z.object({ backup_id: z.string(), error: z.string().nullable(), bytes: z.number() });

export const endBackup: Operation<z.infer<typeof ending>, null> = {
  ...STEP,
  name: 'backup.end',
  summary: 'Say what became of a backup.',
  effect: 'write',
  input: ending,
  output: z.null(),
  run: async (call, { backup_id, error, bytes }) => {
    const row = await findRun(call.tx, backup_id);
    if (!row || row.ended_at !== null) return null;
    const status = error === null ? 'succeeded' : 'failed';
    const now = await queueTime(call);
    await saveRun(call.tx, { ...row, status, phase: 'over', error, held_until: 0, ended_at: now });
    call.event({
      type: error === null ? 'backup.completed' : 'backup.failed',
      object: { type: 'backup', id: backup_id },
      data: { reason: row.reason, ...(error === null ? { bytes } : { error }) },
    });
    return null;
  },
};

const safety = z.object({ backup_id: z.string(), destination: z.string() });

/** CONFLICT while another is made. Until it is over contents are held back, as for any other. */
export const beginSafety: Operation<z.infer<typeof safety>, null> = {
  ...STEP,
  name: 'backup.begin-safety',
  summary: 'Take the backup that is made before a restore.',
  effect: 'write',
  input: safety,
  output: z.null(),
  run: async (call, run) => {
    if (await beginSafetyRun(call.tx, run, await queueTime(call))) return null;
    throw new Fault('CONFLICT', 'A backup is being made; restore when it is over', { reason: 'BACKUP_RUNNING' });
  },
};

/** For the collection of blobs: nothing goes while a backup is made. */
export const backupsHold = ({ tx, now }: Pick<Call, 'tx' | 'now'>): Promise<boolean> => isHeld(tx, now);

export const backupSteps = [backupDue, beginBackup, beginSafety, holdBackup, endBackup] as const;
