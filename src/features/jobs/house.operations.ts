/**
 * The server's own jobs, as steps of the server itself; no door reaches them. Guarantees: of what is to be done, one job
 * has not ended, on however many nodes; a pass that comes again is queued in the transaction that ends the one before.
 */
import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { queueTime } from './clock.sql.ts';
import { countDueHousework, listUnfinished, loseHousework, type Unfinished } from './house.sql.ts';
import { deleteJobs } from './jobs.sql.ts';
import { enqueueHousework, type Housework, payloadOf } from './queue.ts';
import { HOUSEWORK } from './topics.ts';
import { isGone, listWorkers } from './workers.sql.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;

const housework = z.object({ type: z.string(), zone_id: z.string().optional(), every_ms: z.number().optional() });
const wanted = z.object({ jobs: z.array(housework) });
type Wanted = z.infer<typeof wanted>;

const limited = z.object({ limit: z.number(), without: z.array(z.string()).optional() });

export const dueHousework: Operation<z.infer<typeof limited>, number> = {
  ...STEP,
  name: 'job.due-housework',
  summary: 'Say how many jobs of the server itself are due.',
  effect: 'read',
  input: limited,
  output: z.number(),
  run: async (call, asked) => countDueHousework(call.tx, { ...asked, now: await queueTime(call) }),
};

async function unfinishedOf(call: Call, job: Housework): Promise<Unfinished | undefined> {
  const { zone_id } = job;
  const all = await listUnfinished(call.tx, job.type);
  return all.find(({ payload }) => (parseJson(payload) as Housework).zone_id === zone_id);
}

export const missingHousework: Operation<Wanted, Wanted> = {
  ...STEP,
  name: 'job.missing-housework',
  summary: 'Say which of these jobs of the server itself are not under way.',
  effect: 'read',
  input: wanted,
  output: wanted,
  run: async (call, { jobs }) => {
    const missing: Housework[] = [];
    for (const job of jobs) if (!(await unfinishedOf(call, job))) missing.push(job);
    return { jobs: missing };
  },
};

const queued = z.object({ queued: z.number() });

export const queueHousework: Operation<Wanted, z.infer<typeof queued>> = {
  ...STEP,
  name: 'job.queue-housework',
  summary: 'Queue what the server has to do, where it is not under way.',
  effect: 'write',
  input: wanted,
  output: queued,
  rings: (output) => (output.queued > 0 ? HOUSEWORK : undefined),
  run: async (call, { jobs }) => {
    let made = 0;
    for (const job of jobs) {
      if (await unfinishedOf(call, job)) continue;
      await enqueueHousework(call, job);
      made++;
    }
    return { queued: made };
  },
};

const planned = z.object({ jobs: z.array(z.object({ type: z.string(), every_ms: z.number().nullable() })) });

/** Null: it is not to come again. */
export const planHousework: Operation<z.infer<typeof planned>, z.infer<typeof queued>> = {
  ...STEP,
  name: 'job.plan-housework',
  summary: 'Queue the passes that come again and again, as often as this server is told.',
  effect: 'write',
  input: planned,
  output: queued,
  rings: (output) => (output.queued > 0 ? HOUSEWORK : undefined),
  run: async (call, { jobs }) => {
    let made = 0;
    for (const { type, every_ms } of jobs) {
      const job = every_ms === null ? undefined : { type, every_ms };
      const before = await unfinishedOf(call, { type });
      const stays = before && (before.status === 'running' || (job && before.payload === payloadOf(job)));
      if (stays) continue;
      if (before) await deleteJobs(call.tx, [before.job_id]);
      if (!job) continue;
      await enqueueHousework(call, job);
      made++;
    }
    return { queued: made };
  },
};

const inherited = z.object({ alone: z.boolean() });

/** For the one server of a database, at its start. `alone`: no other process does anything there. */
export const inheritHousework: Operation<Record<string, never>, z.infer<typeof inherited>> = {
  ...STEP,
  name: 'job.inherit-housework',
  summary: 'Take over what the server before this one was at.',
  effect: 'write',
  input: z.object({}),
  output: inherited,
  run: async (call) => {
    await loseHousework(call.tx);
    const now = await queueTime(call);
    const workers = await listWorkers(call.tx);
    return { alone: !workers.some((worker) => worker.kind === 'process' && !isGone(worker, now)) };
  },
};

export const houseSteps = [dueHousework, missingHousework, queueHousework, planHousework, inheritHousework] as const;
