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
  app.addHook('onRequest', async (request) => {
    arrivals.set(request, isOpen(request) ? await stranger(request, door) : await arrivalOf(request, door));
  });
  return (request) => {
    const arrival = arrivals.get(request);
    if (!arrival) throw new Error('the request has not been let in');
    return arrival;
  };
}

/** An OPTIONS request may come from a browser that asks whether it may send credentials at all. */
const isOpen = (request: FastifyRequest): boolean =>
  request.routeOptions.config.open === true || request.method === 'OPTIONS';

/** Throws UNAUTHENTICATED unless there is one working credential. */
export async function arrivalOf(request: FastifyRequest, door: Door): Promise<Arrival> {
  const key = credentialOf(request.headers);
  const caller = key === undefined ? undefined : await door.authenticate(key);
  if (!caller) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  return arrived(request, caller);
}

/** At an open route a bad credential is as good as none. */
async function stranger(request: FastifyRequest, door: Door): Promise<Arrival> {
  try {
    return await arrivalOf(request, door);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED') return arrived(request, undefined);
    throw thrown;
  }
}

const arrived = (request: FastifyRequest, caller: Caller | undefined): Arrival => ({
  caller,
  request_id: request.id,
  address: addressOf(request.raw),
  headers: request.headers,
});
