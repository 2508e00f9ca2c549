/**
 * The MCP door: `POST /mcp` (workflows.md §8), and the older transport where the operator wants it. Guarantees: what a request may do is what
 * its credential may do over HTTP.
 */
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CALLS, slotOf } from '../../../core/rate-slots.ts';
import type { Arrive, DoorOptions } from '../door.ts';
import { goneSignal } from '../stream.ts';
import { MCP_CALL } from './calls.ts';
import { countMessage, LISTEN, messageOf, methodOf, placeOf } from './message.ts';
import { checkOrigin } from './origin.ts';
import { MCP } from './path.ts';
import { McpServing } from './serving.ts';
import { addSse } from './sse.ts';
import type { Scene } from './tool-call.ts';

export function addMcp(app: FastifyInstance, door: DoorOptions, arrive: Arrive): void {
  const serving = new McpServing(door);
  app.addHook('preClose', (done) => {
    serving.close().then(() => done(), done);
  });
  const config = { slot: slotOf(CALLS), brick: 'mcp', mayLast: true, calls: [MCP_CALL] } as const;
  app.post(MCP, { config }, async (request, reply) => {
    checkOrigin(request, door);
    const scene: Scene = { door, arrival: arrive(request), request, reply, gone: () => goneSignal(reply) };
    const message = await messageOf(scene);
    const signal = methodOf(message) === LISTEN ? listening(scene) : goneSignal(reply);
    const answer = await serving.answer(webRequest(request, signal), message, scene);
    countMessage(scene, message, answer.status);
    return send(reply, answer);
  });
  if (door.mcpSse) addSse(app, { door, arrive, serving });
}

/** Takes a place among the streams of the zone; aborted with the client, and with the right to listen. */
function listening(scene: Scene): AbortSignal {
  const open = placeOf(scene, scene.gone());
  scene.request.lasts?.();
  scene.reply.raw.once('close', () => open.close());
  return open.signal;
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
