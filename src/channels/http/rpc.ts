/**
 * The JSON-RPC door: `POST /api/nfs/{method}` and `POST /api/nfs` (files.md §1). Guarantees: what fails at the level of
 * HTTP has that status and reads as both envelopes; every other failure is HTTP 200 with the id of the call kept.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cut, NAME_CHARACTERS } from '../../base/cut.ts';
import { asFault, Fault } from '../../base/faults.ts';
import { isObject } from '../../base/json-object.ts';
import { invoke } from '../../core/invoke.ts';
import { presented } from '../../core/present.ts';
import { CALLS, DOCUMENT, slotOf } from '../../core/rate-slots.ts';
import { chargeCalls } from './admission.ts';
import { isConfirmed } from './arrivals.ts';
import { bodySize } from './body/body-size.ts';
import { type JsonBodyOptions, parseJsonBody, parseShortBody, SPOOL_STRING_BYTES } from './body/json-body.ts';
import { SpoolRoom } from './body/spool.ts';
import type { Arrival, Arrive, DoorOptions } from './door.ts';
import { failureHeaders, httpRpcFailure, rpcFailure } from './failures.ts';
import { sendJson } from './json-answer.ts';
import { RPC_CALLS } from './open-calls.ts';
import { bodyOf, checkMedia, requestOf, withBranch } from './request.ts';
import { rpcMethods, slotOfMethod } from './rpc-methods.ts';
import { decodeValues } from './rpc-values.ts';
import { similarNames } from './similar.ts';

interface RpcCall {
  readonly method: string;
  readonly params: unknown;
  readonly id: unknown;
}

export function addRpc(app: FastifyInstance, door: DoorOptions, arrive: Arrive): void {
  const config = { slot: slotOf(DOCUMENT), calls: [RPC_CALLS['/api/nfs/status']] };
  app.get('/api/nfs/status', { config }, async () => ({ status: 'running', service: 'nexus', version: door.version }));
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const arrival = arrive(request);
    const { method } = request.params as { method?: string };
    const room = new SpoolRoom(door.spools(arrival.caller?.zone_id));
    try {
      checkMedia(arrival.headers);
      const reading = readBody(request, reply, { door, room });
      const body = reading instanceof Promise ? await reading : reading;
      if (method === undefined) chargeCalls([body].flat().map(slotOfCall), reply, { door, budget: arrival.budget });
      const answer = Array.isArray(body)
        ? await callMany(door, body, { arrival, method, room })
        : await callOne(door, body, { arrival, method, room });
      const sending = sendJson(reply, answer, door.server.blobs);
      return sending && (await sending);
    } finally {
      const closing = room.close();
      if (closing) await closing;
    }
  };
  app.post('/api/nfs', { config: { slot: slotOf(CALLS), calls: [RPC_CALLS['/api/nfs']] } }, handle);
  app.post('/api/nfs/:method', { config: { rpc: true } }, handle);
}

const slotOfCall = (body: unknown): number =>
  slotOfMethod(isObject(body) && typeof body.method === 'string' ? body.method : undefined);

interface Reading {
  readonly door: DoorOptions;
  readonly room: SpoolRoom;
}

function readBody(request: FastifyRequest, reply: FastifyReply, reading: Reading): unknown {
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced === 0) return {};
  const { limits } = reading.door.server;
  const options: JsonBodyOptions = {
    bodyBytes: limits.RPC_BODY_BYTES,
    limit: 'RPC_BODY_BYTES',
    stringBytes: SPOOL_STRING_BYTES,
    room: reading.room,
    ...bodySize(limits),
  };
  const body = bodyOf(request, reply);
  const short = announced <= Math.min(options.stringBytes, options.bodyBytes);
  return short ? parseShortBody(body, options) : parseJsonBody(body, options);
}

interface Scene {
  readonly arrival: Arrival;
  /** Method of the URL, if it names one. */
  readonly method: string | undefined;
  readonly room: SpoolRoom;
}

async function callOne(door: DoorOptions, body: unknown, scene: Scene): Promise<object> {
  const id = idOf(body);
  try {
    const call = toCall(body, scene.method);
    const result = await perform(door, call, scene);
    return { jsonrpc: '2.0', id, result, error: null };
  } catch (thrown) {
    const fault = asFault(thrown);
    if (isConfirmed(fault)) await scene.arrival.confirm();
    if (fault.row.rpc === 'http') throw new RpcHttpFailure(fault, id);
    return rpcFailure(fault, id, scene.arrival.request_id);
  }
}

async function callMany(door: DoorOptions, bodies: readonly unknown[], scene: Scene): Promise<object[]> {
  const maximum = door.server.limits.RPC_CALLS;
  if (scene.method !== undefined) throw invalidRequest('an array of calls goes to /api/nfs');
  if (scene.arrival.headers['idempotency-key'] !== undefined) {
    throw invalidRequest('an Idempotency-Key is for one call; send those of the array one by one');
  }
  if (bodies.length === 0) throw invalidRequest('the array holds no call');
  if (bodies.length > maximum) throw invalidRequest(`the array holds ${bodies.length} calls, ${maximum} are allowed`);
  const answers: object[] = [];
  for (const body of bodies) {
    try {
      answers.push(await callOne(door, body, scene));
    } catch (thrown) {
      if (!(thrown instanceof RpcHttpFailure)) throw thrown;
      answers.push(rpcFailure(thrown.fault, thrown.id, scene.arrival.request_id));
    }
  }
  return answers;
}

const invalidRequest = (message: string): Fault => new Fault('INVALID_REQUEST', `Invalid request: ${message}`);

/** An HTTP-level failure of one call, with the id that was read. */
export class RpcHttpFailure extends Error {
  readonly fault: Fault;
  readonly id: unknown;

  constructor(fault: Fault, id: unknown) {
    super(fault.message);
    this.fault = fault;
    this.id = id;
  }
}

/** The id, where it can be read. */
function idOf(body: unknown): unknown {
  if (!isObject(body)) return null;
  const { id } = body;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function toCall(body: unknown, method: string | undefined): RpcCall {
  if (!isObject(body)) throw invalidRequest('a call is an object {jsonrpc, method, params, id}');
  const named = body.method ?? undefined;
  if (named !== undefined && typeof named !== 'string') throw invalidRequest('method has to be a string');
  if (method !== undefined && named !== undefined && named !== method) {
    throw invalidRequest(`the URL calls ${method}, the body ${cut(named, NAME_CHARACTERS)}`);
  }
  const name = method ?? named;
  if (name === undefined) throw invalidRequest('no method is named');
  if (body.jsonrpc !== undefined && body.jsonrpc !== null && body.jsonrpc !== '2.0') {
    throw invalidRequest('jsonrpc has to be "2.0"');
  }
  return { method: name, params: body.params ?? {}, id: body.id };
}

async function perform(door: DoorOptions, call: RpcCall, scene: Scene): Promise<unknown> {
  const operation = rpcMethods.get(call.method);
  if (!operation?.rpc) {
    const similar = similarNames(call.method, [...rpcMethods.keys()]);
    const hint = similar.length > 0 ? `; did you mean ${similar.join(', ')}?` : '';
    const method = cut(call.method, NAME_CHARACTERS);
    throw new Fault('METHOD_NOT_FOUND', `No method ${method}${hint}`, { method, similar });
  }
  const { arrival, room } = scene;
  const decoded = decodeValues(call.params, room);
  const params = decoded instanceof Promise ? await decoded : decoded;
  const raw = isObject(params) ? withBranch(operation, params, arrival.headers) : params;
  const answer = await invoke(door.server, operation, {
    raw,
    request: { ...requestOf(arrival, 'rpc'), tolerant: true },
  });
  return presented(door.server, operation.rpc, answer);
}

/** Answers what was thrown by the RPC door, in the form that reads both ways. */
export function sendRpcFailure(reply: FastifyReply, thrown: unknown, request_id: string): FastifyReply {
  const { fault, id } = thrown instanceof RpcHttpFailure ? thrown : { fault: asFault(thrown), id: null };
  const inside = fault.row.rpc !== 'http';
  return reply
    .code(inside ? 200 : fault.row.http)
    .headers({
      ...failureHeaders(fault),
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    .send(JSON.stringify(inside ? rpcFailure(fault, id, request_id) : httpRpcFailure(fault, id, request_id)));
}
