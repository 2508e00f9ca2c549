/**
 * Resumable uploads: TUS 1.0.0 at `/api/v2/uploads` (platform.md §7). Guarantees: every answer of these routes, failures
 * too, names the version; a request of another version is not processed; a body goes on to its operation as it comes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../../base/faults.ts';
import { invoke } from '../../../core/invoke.ts';
import type { AnyOperation } from '../../../core/operation.ts';
import { uploadChecksums } from '../../../core/operations.ts';
import { slotOf } from '../../../core/rate-slots.ts';
import type { Standing } from '../../../features/uploads/carry-on.ts';
import type { Head } from '../../../features/uploads/look.operations.ts';
import type { UploadBody } from '../../../features/uploads/upload.ts';
import type { Arrive, Door } from '../door.ts';
import { httpDate } from '../http-date.ts';
import type { OwnCall } from '../own-calls.ts';
import { bodyOf, checkUnencoded, one, rawPathOf, requestOf } from '../request.ts';
import { goneSignal } from '../stream.ts';
import { hasBody, takeBody } from './body.ts';
import { ALL_CALLS, APPEND, CREATE, LOOK, ONE, ONE_CALLS, REMOVE } from './calls.ts';
import {
  BYTES,
  checkVersion,
  concatIn,
  EXTENSIONS,
  lengthIn,
  mediaOf,
  numberIn,
  ROOT,
  targetIn,
  VERSION,
} from './headers.ts';
import { isUploads } from './named-method.ts';

/** Every answer names the version, those to requests that are not let in too. */
export function nameTusVersion(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.includes('uploads') && isUploads(request.url)) reply.header('tus-resumable', VERSION);
    done();
  });
}

interface Tus {
  readonly door: Door;
  readonly arrive: Arrive;
}

type Handler = (tus: Tus, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

interface Route {
  readonly url: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly operation: AnyOperation;
  readonly calls: readonly OwnCall[];
}

/** To be added before the routes for people, whose GET would answer HEAD too. */
export function addTus(app: FastifyInstance, door: Door, arrive: Arrive): void {
  const tus: Tus = { door, arrive };
  const routes: readonly Route[] = [
    { url: ROOT, handlers: { POST: create }, operation: CREATE, calls: ALL_CALLS },
    { url: ONE, handlers: { HEAD: head, PATCH: append, DELETE: remove }, operation: APPEND, calls: ONE_CALLS },
  ];
  for (const { url, handlers, operation, calls } of routes) {
    app.options(url, { config: { exempt: true } }, (_request, reply) => options(door, reply));
    app.route({
      method: url === ROOT ? ['POST', 'HEAD'] : ['HEAD', 'PATCH', 'DELETE'],
      url,
      config: { slot: slotOf(operation.name), brick: operation.brick, calls },
      handler: (request, reply) => dispatch(tus, { request, reply, handlers }),
    });
  }
}

interface Dispatching {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly handlers: Readonly<Record<string, Handler>>;
}

/** By the method, which is the one that the client names where that is one (named-method.ts). */
async function dispatch(tus: Tus, { request, reply, handlers }: Dispatching): Promise<FastifyReply> {
  const method = (one(request.headers, 'x-http-method-override') ?? request.method).toUpperCase();
  if (method === 'OPTIONS') return options(tus.door, reply);
  const handler = handlers[method];
  if (!handler) {
    const allow = ['GET', ...Object.keys(handlers), 'OPTIONS'].sort();
    throw new Fault(
      'METHOD_NOT_ALLOWED',
      `${method} is not for ${rawPathOf(request.url)}; it takes ${allow.join(', ')}`,
      {
        allow,
      },
    );
  }
  reply.header('cache-control', 'no-store');
  try {
    checkVersion(request.headers);
  } catch (thrown) {
    reply.header('tus-version', VERSION);
    throw thrown;
  }
  return handler(tus, request, reply);
}

function options(door: Door, reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .headers({
      'tus-resumable': VERSION,
      'tus-version': VERSION,
      'tus-max-size': door.server.limits.FILE_BYTES,
      'tus-checksum-algorithm': uploadChecksums.names.join(','),
      'tus-extension': EXTENSIONS.join(','),
    })
    .send();
}

interface Wanted {
  readonly reply: FastifyReply;
  readonly operation: AnyOperation;
  readonly params: object;
}

/** The output of an operation, which is as its own schema says. */
async function ask(
  { door, arrive }: Tus,
  request: FastifyRequest,
  { reply, operation, params }: Wanted,
): Promise<unknown> {
  const { output } = await invoke(door.server, operation, {
    raw: params,
    request: { ...requestOf(arrive(request), 'http'), tolerant: false, gone: () => goneSignal(reply) },
  });
  return output;
}

const bodyIn = (request: FastifyRequest, reply: FastifyReply): Promise<UploadBody> =>
  takeBody(hasBody(request.raw) ? bodyOf(request, reply) : request.raw, uploadChecksums.parse);

async function create(tus: Tus, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { headers } = request;
  const concat = concatIn(headers);
  const length = lengthIn(headers, concat.kind);
  const target = targetIn(headers);
  const maximum = tus.door.server.limits.FILE_BYTES;
  if ((length ?? 0) > maximum) throw tooLarge(maximum);
  checkUnencoded(headers);
  const body = await bodyIn(request, reply);
  if (body.held.length > 0 || body.rest) {
    if (concat.kind === 'final')
      throw new Fault('BAD_HEADER', 'A final upload takes no body', { header: 'Upload-Concat' });
    checkType(request);
  }
  const params = { ...concat, ...target, length, concat: one(headers, 'upload-concat'), body };
  const standing = (await ask(tus, request, { reply, operation: CREATE, params }).catch((thrown: unknown) => {
    // Its bytes are here and its file was refused: an empty PATCH tries again.
    const left = concat.kind === 'single' && thrown instanceof Fault ? thrown.data.upload_id : undefined;
    if (typeof left === 'string') reply.header('location', locationOf(left));
    throw thrown;
  })) as Standing;
  return reply
    .code(201)
    .headers({
      location: locationOf(standing.upload_id),
      'upload-offset': standing.received,
      'upload-expires': httpDate(standing.expires_at),
      ...resultHeaders(standing),
    })
    .send();
}

async function append(tus: Tus, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { headers } = request;
  checkType(request);
  checkUnencoded(headers);
  const offset = numberIn(headers, 'Upload-Offset');
  if (offset === undefined) throw new Fault('BAD_HEADER', 'Upload-Offset has to be given', { header: 'Upload-Offset' });
  const length = numberIn(headers, 'Upload-Length');
  const params = { upload_id: idOf(request), offset, length, body: await bodyIn(request, reply) };
  const standing = (await ask(tus, request, { reply, operation: APPEND, params })) as Standing;
  reply.code(204).header('upload-offset', standing.received);
  if (!standing.complete) reply.header('upload-expires', httpDate(standing.expires_at));
  return reply.headers(resultHeaders(standing)).send();
}

const locationOf = (upload_id: string): string => `${ROOT}/${upload_id}`;

const resultHeaders = ({ result }: Standing): Record<string, string> =>
  result ? { etag: `"${result.etag}"`, 'x-nexus-version': String(result.version) } : {};

async function head(tus: Tus, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const found = (await ask(tus, request, { reply, operation: LOOK, params: { upload_id: idOf(request) } })) as Head;
  reply.code(200).headers({ 'upload-offset': found.received, 'upload-expires': httpDate(found.expires_at) });
  if (found.length === null) reply.header('upload-defer-length', '1');
  else reply.header('upload-length', found.length);
  if (found.metadata !== null) reply.header('upload-metadata', found.metadata);
  if (found.concat !== null) reply.header('upload-concat', found.concat);
  return reply.send();
}

async function remove(tus: Tus, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await ask(tus, request, { reply, operation: REMOVE, params: { upload_id: idOf(request) } });
  return reply.code(204).send();
}

const idOf = (request: FastifyRequest): string => (request.params as { upload_id: string }).upload_id;

function checkType(request: FastifyRequest): void {
  if (mediaOf(request.headers) === BYTES) return;
  throw new Fault('UNSUPPORTED_MEDIA_TYPE', `The bytes of an upload have the Content-Type ${BYTES}`);
}

const tooLarge = (maximum: number): Fault =>
  new Fault('BODY_TOO_LARGE', `An upload may have ${maximum} bytes (FILE_BYTES)`, { limit: 'FILE_BYTES', maximum });
