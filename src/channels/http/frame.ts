/**
 * The frame of the HTTP server, in which every door hangs. Guarantees: each answer carries the request id; a request
 * without a working credential is 401 before any look at path or body; a wrong verb is 405 with the right ones; whatever
 * is thrown is answered as a fault.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { asFault, Fault } from '../../base/faults.ts';

import { callFields, logCause } from '../../core/log-cause.ts';
import type { Accounting } from './accounting.ts';
import { admit, isOpen } from './admission.ts';
import { authenticateArrivals, checkCredential, isConfirmed } from './arrivals.ts';

import { HEAD_BYTES, IDLE_MS, keepConnections } from './connections.ts';

import type { Arrive, Door } from './door.ts';
import { failureHeaders, messageFailure, restFailure } from './failures.ts';
import { gatheringServer } from './gathering.ts';
import { checkHead } from './head.ts';
import { MCP, MESSAGES } from './mcp/path.ts';
import { isV1, rawPathOf, requestIdOf } from './request.ts';
import { RpcHttpFailure, sendRpcFailure } from './rpc.ts';
import { markTrace } from './trace-id.ts';
import { takeNamedMethod } from './tus/named-method.ts';
import { v1Failure } from './v1-failures.ts';
import { plainPath, watchVerbs } from './verbs.ts';

const WITH_BODY: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'];

/** `type/subtype`, and whatever follows a semicolon (RFC 9110 §8.3). */
const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

const noSchema = (): never => {
  throw new Error('parameters are checked in invoke, by the schema of the operation');
};

/** No route has a schema; what Fastify compiles them with by itself is loaded at each start and never used. */
const NO_SCHEMAS = { buildValidator: () => noSchema, buildSerializer: () => noSchema };

/** A server without routes: connections, request ids, and the answers to what is no request. */
export function openFrame(door: Door, accounting: Accounting): FastifyInstance {
  const connections = keepConnections(accounting.refused);
  const app = Fastify({
    logger: false,
    genReqId: (message) => requestIdOf(message.headers),
    // Bodies are read by the doors, with limits of their own.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    serverFactory: (handler) =>
      gatheringServer(
        (request, response) => {
          takeNamedMethod(request);
          handler(request, response);
        },
        { http: { headersTimeout: IDLE_MS, maxHeaderSize: HEAD_BYTES }, idleMs: IDLE_MS },
      ),
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, maxParamLength: HEAD_BYTES },
    exposeHeadRoutes: true,
    schemaController: { compilersFactory: NO_SCHEMAS },
    // What still comes on an open connection while the server stops is refused by the hook below, in our own words.
    return503OnClosing: false,
    clientErrorHandler: connections.refuse,
    frameworkErrors: (thrown, request, reply) => {
      reply.header('x-request-id', request.id);
      const refuse = (reason: unknown): unknown => fail(request, reply, { thrown: reason, door });
      const admitted = (async () => {
        accounting.begin(request, reply);
        return admit(request, { door, reply, config: {} });
      })();
      admitted.then(() => refuse(thrown), refuse);
    },
  });
  // To Fastify no request has one, so that it does not look for who might read it.
  for (const method of WITH_BODY) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  let stopping = false;
  app.addHook('preClose', (done) => {
    stopping = true;
    done();
  });
  connections.mind(app);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    accounting.begin(request, reply);
    checkHead(request.raw);
    if (door.leaving()) reply.raw.shouldKeepAlive = false;
    if (stopping && !isOpen(request, request.routeOptions.config))
      throw new Fault('UNAVAILABLE', 'The server is stopping', {
        reason: door.isRestoring?.() ? 'restoring' : 'stopping',
      });
    done();
  });
  return app;
}

/** Lets in who may come, to the routes that are added from here on, and answers for what they throw or do not know. */
export function letIn(app: FastifyInstance, door: Door): Arrive {
  const verbsOf = watchVerbs(app);
  const arrive = authenticateArrivals(app, door);
  app.addHook('onRequest', (request, _reply, done) => {
    const type = request.headers['content-type'];
    if (type === undefined || MEDIA_TYPE.test(type) || !WITH_BODY.includes(request.method)) done();
    else done(noMediaType());
  });
  app.setErrorHandler(async (thrown, request, reply) => {
    const reason = await firstReason(request, thrown, door);
    return fail(request, reply, { thrown: reason, door });
  });
  app.setNotFoundHandler(async (request, reply) => {
    const allow = verbsOf(rawPathOf(request.url));
    if (request.method === 'OPTIONS' && allow.length > 0) {
      return reply.code(204).header('allow', allow.join(', ')).send();
    }
    const reason = await firstReason(request, noSuchRoute(request, allow), door);
    return fail(request, reply, { thrown: reason, door });
  });
  return arrive;
}

/** A key that ended a moment ago is told before anything else that is wrong. */
async function firstReason(request: FastifyRequest, thrown: unknown, door: Door): Promise<unknown> {
  const told = thrown instanceof RpcHttpFailure ? thrown.fault : thrown;
  if (told instanceof Fault && !isConfirmed(told)) return thrown;
  if (isOpen(request, request.routeOptions.config)) return thrown;
  return checkCredential(request, door).then(
    () => thrown,
    (reason: unknown) => reason,
  );
}

/** Known path, wrong verb: 405 with the verbs it has. */
function noSuchRoute(request: FastifyRequest, allow: readonly string[]): Fault {
  const path = rawPathOf(request.url);
  if (allow.length === 0)
    return new Fault('NOT_FOUND', isV1(request) ? 'Not Found' : `No route ${request.method} ${path}`);
  const message = `${request.method} is not for ${path}; it takes ${allow.join(', ')}`;
  return new Fault('METHOD_NOT_ALLOWED', isV1(request) ? 'Method Not Allowed' : message, { allow });
}

interface Failure {
  readonly thrown: unknown;
  readonly door: Door;
}

function fail(request: FastifyRequest, reply: FastifyReply, { thrown, door }: Failure): FastifyReply {
  const reason = frameworkFault(thrown) ?? thrown;
  const gone = request.raw.destroyed && !request.raw.complete;
  if (!(reason instanceof Fault || reason instanceof RpcHttpFailure || gone)) {
    const err = reason instanceof Error ? reason.stack : String(reason);
    door.server.log('error', 'internal.error', { ...callFields(request.id, request.arrival?.caller), err });
  }
  const told = reason instanceof RpcHttpFailure ? reason.fault : reason;
  if (request.span) request.failed = asFault(told).code;
  if (asFault(told).row.http >= 500) markTrace(request, reply);
  if (told instanceof Fault) logCause(door.server.log, told, { request_id: request.id });
  const path = plainPath(rawPathOf(request.url));
  if (/^\/api\/nfs(\/|$)/.test(path)) return sendRpcFailure(reply, reason, request.id);
  const fault = asFault(reason);
  return reply
    .code(fault.row.http)
    .headers({
      ...failureHeaders(fault),
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    .send(JSON.stringify(bodyOf(request, fault, path)));
}

function bodyOf(request: FastifyRequest, fault: Fault, path: string): object {
  if (path === MCP || request.routeOptions.url === MESSAGES) return messageFailure(fault, request.id);
  return isV1(request) ? v1Failure(fault, request.id, request) : restFailure(fault, request.id);
}

const noMediaType = (): Fault =>
  new Fault('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type is no media type; send type/subtype, or leave it out');

/** What Fastify itself refuses: a target that is not percent-encoded UTF-8. */
function frameworkFault(thrown: unknown): Fault | undefined {
  if (!(thrown instanceof Error && 'statusCode' in thrown)) return undefined;
  if (Number(thrown.statusCode) >= 500) return undefined;
  return new Fault('INVALID_REQUEST', 'Invalid request: the target is not percent-encoded UTF-8 of bearable length');
}
