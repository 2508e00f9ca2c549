/** Calls of the server itself: what runs by no caller's wish. */
import { newRequestId } from '../base/ids.ts';
import { NO_DEADLINE } from '../core/deadline.ts';
import type { CallContext, Caller, Operation } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import { SYSTEM } from '../features/access/credentials.ts';

const inZone = (zone_id: string, caller: Caller): CallContext => ({
  caller,
  zone_id,
  path_prefix: '',
  channel: 'internal',
  request_id: newRequestId(),
  address: null,
  deadline: NO_DEADLINE,
});

/** Runs an internal operation in a zone, in the thread that its effect asks for. */
export type RunStep = <I, O>(operation: Operation<I, O>, zone_id: string, input: I) => Promise<O>;

/** `caller` is a part of the server, by its name. */
export const systemSteps =
  (runner: Runner, caller: Caller = SYSTEM): RunStep =>
  (operation, zone_id, input) =>
    operation.effect === 'read'
      ? runner.read(operation, input, inZone(zone_id, caller))
      : runner.write(operation, input, inZone(zone_id, caller));
