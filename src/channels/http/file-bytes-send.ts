/**
 * Content on its way to a client. Guarantees: one piece of at most 64 KiB is held for a slow reader, and no
 * transaction; a client that goes away ends the reading; content that fails midway breaks the connection, so that
 * nobody takes the part for the whole.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { release } from '../../base/byte-memory.ts';
import type { Headers } from './file-bytes-headers.ts';

/** What to send, and who is told when it fails after the head went out. */
export interface Sending {
  /** Fresh ones: each is given back once it has left. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Bytes of the pieces together. */
  readonly length: number;
  readonly onBroken: (reason: unknown) => void;
}

/**
 * The same of content that is at hand and small. A byte as a character of its own, it goes out in one string with the
 * head, which costs a third less than head and bytes apart. `headers` go with those that the reply has.
 */
export function sendAtOnce(reply: FastifyReply, content: Buffer, headers: Headers): FastifyReply {
  const response = reply.hijack().raw;
  response.writeHead(reply.statusCode, Object.assign(reply.getHeaders() as OutgoingHttpHeaders, headers));
  response.end(content.toString('latin1'), 'latin1');
  return reply;
}

/** Sends a reply whose status and headers are set. Its first piece is at hand before the head goes out. */
export async function sendPieces(reply: FastifyReply, sending: Sending): Promise<FastifyReply> {
  const source = sending.pieces[Symbol.asyncIterator]();
  const first = await source.next();
  const response = reply.hijack().raw;
  let left = sending.length;
  try {
    response.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
    for (let next = first; !next.done && !response.destroyed; next = await source.next()) {
      left -= next.value.length;
      // The last byte and the end go out together: a client that has it all may rely on the server being done too.
      if (left === 0) {
        response.end(next.value);
        break;
      }
      const piece = next.value;
      if (!response.write(piece, () => release([piece]))) await writable(response);
    }
  } catch (reason) {
    response.destroy();
    sending.onBroken(reason);
  } finally {
    await source.return?.();
  }
  return reply;
}

/** Resolves when the connection takes more, or is gone. */
export const writable = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
