/**
 * Who a request is from, asked once at the door. Guarantees: a request without a working credential is 401 before any
 * look at path or body, unknown routes and wrong verbs included; only routes marked as open take it (access.md §1).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import type { Caller } from '../../core/operation.ts';
import { admit } from './admission.ts';
import { endpointOf, refuse } from './audit-marks.ts';
import type { Admitted, Arrival, Arrive, Door } from './door.ts';
import { countedFromHere, presented } from './local.ts';
import { addressOf } from './peer.ts';

/** Authenticates every request of routes that are added from here on; gives what is known of one that was let in. */
export function authenticateArrivals(app: FastifyInstance, door: Door): Arrive {
  app.decorateRequest('arrival', null);
  // A callback, not a promise: most callers are known at once, and this runs for every request.
  app.addHook('onRequest', (request, reply, done) => {
    const letIn = (admitted: Admitted): void => {
      request.arrival = arrived(request, reply, { door, admitted });
      done();
    };
    try {
      const admitted = admit(request, { door, reply, config: request.routeOptions.config });
      if (admitted instanceof Promise) admitted.then(letIn).catch(done);
      else letIn(admitted);
    } catch (thrown) {
      done(thrown as Fault);
    }
  });
  return (request) => {
    if (!request.arrival) throw new Error('the request has not been let in');
    return request.arrival;
  };
}

/** Throws UNAUTHENTICATED unless there is one credential that works now, whatever was known a moment ago. */
export async function checkCredential(request: FastifyRequest, door: Door): Promise<Caller> {
  const credential = presented(request, door);
  if (credential === undefined) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  const known = countedFromHere(request, door, await door.callers.ask(credential));
  if (known.caller) return known.caller;
  await refuse(request, door, known);
  throw known.refusal;
}

/**
 * Whether the caller is asked for again before a failure is told. Not where the server cannot serve: that says nothing of
 * the zone, and the question may fail for the same reason.
 */
export const isConfirmed = ({ code }: Fault): boolean =>
  code !== 'UNAUTHENTICATED' && code !== 'RATE_LIMITED' && code !== 'UNAVAILABLE';

interface Arriving {
  readonly door: Door;
  readonly admitted: Admitted;
}

const arrived = (
  request: FastifyRequest,
  reply: FastifyReply,
  { door, admitted: { caller, budget } }: Arriving,
): Arrival => ({
  caller,
  budget,
  request_id: request.id,
  address: addressOf(request, door),
  endpoint: () => endpointOf(request),
  headers: request.headers,
  traceparent: request.span?.traceparent,
  replayed: () => reply.header('idempotent-replayed', 'true'),
  confirm: async () => {
    if (caller) await checkCredential(request, door);
  },
});
