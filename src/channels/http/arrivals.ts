/**
 * Who a request is from, asked once at the door. Guarantees: a request without a working credential is 401 before any
 * look at path or body, unknown routes and wrong verbs included; only routes marked as open take it (access.md §1).
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import type { Caller } from '../../core/operation.ts';
import type { Arrival, Arrive, Door, Known } from './door.ts';
import { credentialOf, one } from './request.ts';

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
      if (found instanceof Promise) found.then((asked) => letIn(working(asked))).catch(done);
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

function known(request: FastifyRequest, door: Door): Known | Promise<Known> {
  const credential = credentialOf(request.raw);
  return credential === undefined ? NOTHING : door.callers.find(credential);
}

/** Of a request that presents nothing. */
const NOTHING: Known = { caller: undefined, refusal: new Fault('UNAUTHENTICATED', 'Invalid or missing API key') };

function working(known: Known): Caller {
  if (known.caller) return known.caller;
  throw known.refusal;
}

/** Throws UNAUTHENTICATED unless there is one credential that works now, whatever was known a moment ago. */
export async function checkCredential(request: FastifyRequest, door: Door): Promise<Caller> {
  const credential = credentialOf(request.raw);
  return working(credential === undefined ? NOTHING : await door.callers.ask(credential));
}

/** At most open routes a bad credential is as good as none. */
async function stranger(request: FastifyRequest, door: Door): Promise<Caller | undefined> {
  const credential = credentialOf(request.raw);
  if (credential === undefined) return undefined;
  const known = await door.callers.ask(credential);
  return request.routeOptions.config.strict ? working(known) : known.caller;
}

const arrived = (request: FastifyRequest, door: Door, caller: Caller | undefined): Arrival => ({
  caller,
  request_id: request.id,
  address: door.addressOf(request.socket.remoteAddress, one(request.headers, 'x-forwarded-for')),
  headers: request.headers,
  confirm: async () => {
    if (caller) await checkCredential(request, door);
  },
});
