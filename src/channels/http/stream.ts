/**
 * Streams on their way to a client: events (WHATWG HTML §9.2) or lines of JSON. Guarantees: the head leaves at once; items
 * are taken as fast as the client reads and no faster, so that what is unsent is one piece; what ends a stream ends it
 * between two items; a stream of events that has nothing to say sends a comment, so that nobody takes it for dead.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import type { StreamBinding, Streaming } from '../../core/operation.ts';
import { writable } from './file-bytes-send.ts';
import { one } from './request.ts';

type Media = StreamBinding<unknown>['media'];

/** Milliseconds of silence behind which a comment is sent, and for which a client waits before it comes again. */
const KEEPALIVE_MS = 15_000;
const RETRY_MS = 5_000;
/** Milliseconds that a client has, once its stream has ended, to take what was sent. */
const LAST_MS = 5_000;

export function wantsStream({ media, whenAccepted }: StreamBinding<unknown>, headers: IncomingHttpHeaders): boolean {
  return !whenAccepted || (one(headers, 'accept') ?? '').toLowerCase().includes(media);
}

/** Aborted when the client has gone. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort(GONE);
  else reply.raw.once('close', () => gone.abort(GONE));
  return gone.signal;
}

/** One for all: an exception made for each, with its stack, would take longer than the rest of a short answer. */
const GONE = new DOMException('Nobody waits for the answer any more', 'AbortError');

export interface Sending {
  readonly items: AsyncIterable<Uint8Array | string>;
  /** `signal` ends it between two items; `close` is called when it has ended. */
  readonly open: Pick<Streaming, 'signal'> & { close(): void };
  readonly media: Media;
  readonly log: Log;
}

export async function sendStream(reply: FastifyReply, { items, open, media, log }: Sending): Promise<FastifyReply> {
  const response = reply.header('content-type', media).header('cache-control', 'no-cache').hijack().raw;
  const events = media === 'text/event-stream';
  response.writeHead(200, reply.getHeaders() as Record<string, string>);
  if (events) response.write(`retry: ${RETRY_MS}\n\n`);
  else response.flushHeaders();
  const alive = events ? setInterval(() => keepAlive(response), KEEPALIVE_MS) : undefined;
  try {
    for await (const piece of items) {
      if (open.signal.aborted) break;
      alive?.refresh();
      if (!response.write(piece)) await taken(response, open.signal);
    }
    response.end();
    if (open.signal.aborted) cutLater(response);
  } catch (thrown) {
    // Who follows comes again, and is told then what is wrong.
    if (events && thrown instanceof Fault) response.end();
    else {
      const err = thrown instanceof Error ? thrown.stack : String(thrown);
      log('warn', 'stream.broken', { request_id: reply.request.id, err });
      // Nobody shall take the part for the whole.
      response.destroy();
    }
  } finally {
    clearInterval(alive);
    open.close();
  }
  return reply;
}

/** Not where the client takes nothing: its connection is to be seen as idle. */
function keepAlive(response: ServerResponse): void {
  if (!response.writableNeedDrain) response.write(': keepalive\n\n');
}

/** Resolves when the connection takes more, is gone, or nothing more is to be sent. */
async function taken(response: ServerResponse, ended: AbortSignal): Promise<void> {
  let end = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  ended.addEventListener('abort', end);
  await Promise.race([writable(response), over]);
  ended.removeEventListener('abort', end);
}

/** Whoever does not take in time what was sent last has it cut. */
function cutLater(response: ServerResponse): void {
  if (response.writableFinished) return;
  const cut = setTimeout(() => response.destroy(), LAST_MS).unref();
  response.once('close', () => clearTimeout(cut));
}
