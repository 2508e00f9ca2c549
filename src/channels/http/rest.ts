/**
 * The REST door, derived from the operations: one route for each `http` binding. Guarantees: parts of the path, query
 * and JSON body together are the parameters; whatever fails is answered with the status and body of files.md §2.
 */
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import { isObject } from '../../base/json-object.ts';
import type { HttpBinding } from '../../core/call/bindings.ts';
import { invoke, openStream } from '../../core/invoke.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { slotOf } from '../../core/rate-slots.ts';
import { countFailure } from './admission.ts';
import { bodySize } from './body/body-size.ts';
import { bodyTooLarge, parseJsonBody, readAway } from './body/json-body.ts';
import { SpoolRoom } from './body/spool.ts';
import type { Arrival, Arrive, Door } from './door.ts';
import { sendJson } from './json-answer.ts';
import { presentedAsParameter } from './local.ts';
import { bodyOf, checkDeclared, checkMedia, isV1, requestOf, withBranch, withHeaders } from './request.ts';
import { mergeParams, type TextRules, type Texts, textRulesOf, valuesOf } from './rest-values.ts';
import { decodeValues } from './rpc-values.ts';
import { goneSignal, sendStream, wantsStream } from './stream.ts';
import { sendText } from './text-answer.ts';

export interface RestOptions {
  readonly operations: readonly AnyOperation[];
  readonly arrive: Arrive;
}

interface Route {
  readonly operation: AnyOperation;
  readonly binding: HttpBinding<unknown>;
  readonly config: FastifyContextConfig;
  readonly rules: TextRules;
}

export function addRest(app: FastifyInstance, door: Door, { operations, arrive }: RestOptions): void {
  for (const operation of operations) {
    const binding = operation.http;
    if (!binding) continue;
    const config = configOf(operation, binding);
    const route: Route = { operation, binding, config, rules: textRulesOf(operation) };
    for (const url of [binding.path, ...(binding.aliases ?? [])]) {
      app.route({
        method: binding.method,
        url: binding.wide === undefined ? url : url.replace(`:${binding.wide}`, '*'),
        config: route.config,
        // A HEAD would begin what nobody is going to read.
        exposeHeadRoute: route.config.lasting !== true,
        handler: (request, reply) => answer(request, reply, { door, route, arrival: arrive(request) }),
      });
    }
  }
}

const configOf = (operation: AnyOperation, binding: HttpBinding<unknown> | undefined): FastifyContextConfig => ({
  open: operation.who === 'public',
  strict: binding?.credentials ?? false,
  slot: slotOf(operation.name),
  brick: operation.brick,
  lasting: isLasting(operation),
  mayLast: operation.lingers !== undefined,
});

/**
 * Routes whose middle part is a path of the tree: `{prefix}/{path}/{verb}`, as it stands, whatever its depth. Nothing there is the
 * root. An operation with one escaped part there has a route of its own already.
 */
export function addDeepRest(app: FastifyInstance, door: Door, { operations, arrive }: RestOptions): void {
  const groups = Map.groupBy(
    operations.filter(({ http }) => http && DEEP.test(http.path)),
    ({ http }) => `${http?.method} ${http?.path.match(DEEP)?.[1]}`,
  );
  for (const [group, own] of groups) {
    const [method = 'GET', prefix] = group.split(' ');
    const byVerb = new Map(own.map((operation) => [operation.http?.path.split('/').at(-1) ?? '', operation]));
    const [first] = own;
    if (!first) continue;
    app.route({
      method,
      url: `${prefix}/*`,
      config: { ...configOf(first, first.http), endings: [...byVerb.keys()] },
      exposeHeadRoute: false,
      handler: (request, reply) => {
        const { '*': rest = '' } = request.params as { '*'?: string };
        const parts = rest.split('/');
        const operation = byVerb.get(parts.pop() ?? '');
        const binding = operation?.http;
        if (!operation || !binding) {
          reply.callNotFound();
          return reply;
        }
        request.params = { [binding.path.match(DEEP)?.[2] ?? '']: `/${parts.join('/')}` };
        const route = { operation, binding, config: configOf(operation, binding), rules: textRulesOf(operation) };
        return answer(request, reply, { door, route, arrival: arrive(request) });
      },
    });
  }
}

/** A path of the tree between a prefix and a verb. */
const DEEP = /^(.*\/mounts)\/:(mount_point)\/[a-z]+$/;

/** Does it last as long as its client likes, whatever its input? */
const isLasting = ({ stream, linger, lingers }: AnyOperation): boolean =>
  (linger !== undefined && lingers === undefined) || (stream !== undefined && !stream.whenAccepted);

interface Answering {
  readonly door: Door;
  readonly route: Route;
  readonly arrival: Arrival;
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  answering: Answering,
): Promise<FastifyReply | undefined> {
  const { door, route, arrival } = answering;
  const { operation, binding } = route;
  const room = new SpoolRoom(door.spools(arrival.caller?.zone_id));
  const failed = (thrown: unknown): never => {
    if (thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED') countFailure(request, { ...route, door, reply });
    throw thrown;
  };
  try {
    const given = await paramsOf(request, reply, { ...answering, room });
    const raw = isObject(given) ? completed({ request, door, route }, given) : given;
    const tolerant = binding.tolerant ?? false;
    const gone = operation.linger || operation.stream ? () => goneSignal(reply) : undefined;
    const asked = { ...requestOf(arrival, 'http'), tolerant, gone, lasts: request.lasts };
    if (operation.stream && wantsStream(operation.stream, request.headers)) {
      const stream = await openStream(door.server, operation, { raw, request: asked });
      return await sendStream(reply, { ...stream, media: operation.stream.media, log: door.server.log });
    }
    const answered = invoke(door.server, operation, { raw, request: asked });
    const { output, input } = await (binding.credentials ? answered.catch(failed) : answered);
    if (binding.location) reply.header('location', binding.location(output));
    reply.code(binding.statusOf?.(output) ?? binding.status ?? 200);
    if (binding.status === 204) return await reply.send();
    const type = binding.text?.mediaType(input);
    if (binding.text && type) {
      const again = (cursor: string) =>
        invoke(door.server, operation, { raw: { ...Object(raw), cursor }, request: asked });
      return sendText(reply, { pages: binding.text, type, first: { output, input }, again });
    }
    return await sendJson(reply, binding.present ? binding.present(output, input) : output, door.server.blobs);
  } finally {
    const closing = room.close();
    if (closing) await closing;
  }
}

/** The parameters, with what headers say beside them. */
function completed({ request, door, route }: Completing, given: object): object {
  const { operation, binding } = route;
  const params = binding.credentials ? presentedAsParameter(request, door, given) : given;
  return withHeaders(binding, withBranch(operation, params, request.headers), request.headers);
}

type Completing = Pick<Answering, 'door' | 'route'> & { readonly request: FastifyRequest };

interface Reading extends Answering {
  readonly room: SpoolRoom;
}

async function paramsOf(request: FastifyRequest, reply: FastifyReply, reading: Reading): Promise<unknown> {
  const { rules, binding } = reading.route;
  const parts = valuesOf(namedParts(request.params as Texts, binding), rules);
  const query = binding.credentials ? {} : valuesOf(request.query as Texts, rules);
  const body = await bodyParams(request, reply, reading);
  if (!isObject(body)) return body;
  return isV1(request) ? placed(binding, { parts, query, body }) : mergeParams(parts, query, body);
}

interface Given {
  readonly parts: object;
  readonly query: object;
  readonly body: object;
}

/**
 * Where a query may have any name (infrastructure.md §1), one that stands where it does not belong is nobody's: a part of the path
 * elsewhere, and a field of a body in the query. The zone may be named in each.
 */
function placed({ method }: HttpBinding<unknown>, { parts, query, body }: Given): object {
  if (method === 'GET') return { ...query, ...parts };
  const { zone_id } = query as { zone_id?: unknown };
  return { ...mergeParams(zone_id === undefined ? {} : { zone_id }, body), ...parts };
}

/** The part that is a path has its name too. Nothing there is the root. */
function namedParts(parts: Texts, { wide }: HttpBinding<unknown>): Texts {
  if (wide === undefined) return parts;
  const { '*': path, ...others } = parts;
  return { ...others, [wide]: path ?? '/' };
}

/** The fields of the body. None at all is as good as `{}`, with any Content-Type (platform.md §0). */
async function bodyParams(request: FastifyRequest, reply: FastifyReply, reading: Reading): Promise<unknown> {
  if (request.method === 'GET' || request.method === 'HEAD' || isBodiless(request)) return {};
  const { door, room, arrival } = reading;
  const { binding } = reading.route;
  const limit = arrival.caller ? 'V1_BODY_BYTES' : 'OPEN_BODY_BYTES';
  const pieces = bodyOf(request, reply).iterator({ destroyOnReturn: false });
  const first = await pieces.next();
  if (first.done) return {};
  const bodyBytes = door.server.limits[limit];
  // The first reason is the size (infrastructure.md §1).
  if (Number(request.headers['content-length'] ?? 0) > bodyBytes) {
    await readAway(pieces, 2 * bodyBytes);
    throw bodyTooLarge(bodyBytes, limit);
  }
  checkMedia(request.headers);
  if (isV1(request)) checkDeclared(request.headers);
  const body = await parseJsonBody(startingWith(first.value, pieces), {
    bodyBytes,
    limit,
    // What these routes take are texts, and no contents of files: none of them goes to the disk.
    stringBytes: bodyBytes,
    ...bodySize(door.server.limits),
    room,
  });
  // Markers stand for values of the file kernel; a job's payload may have names like theirs.
  const decoded = isV1(request) ? body : await decodeValues(body, room);
  if (decoded === null) return {};
  // What is no object is refused by the operation, to those who may call it.
  return Array.isArray(decoded) && binding.list !== undefined ? { [binding.list]: decoded } : decoded;
}

const isBodiless = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;

async function* startingWith(first: Uint8Array, rest: AsyncIterableIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
