/**
 * Who a request is from, asked once at the door. Guarantees: a request without a working credential is 401 before any
 * look at path or body, unknown routes and wrong verbs included; only routes marked as open take it (access.md §1).
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import type { Caller } from '../../core/operation.ts';
import type { Arrival, Arrive, Door } from './door.ts';
import { addressOf, credentialOf } from './request.ts';

/** Authenticates every request of routes that are added from here on; gives what is known of one that was let in. */
export function authenticateArrivals(app: FastifyInstance, door: Door): Arrive {
  const arrivals = new WeakMap<FastifyRequest, Arrival>();
  // A callback, not a promise: most callers are known at once, and this runs for every request.
  app.addHook('onRequest', (request, _reply, done) => {
    const letIn = (caller: Caller | undefined): void => {
      arrivals.set(request, arrived(request, door, caller));
      done();
    };
    if (isOpen(request)) {
      stranger(request, door).then(letIn, done);
      return;
    }
    try {
      const found = known(request, door);
      if (found instanceof Promise) found.then((caller) => letIn(working(caller))).catch(done);
      else letIn(working(found));
    } catch (thrown) {
      done(thrown as Fault);
    }
  });
  return (request) => {
    const arrival = arrivals.get(request);
    if (!arrival) throw new Error('the request has not been let in');
    return arrival;
  };
}

/** An OPTIONS request may come from a browser that asks whether it may send credentials at all. */
export const isOpen = (request: FastifyRequest): boolean =>
  request.routeOptions.config.open === true || request.method === 'OPTIONS';

function known(request: FastifyRequest, door: Door): Caller | undefined | Promise<Caller | undefined> {
  const key = credentialOf(request.headers);
  return key === undefined ? undefined : door.callers.find(key);
}

function working(caller: Caller | undefined): Caller {
  if (!caller) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  return caller;
}

/** Throws UNAUTHENTICATED unless there is one credential that works now, whatever was known a moment ago. */
export async function checkCredential(request: FastifyRequest, door: Door): Promise<Caller> {
  const key = credentialOf(request.headers);
  return working(key === undefined ? undefined : await door.callers.ask(key));
}

/** At an open route a bad credential is as good as none. */
async function stranger(request: FastifyRequest, door: Door): Promise<Caller | undefined> {
  try {
    return await checkCredential(request, door);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED') return undefined;
    throw thrown;
  }
}

const arrived = (request: FastifyRequest, door: Door, caller: Caller | undefined): Arrival => ({
  caller,
  request_id: request.id,
  address: addressOf(request.raw),
  headers: request.headers,
  confirm: async () => {
    if (caller) await checkCredential(request, door);
  },
});
