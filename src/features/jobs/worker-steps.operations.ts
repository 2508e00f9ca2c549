/**
 * What workers and nodes do to the queue, as steps of the server itself; no door reaches them. Guarantees: a claim is
 * committed before its work begins; what comes of an attempt that is over changes nothing; a lost lease is taken back by
 * one of those who look, with one audit row.
 */

import { z } from 'zod';
import { own } from '../../base/own-data.ts';
import { type AuditRow, auditRow } from '../../core/call/audit-row.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { askForKeys } from './ahead.ts';
import { type ClaimedJob, callersOf } from './claimed.ts';
import { listDueHere } from './claims.sql.ts';
import { queueTime } from './clock.sql.ts';
import { HOUSE, isFinal, isWaiting, NEXUS } from './job.ts';
import {
  deleteJobs,
  deleteRestOf,
  findJob,
  findJobs,
  listEndedBefore,
  listLost,
  listOverdue,
  listPrunable,
  listSomeJobs,
  listStillHeld,
  renewLease,
} from './jobs.sql.ts';
import { type Ending, endJobs, endJobsAt, takeJobs, tellClaimed } from './queue.ts';
import { Tally } from './tally.ts';
import { ENDED } from './topics.ts';
import {
  isLost,
  removeWorker,
  removeWorkersBefore,
  saveWorker,
  WORKERS_KEPT_MS,
  type WorkerRow,
} from './workers.sql.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;
const nothing = z.object({});
const heldJob = z.object({ job_id: z.string(), zone_id: z.string(), attempt: z.number() });
const heldJobs = z.array(heldJob);

const without = z.array(z.string()).optional();
const limited = z.object({ limit: z.number(), without });
const dueZones = z.array(z.object({ zone_id: z.string(), n: z.number() }));

export const dueJobs: Operation<z.infer<typeof limited>, z.infer<typeof dueZones>> = {
  ...STEP,
  name: 'job.due',
  summary: 'Say which zones have the next jobs.',
  effect: 'read',
  input: limited,
  output: dueZones,
  run: async (call, asked) => listDueHere(call.tx, { ...asked, now: await queueTime(call) }),
};

const work = z.object({
  /** Attempts that are over, with the jobs as they were claimed. */
  ended: own<readonly Ending[]>(),
  claim: z.number(),
  /** Of the server's own, which are in zone root only. */
  housework: z.number().optional(),
  /** Types that wait: what they are for is off. */
  without,
  worker_id: z.string(),
  lease_ms: z.number(),
});
const worked = own<{ readonly claimed: readonly ClaimedJob[]; readonly final: boolean }>();

/** Ends attempts and claims the next jobs, in one transaction. */
export const workOnJobs: Operation<z.infer<typeof work>, z.infer<typeof worked>> = {
  ...STEP,
  name: 'job.work',
  summary: 'End attempts at jobs and claim the next ones.',
  effect: 'write',
  input: work,
  output: worked,
  rings: ({ final }) => (final ? ENDED : undefined),
  // Who submitted those that ended is likely to have submitted the next ones.
  ahead: (tx, { ended, claim }) => askForKeys(tx, claim > 0 ? ended.map(({ job }) => job.key_id) : []),
  run: async (call, { ended, claim, housework = 0, without = [], worker_id, lease_ms }) => {
    const now = await queueTime(call);
    const at = { now, tally: new Tally(call) };
    const limit = call.zone.phase === 'Active' ? claim : 0;
    const by = { lease_ms, owner: worker_id, subject: '' };
    const asked = { executors: [NEXUS], types: null, without, limit, ...by };
    const ours = { ...asked, executors: [HOUSE], limit: housework };
    // The claims go out behind the ends, and see them; they are told behind them too.
    const ending = ended.length > 0 ? endJobsAt(call, ended, { ...at, holder: worker_id }) : [];
    const taking = [limit > 0 ? takeJobs(call, asked, now) : [], housework > 0 ? takeJobs(call, ours, now) : []];
    const [after, ...taken] = await Promise.all([ending, ...taking]);
    const jobs = tellClaimed(call, taken.flat(), at);
    const [claimers] = await Promise.all([callersOf(call, jobs), at.tally.keep()]);
    const claimed = jobs.map((job) => ({ job, caller: claimers(job) }));
    return { claimed, final: after.some(({ status }) => isFinal(status)) };
  },
};

/** The job that was claimed for this worker as it was made; null where it is no longer its own. */
export const ownJob: Operation<{ job_id: string; worker_id: string }, ClaimedJob | null> = {
  ...STEP,
  name: 'job.own',
  summary: 'Read a job that this worker has claimed.',
  effect: 'read',
  input: z.object({ job_id: z.string(), worker_id: z.string() }),
  output: own<ClaimedJob | null>(),
  run: async (call, { job_id, worker_id }) => {
    const job = await findJob(call.tx, call.context.zone_id, job_id);
    if (job?.status !== 'running' || job.lease_owner !== worker_id) return null;
    return { job, caller: (await callersOf(call, [job]))(job) };
  },
};

const renewal = z.object({ jobs: heldJobs, worker_id: z.string(), lease_ms: z.number() });

/** Gives those that are still held. */
export const renewJobs: Operation<z.infer<typeof renewal>, z.infer<typeof heldJobs>> = {
  ...STEP,
  name: 'job.renew',
  summary: 'Renew the leases on jobs in hand.',
  effect: 'write',
  input: renewal,
  output: heldJobs,
  run: async (call, { jobs, worker_id, lease_ms }) => {
    const until = (await queueTime(call)) + lease_ms;
    const held: z.infer<typeof heldJobs> = [];
    for (const job of jobs) if (await renewLease(call.tx, { ...job, lease_owner: worker_id, until })) held.push(job);
    return held;
  },
};

const ids = z.object({ job_ids: z.array(z.string()) });

export const heldStill: Operation<z.infer<typeof ids>, z.infer<typeof heldJobs>> = {
  ...STEP,
  name: 'job.held',
  summary: 'Say which of these jobs still run, and at which attempt.',
  effect: 'read',
  input: ids,
  output: heldJobs,
  run: (call, { job_ids }) => listStillHeld(call.tx, job_ids),
};

const lateJobs = z.object({ lost: heldJobs, overdue: heldJobs });

const lateAsked = z.object({ limit: z.number(), without: z.array(z.string()) });

export const findLate: Operation<z.infer<typeof lateAsked>, z.infer<typeof lateJobs>> = {
  ...STEP,
  name: 'job.late',
  summary: 'List jobs whose lease or deadline has passed.',
  effect: 'read',
  input: lateAsked,
  output: lateJobs,
  run: async (call, asked) => {
    const late = { ...asked, now: await queueTime(call) };
    return { lost: await listLost(call.tx, late), overdue: await listOverdue(call.tx, late) };
  },
};

const recovery = z.object({ job_id: z.string(), attempt: z.number(), worker_id: z.string() });
const newStatus = z.object({ status: z.string().nullable() });

/** Takes a job back whose holder is gone, or gives it back; null where nothing was to be done. */
export const recoverJob: Operation<z.infer<typeof recovery>, z.infer<typeof newStatus>> = {
  ...STEP,
  name: 'stale_lease_recovery',
  summary: 'Take a job back whose lease was lost.',
  effect: 'write',
  input: recovery,
  output: newStatus,
  rings: ({ status }) => (status === null ? undefined : ENDED),
  object: ({ job_id }) => job_id,
  run: async (call, { job_id, attempt, worker_id }) => {
    const job = await findJob(call.tx, call.context.zone_id, job_id);
    if (job?.status !== 'running' || job.attempt !== attempt) return { status: null };
    const now = await queueTime(call);
    const holder = job.lease_owner ?? '';
    const over = (job.lease_until ?? 0) <= now || holder === worker_id || (await isLost(call.tx, holder, now));
    if (!over) return { status: null };
    const [after] = await endJobs(call, [{ job, outcome: { kind: 'lost', by: worker_id } }]);
    const status = after?.status ?? null;
    const details = { job_id, original_lease_owner: holder, recovering_worker: worker_id, new_status: status };
    call.audit(details);
    // The server's own jobs leave no event, and so no row of the call; given back, they were not lost.
    if (job.door === 'house' && holder !== worker_id) call.log([recoveryRow(call, details)]);
    return { status };
  },
};

function recoveryRow({ now, caller, context }: Call, details: { readonly job_id: string }): AuditRow {
  const { name: action, effect } = recoverJob;
  const facts = { at: now, action, effect, object: details.job_id, code: null, duration_ms: 0 };
  return auditRow({ ...facts, outcome: 'allowed', details }, caller, context);
}

/** Fails waiting jobs whose deadline has passed. */
export const failOverdue: Operation<{ job_ids: string[] }, { failed: number }> = {
  ...STEP,
  name: 'job.fail-overdue',
  summary: 'Fail jobs that did not start before their deadline.',
  effect: 'write',
  input: ids,
  output: z.object({ failed: z.number() }),
  rings: ({ failed }) => (failed > 0 ? ENDED : undefined),
  run: async (call, { job_ids }) => {
    const now = await queueTime(call);
    const jobs = await findJobs(call.tx, call.context.zone_id, job_ids);
    const overdue = jobs.filter(({ status, deadline }) => isWaiting(status) && deadline !== null && deadline <= now);
    await endJobs(
      call,
      overdue.map((job) => ({ job, outcome: { kind: 'overdue' } })),
    );
    return { failed: overdue.length };
  },
};

/** Where workers say that they are there: no zone has this name, so none that is locked for long makes them look dead. */
export const ROLL = '.workers';

const worker = z.object({ worker: own<Omit<WorkerRow, 'beat_at'>>() });

export const beatWorker: Operation<z.infer<typeof worker>, null> = {
  ...STEP,
  anyZone: 'even none',
  name: 'worker.beat',
  summary: 'Say that a worker is there.',
  effect: 'write',
  input: worker,
  output: z.null(),
  run: async (call, { worker: row }) => {
    await saveWorker(call.tx, { ...row, beat_at: await queueTime(call) });
    return null;
  },
};

export const leaveWorker: Operation<{ worker_id: string }, null> = {
  ...STEP,
  anyZone: 'even none',
  name: 'worker.leave',
  summary: 'Take a worker off the list.',
  effect: 'write',
  input: z.object({ worker_id: z.string() }),
  output: z.null(),
  run: async (call, { worker_id }) => {
    await removeWorker(call.tx, worker_id);
    return null;
  },
};

const age = z.object({ older_than_ms: z.number() });

/** Zones with finished jobs that are kept no longer; workers that were last seen a day ago go here. */
export const prunableZones: Operation<z.infer<typeof age>, string[]> = {
  ...STEP,
  name: 'job.prunable',
  summary: 'List the zones that have finished jobs older than are kept.',
  effect: 'read',
  input: age,
  output: z.array(z.string()),
  run: async (call, { older_than_ms }) =>
    (await listPrunable(call.tx, (await queueTime(call)) - older_than_ms)).map(({ zone_id }) => zone_id),
};

export const forgetWorkers: Operation<z.infer<typeof nothing>, null> = {
  ...STEP,
  name: 'worker.forget',
  summary: 'Forget workers that were last heard of a day ago.',
  effect: 'write',
  input: nothing,
  output: z.null(),
  run: async (call) => {
    await removeWorkersBefore(call.tx, (await queueTime(call)) - WORKERS_KEPT_MS);
    return null;
  },
};

/** Rows of one transaction. */
const SLICE = 500;

/** Removes a slice of a zone's finished jobs; true while more are left. */
const pruned = z.object({ pruned: z.number(), left: z.boolean() });

export const pruneJobs: Operation<z.infer<typeof age>, z.infer<typeof pruned>> = {
  ...STEP,
  name: 'job.prune',
  summary: 'Remove finished jobs that are kept no longer.',
  effect: 'destroy',
  input: age,
  output: pruned,
  run: async (call, { older_than_ms }) => {
    const before = (await queueTime(call)) - older_than_ms;
    const jobs = await listEndedBefore(call.tx, call.context.zone_id, { before, limit: SLICE });
    const tally = new Tally(call);
    for (const job of jobs) tally.moved(undefined, job);
    await deleteJobs(
      call.tx,
      jobs.map(({ job_id }) => job_id),
    );
    await tally.keep();
    return { pruned: jobs.length, left: jobs.length === SLICE };
  },
};

/** A slice of what a zone that is ending had to do, and then its schedules. */
export const removeJobsOf = rowFinalizer('jobs', async (tx, zone_id, rows) => {
  const job_ids = await listSomeJobs(tx, zone_id, rows);
  await deleteJobs(tx, job_ids);
  if (job_ids.length < rows) await deleteRestOf(tx, zone_id);
  return job_ids.length;
});

export const workerSteps = [
  removeJobsOf,
  dueJobs,
  workOnJobs,
  ownJob,
  renewJobs,
  heldStill,
  findLate,
  recoverJob,
  failOverdue,
  beatWorker,
  leaveWorker,
  prunableZones,
  forgetWorkers,
  pruneJobs,
] as const;
