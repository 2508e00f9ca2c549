/**
 * Jobs that were claimed for a worker, and for whom they are run. Guarantees: a caller is as the rows are at the claim; where
 * an offer was taken in this thread, whoever made it has the job without asking for it.
 */
import type { Offer } from '../../core/call/job-hands.ts';
import type { Call, Caller } from '../../core/operation.ts';
import { callerOf, SYSTEM } from '../access/credentials.ts';
import { findKey } from './ahead.ts';
import type { JobRow } from './jobs.sql.ts';

/** A job to work on. Without a caller the key that submitted it no longer works. */
export interface ClaimedJob {
  readonly job: JobRow;
  readonly caller: Caller | null;
}

/** Who each job is run for, as the rows are now; null where the key that submitted it no longer works. */
export async function callersOf(call: Call, jobs: readonly JobRow[]): Promise<(job: JobRow) => Caller | null> {
  const key_ids = [...new Set(jobs.map(({ key_id }) => key_id))].filter((key_id) => key_id !== null);
  const found = await Promise.all(key_ids.map((key_id) => findKey(call.tx, key_id)));
  const callers = new Map(key_ids.map((key_id, i) => [key_id, callerOf(found[i], call.now)]));
  return ({ key_id, agent_id }) => {
    if (key_id === null) return SYSTEM;
    const caller = callers.get(key_id);
    return caller ? { ...caller, agent_id: agent_id || null } : null;
  };
}

const taken = new WeakMap<Offer, ClaimedJob>();

/** Says what the transaction, should it commit, has made of an offer: a job of its caller, who is as the rows are now. */
export function noteTaken({ caller }: Pick<Call, 'caller'>, offer: Offer, job: JobRow | undefined): void {
  taken.delete(offer);
  if (!job) return;
  const own = job.key_id === null ? SYSTEM : { ...caller, agent_id: job.agent_id || null, token: null };
  taken.set(offer, { job, caller: own });
}

/** Once it has committed. Undefined where nothing was taken, or in another thread. */
export const takenBy = (offer: Offer): ClaimedJob | undefined => taken.get(offer);
