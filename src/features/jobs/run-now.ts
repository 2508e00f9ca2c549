/**
 * A job that is run by the call that makes it. Guarantees: it is claimed by this node in the transaction that makes it, so nobody
 * else runs it first; it goes on when its client has gone, and when the call is out of time; one that was made before is
 * answered also while this node has no room for another.
 */
import { Fault } from '../../base/faults.ts';
import type { Preparation } from '../../core/operation.ts';
import { type Holder, holderOf } from './queue.ts';

/** It is waited for until shortly before its call would be too late, in milliseconds. */
const ANSWER_WITHIN_MS = 5_000;

/** Who is to have a job from the beginning; nobody where as many as may be run at a time already. */
export type Hands = { readonly worker_id: string; readonly leaseMs: number } | null;

/** The holder of a new job; throws where there is nobody. */
export function holderAmong(hands: Hands): Holder {
  if (hands) return holderOf(hands);
  throw new Fault('UNAVAILABLE', 'Too many jobs of mode sync run on this node; try later, or async');
}

/** `keep` makes the job; one that was made before is neither run nor waited for. */
export async function runNow<J extends { readonly job_id: string; readonly deduplicated: boolean }>(
  { hands, context, limits }: Pick<Preparation, 'hands' | 'context' | 'limits'>,
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

async function before(work: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
