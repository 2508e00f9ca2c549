/**
 * A job that is run by the call that makes it. Guarantees: it is claimed by this node in the transaction that makes it, so nobody
 * else runs it first; it goes on when its client has gone, and when the call is out of time; one that was made before is
 * answered also while this node has no room for another.
 */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Call, Preparation } from '../../core/operation.ts';
import { isKept, otherBody } from '../answers/answers.operations.ts';
import { isFinal } from './job.ts';
import { findJob } from './jobs.sql.ts';
import { type Holder, holderOf, type NewJob } from './queue.ts';
import { ENDED } from './topics.ts';
import { waitFor } from './wait-for.ts';

/** It is waited for until shortly before its call would be too late, in milliseconds. */
const ANSWER_WITHIN_MS = 5_000;

/** Who is to have a job from the beginning; nobody where as many as may be run at a time already. */
export type Hands = { readonly worker_id: string; readonly leaseMs: number } | null;

/** The holder of a new job; throws where there is nobody. */
export function holderAmong(hands: Hands): Holder {
  if (hands) return holderOf(hands);
  throw new Fault('UNAVAILABLE', 'Too many jobs of mode sync run on this node; try later, or async');
}

/**
 * What of a job says that it is that of one call, where the call may come again (workflows.md §1.3): whichever node has it, and
 * however it was cut off, it makes one job. One that came to nothing is made again, as a call is that failed.
 */
export function onceFor({ context: { repeat } }: Call, payload: string): Pick<NewJob, 'idempotency_key' | 'stands'> {
  if (!repeat) return {};
  return {
    idempotency_key: `call ${repeat.call_id}`,
    stands: (first, now) => {
      if (!isKept(first.created_at, now) || (isFinal(first.status) && first.status !== 'succeeded')) return false;
      if (!isDeepStrictEqual(parseJson(first.payload), parseJson(payload))) throw otherBody();
      return true;
    },
  };
}

type Running = Pick<Preparation, 'hands' | 'context' | 'limits' | 'rings' | 'bricks' | 'sql'>;
type Kept = { readonly job_id: string; readonly deduplicated: boolean };

/** `keep` makes the job; one that was made before is not run, and waited for only where it is that of the same call. */
export async function runNow<J extends Kept>(running: Running, keep: (hands: Hands) => Promise<J>): Promise<J> {
  const job = await runKept(running, keep);
  if (job.deduplicated && running.context.repeat) await ended(running, job.job_id);
  return job;
}

async function runKept<J extends Kept>(
  { hands, context, limits }: Running,
  keep: (hands: Hands) => Promise<J>,
): Promise<J> {
  const release = hands.reserve();
  let running: Promise<void> | undefined;
  try {
    const { worker_id, leaseMs } = hands;
    const job = await keep(release ? { worker_id, leaseMs } : null);
    if (job.deduplicated) return job;
    running = hands.run({ zone_id: context.zone_id, job_id: job.job_id });
    await before(running, limits.OPERATION_MS - ANSWER_WITHIN_MS);
    return job;
  } finally {
    if (running) running.then(release, release);
    else release?.();
  }
}

/** Whoever else runs it, on this node or another. */
async function ended({ sql, context, limits, rings, bricks }: Running, job_id: string): Promise<void> {
  const look = () => sql.read((tx) => findJob(tx, context.zone_id, job_id));
  await waitFor({ rings, bricks, signal: new AbortController().signal }, await look(), {
    seconds: (limits.OPERATION_MS - ANSWER_WITHIN_MS) / 1000,
    topic: ENDED,
    look,
    isEnough: (job) => job === undefined || isFinal(job.status),
  });
}

async function before(work: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
