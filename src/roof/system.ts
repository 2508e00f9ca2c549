/**
 * Calls of the server itself: what runs by no caller's wish, or for the job of one. Guarantees: what is done for a job is told of as
 * its submitter's, under the request that submitted it.
 */
import { newRequestId } from '../base/ids.ts';
import type { Doer } from '../core/call/doer.ts';
import { NO_DEADLINE } from '../core/deadline.ts';
import type { CallContext, Caller, Operation } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import { SYSTEM } from '../features/access/credentials.ts';

/** A job that somebody submitted. */
export interface Behalf {
  readonly asker: Doer;
  readonly request_id: string;
}

export const behalfOf = (
  { subject_type, subject_id, user_id, zone_id, agent_id, key_id }: Caller,
  request_id: string,
): Behalf => ({ asker: { subject_type, subject_id, user_id, zone_id, agent_id, key_id }, request_id });

interface Steps {
  /** A worker of the server, or who submitted a job; the server itself unless given. */
  readonly caller?: Caller;
  readonly behalf?: Behalf | undefined;
}

export const asWorker = (worker_id: string): Steps => ({
  caller: { ...SYSTEM, subject_type: 'worker', subject_id: worker_id },
});

const inZone = (zone_id: string, { caller = SYSTEM, behalf }: Steps): CallContext => ({
  caller,
  asker: behalf?.asker,
  zone_id,
  path_prefix: '',
  channel: 'internal',
  request_id: behalf?.request_id ?? newRequestId(),
  address: null,
  deadline: NO_DEADLINE,
});

/** Runs an internal operation in a zone, in the thread that its effect asks for. */
export type RunStep = <I, O>(operation: Operation<I, O>, zone_id: string, input: I) => Promise<O>;

export const systemSteps =
  (runner: Runner, by: Steps = {}): RunStep =>
  (operation, zone_id, input) =>
    operation.effect === 'read'
      ? runner.read(operation, input, inZone(zone_id, by))
      : runner.write(operation, input, inZone(zone_id, by));
