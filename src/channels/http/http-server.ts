/**
 * The HTTP server: every route of every door. Guarantees: each answer carries the request id; a request without a
 * working credential is 401 before any look at path or body; whatever is thrown is answered as a fault.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { asFault, Fault } from '../../base/faults.ts';
import type { Arrival, DoorOptions } from './door.ts';
import { failureHeaders, restFailure } from './failures.ts';
import { addressOf, credentialOf, requestIdOf } from './request.ts';
import { addRpc, sendRpcFailure } from './rpc.ts';

/** A connection without a byte is closed after this. */
const IDLE_MS = 60_000;

export function buildHttp(door: DoorOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: (message) => requestIdOf(message.headers),
    // Bodies are read by the doors, with limits of their own.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: IDLE_MS,
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, maxParamLength: 16_384 },
    exposeHeadRoutes: false,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  const arrive = (request: FastifyRequest): Promise<Arrival> => arrival(request, door);
  addRpc(app, door, arrive);
  app.setErrorHandler((thrown, request, reply) => fail(request, reply, { thrown, door }));
  app.setNotFoundHandler((request, reply) => {
    const thrown = new Fault('NOT_FOUND', `No route ${request.method} ${request.url.split('?')[0]}`);
    return fail(request, reply, { thrown, door });
  });
  return app;
}

async function arrival(request: FastifyRequest, door: DoorOptions): Promise<Arrival> {
  const key = credentialOf(request.headers);
  const caller = key === undefined ? undefined : await door.authenticate(key);
  if (!caller) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  return { caller, request_id: request.id, address: addressOf(request.raw), headers: request.headers };
}

interface Failure {
  readonly thrown: unknown;
  readonly door: DoorOptions;
}

function fail(request: FastifyRequest, reply: FastifyReply, { thrown, door }: Failure): FastifyReply {
  if (request.url.startsWith('/api/nfs')) return sendRpcFailure(reply, thrown, request.id);
  const fault = asFault(thrown);
  if (fault !== thrown) {
    const err = thrown instanceof Error ? thrown.stack : String(thrown);
    door.server.log('error', 'internal.error', { request_id: request.id, err });
  }
  return reply
    .code(fault.row.http)
    .headers({
      ...failureHeaders(fault),
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    .send(JSON.stringify(restFailure(fault, request.id)));
}
