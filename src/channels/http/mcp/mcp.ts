/**
 * The MCP door: `POST /mcp` (workflows.md §8). Guarantees: what a request may do is what its credential may do over HTTP; a page of
 * another origin is refused, also where its name leads to this machine.
 */
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../../base/faults.ts';
import { deadlineIn } from '../../../core/deadline.ts';
import { CALLS, slotOf } from '../../../core/rate-slots.ts';
import { parseJsonBody } from '../body/json-body.ts';
import { SpoolRoom } from '../body/spool.ts';
import type { Arrive, DoorOptions } from '../door.ts';
import { bodyOf, checkMedia, one } from '../request.ts';
import { goneSignal } from '../stream.ts';
import { MCP } from './path.ts';
import { McpServing } from './serving.ts';
import type { Scene } from './tool-call.ts';

export function addMcp(app: FastifyInstance, door: DoorOptions, arrive: Arrive): void {
  const serving = new McpServing(door);
  app.addHook('preClose', (done) => {
    serving.close().then(() => done(), done);
  });
  app.post(MCP, { config: { slot: slotOf(CALLS), mayLast: true } }, async (request, reply) => {
    checkOrigin(request, door);
    const scene: Scene = { door, arrival: arrive(request), request, reply };
    const message = await messageOf(scene);
    const method = methodOf(message);
    const signal = method === LISTEN ? listening(scene) : goneSignal(reply);
    const answer = await serving.answer(webRequest(request, signal), message, scene);
    door.metrics.messageEnded(METHODS.has(method) ? method : 'other', answer.status);
    return send(reply, answer);
  });
}

const LISTEN = 'subscriptions/listen';
/** As figures name them. */
const METHODS = new Set([
  ...['initialize', 'notifications/initialized', 'ping', 'server/discover', LISTEN, 'tools/list', 'tools/call'],
  ...['resources/list', 'resources/templates/list', 'resources/read', 'prompts/list', 'prompts/get'],
]);

const methodOf = (message: unknown): string =>
  typeof message === 'object' && message !== null && 'method' in message ? String(message.method) : '';

/** Takes a place among the streams of the zone; aborted with the client, and with the right to listen. */
function listening({ door, arrival, request, reply }: Scene): AbortSignal {
  const { caller, request_id, address } = arrival;
  if (!caller) throw new Fault('UNAUTHENTICATED', 'Invalid or missing API key');
  const { streams, limits } = door.server;
  const at = { zone_id: caller.zone_id, path_prefix: '', deadline: deadlineIn(limits.OPERATION_MS) };
  const open = streams.begin({ caller, channel: 'mcp', request_id, address, ...at }, goneSignal(reply));
  request.lasts?.();
  reply.raw.once('close', () => open.close());
  return open.signal;
}

async function messageOf({ request, reply, door, arrival }: Scene): Promise<unknown> {
  checkMedia(request.headers);
  const { V1_BODY_BYTES: bodyBytes, RPC_BODY_VALUES: values } = door.server.limits;
  const room = new SpoolRoom(door.spools(arrival.caller?.zone_id));
  try {
    // No text is longer than the body may be, so none goes to the disk.
    const options = { bodyBytes, limit: 'V1_BODY_BYTES', stringBytes: bodyBytes, values, room } as const;
    const message = await parseJsonBody(bodyOf(request, reply), options);
    // Arrays went with revision 2025-06-18, and many large results at once would be more than a server can hold.
    if (!Array.isArray(message)) return message;
    throw new Fault('INVALID_REQUEST', 'Invalid request: send messages one by one, not as an array');
  } finally {
    await room.close();
  }
}

function webRequest(request: FastifyRequest, signal: AbortSignal): Request {
  const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || name === 'content-length' || name === 'transfer-encoding' ? [] : [[name, String(value)]],
  );
  return new Request(`http://nexus${MCP}`, { method: 'POST', headers, signal });
}

async function send(reply: FastifyReply, answer: Response): Promise<FastifyReply> {
  for (const [name, value] of answer.headers) reply.header(name, value);
  reply.code(answer.status).header('cache-control', 'no-store');
  if (!answer.body) return reply.send();
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return reply.send(await answer.text());
  return reply.send(Readable.fromWeb(answer.body as ReadableStream));
}

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * ACCESS_DENIED for a browser's page from elsewhere, and for a name that was made to lead here (DNS rebinding): a browser names both
 * truly. Origins that the operator lists for browsers are known here, and their hosts.
 */
function checkOrigin(request: FastifyRequest, { corsOrigins }: DoorOptions): void {
  const origin = one(request.headers, 'origin');
  const host = hostOf(`http://${one(request.headers, 'host') ?? ''}`);
  const hosts = corsOrigins.map(hostOf);
  const isHere = isLoopback(request.raw.socket.localAddress ?? '');
  if (isHere && !(host !== undefined && (LOOPBACK_NAMES.has(host) || hosts.includes(host))))
    throw foreign('Host', host ?? '');
  if (origin === undefined || corsOrigins.includes(origin) || corsOrigins.includes('*')) return;
  const from = hostOf(origin);
  if (from === undefined || !/^https?:/.test(origin) || (from !== host && !(isHere && LOOPBACK_NAMES.has(from))))
    throw foreign('Origin', origin);
}

const isLoopback = (address: string): boolean => address === '::1' || address.replace('::ffff:', '').startsWith('127.');

/** Without the port; undefined for what is no address. */
function hostOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return isIP(hostname) === 4 && hostname.startsWith('127.') ? '127.0.0.1' : hostname;
}

const foreign = (header: string, value: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `${header} ${value.slice(0, 200)} is not let in here; the operator can list it in NEXUS_CORS_ORIGINS`,
    { header },
  );
