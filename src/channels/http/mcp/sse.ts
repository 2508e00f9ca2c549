/**
 * The older HTTP+SSE transport (revision 2024-11-05), only with `NEXUS_MCP_SSE` (workflows.md §8): `GET /sse` opens a stream that says where to
 * send messages to, `POST /messages/` takes one, and its answer comes on the stream. Guarantees: a stream opens without a key, and
 * carries nothing until a message with one has come; each message is authenticated by itself and runs as its own caller, as at `/mcp`;
 * what a stream is called is told on that stream alone, is drawn from 96 random bits and is no credential: who comes to know it
 * and is not the one whose first message it took finds it as unknown as any other, so that answers go to nobody but whom they are
 * for, and no others are put among them. A stream is of this node, and so are its messages.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../../base/faults.ts';
import { CALLS, slotOf } from '../../../core/rate-slots.ts';
import type { Arrive, DoorOptions } from '../door.ts';
import { goneSignal, sendStream } from '../stream.ts';
import { MESSAGES_CALL, SSE_CALL } from './calls.ts';
import { countMessage, messageOf } from './message.ts';
import { MessageStream } from './message-stream.ts';
import { checkOrigin } from './origin.ts';
import { MESSAGES, SSE } from './path.ts';
import type { McpServing } from './serving.ts';
import type { Scene } from './tool-call.ts';

/** Milliseconds in which a message with a key has to come. */
const UNCLAIMED_MS = 30_000;

interface Parts {
  readonly door: DoorOptions;
  readonly arrive: Arrive;
  readonly serving: McpServing;
}

export function addSse(app: FastifyInstance, { door, arrive, serving }: Parts): void {
  const streams = new Map<string, MessageStream>();
  const slot = slotOf(CALLS);
  app.addHook('preClose', (done) => {
    for (const stream of streams.values()) stream.end();
    done();
  });
  // A HEAD would begin what nobody is going to read.
  const lasting = {
    exposeHeadRoute: false,
    config: { open: true, slot, brick: 'mcp', lasting: true, calls: [SSE_CALL] },
  } as const;
  app.get(SSE, lasting, async (request, reply) => {
    checkOrigin(request, door);
    const { tools } = request.query as { tools?: unknown };
    const stream = new MessageStream(tools === 'search' ? '&tools=search' : '', () => streams.delete(stream.id));
    const scene: Scene = { door, arrival: arrive(request), request, reply, gone: () => stream.signal };
    stream.claim(scene);
    if (!stream.isOwned) awaitClaim(stream, streams, door);
    streams.set(stream.id, stream);
    goneSignal(reply).addEventListener('abort', () => stream.close());
    return sendStream(reply, {
      items: stream.items(),
      open: stream,
      media: 'text/event-stream',
      log: door.server.log,
    });
  });
  app.post(
    MESSAGES,
    { config: { slot, brick: 'mcp', mayLast: true, calls: [MESSAGES_CALL] } },
    async (request, reply) => {
      checkOrigin(request, door);
      const { session_id } = request.query as { session_id?: unknown };
      const stream = streams.get(String(session_id));
      const scene: Scene = { door, arrival: arrive(request), request, reply, gone: () => goneSignal(reply) };
      const message = await serving.parse(await messageOf(scene));
      if (!stream || stream.isEnding || !isOwn(stream, scene)) throw unknownStream();
      stream.claim(scene);
      take(stream, { message, scene, serving });
      countMessage(scene, message, ACCEPTED);
      return reply.code(ACCEPTED).header('cache-control', 'no-store').type('text/plain').send('Accepted');
    },
  );
}

const ACCEPTED = 202;

const isOwn = (stream: MessageStream, { arrival: { caller } }: Scene): boolean =>
  caller !== undefined && stream.isOf(caller);

const unknownStream = (): Fault =>
  new Fault(
    'NOT_FOUND',
    `No stream of this name is open here; GET ${SSE} opens one, and says where to send messages to`,
  );

/** Streams that nobody has shown a key for are few, and soon over: they have no place in any zone. */
function awaitClaim(stream: MessageStream, streams: ReadonlyMap<string, MessageStream>, { server }: DoorOptions): void {
  const maximum = server.limits.MCP_STREAMS_UNCLAIMED;
  const unclaimed = [...streams.values()].filter(({ isOwned }) => !isOwned).length;
  if (unclaimed >= maximum)
    throw new Fault(
      'TOO_MANY',
      `${maximum} streams wait for a message with a key, the limit MCP_STREAMS_UNCLAIMED; try again, or show a key`,
      { limit: 'MCP_STREAMS_UNCLAIMED', maximum },
    );
  const late = setTimeout(() => stream.isOwned || stream.end(), UNCLAIMED_MS).unref();
  stream.signal.addEventListener('abort', () => clearTimeout(late));
}

interface Taking {
  readonly message: JSONRPCMessage;
  readonly scene: Scene;
  readonly serving: McpServing;
}

/** Begins what a message asks for; the request is counted until its answer has been taken. */
function take(stream: MessageStream, { message, scene, serving }: Taking): void {
  if (!('method' in message)) return;
  if (!('id' in message)) {
    // Other notifications change nothing here.
    if (message.method === 'notifications/cancelled') stream.cancel(message.params?.requestId);
    return;
  }
  const unwanted = stream.begin(message.id, scene.door.server.limits.MCP_STREAM_MESSAGES);
  const { request } = scene;
  request.goesOn = true;
  serving
    .exchange(message, { ...scene, gone: () => unwanted.signal })
    .catch((thrown: unknown) => {
      const err = thrown instanceof Error ? thrown.stack : String(thrown);
      scene.door.server.log('error', 'internal.error', { request_id: request.id, err });
      return undefined;
    })
    .then((answer) => stream.finish(message.id, answer))
    .finally(() => request.lasts?.());
}
