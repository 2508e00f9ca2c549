/**
 * The life of connections. Guarantees: nothing limits how long bytes may flow, 60 s without a byte close a connection
 * unless the server itself is at work (files.md §1); a body that nobody wanted does not block the connection it came by;
 * what is no HTTP is answered as a fault.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../base/faults.ts';
import { restFailure } from './failures.ts';
import { requestIdOf } from './request.ts';

/** A connection without a byte is closed after this. */
export const IDLE_MS = 60_000;

/**
 * Bytes of a request's head: a path of 4 KiB and metadata of 16 KiB, each byte of them written as `%XX`, and 20 KiB for
 * the rest.
 */
export const HEAD_BYTES = 80 * 1024;

/**
 * Bytes that are read of a refused body so that its sender comes to see the answer; beyond it the connection is closed
 * under him. Senders that wait for `100 Continue`, or look at the answer while they send, stop long before.
 */
const UNWANTED_BYTES = 64 * 1024 * 1024;

/** How often a server that closes looks for connections that have nothing more to do. */
const CLOSE_EVERY_MS = 20;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly request_id: string;
}

/** What a server is built with: `refuse` as its handler of client errors, `mind` once it is there. */
export interface Connections {
  refuse(error: Error & { readonly code?: string }, socket: Socket): void;
  mind(app: FastifyInstance): void;
}

/** An answer to what never came to a door. */
export interface Refused {
  readonly request_id: string;
  /** Where that much was understood. */
  readonly method: string | undefined;
  readonly status: number;
}

export function keepConnections(refused: (answer: Refused) => void): Connections {
  const exchanges = new WeakMap<Socket, Exchange>();
  const end = (socket: Socket, code: string | undefined, request?: IncomingMessage): void => {
    const open = request ? undefined : unanswered(exchanges.get(socket));
    const request_id = open?.request_id ?? requestIdOf(request?.headers ?? {});
    const { status, text } = refusal(code, request_id);
    if (open) open.response.statusCode = status;
    else refused({ request_id, method: request?.method, status });
    socket.end(text);
  };
  return {
    refuse: (error, socket) => {
      const { response } = exchanges.get(socket) ?? {};
      const answering = response?.headersSent === true && !response.writableFinished;
      if (error.code === 'ECONNRESET' || !socket.writable || answering) socket.destroy();
      else end(socket, error.code);
    },
    mind: (app) => {
      app.addHook('onRequest', (request, reply, done) => {
        exchanges.set(request.raw.socket, { request: request.raw, response: reply.raw, request_id: request.id });
        // Most requests are here as a whole by now. To listen to fastify's own `onResponse` costs each a microsecond.
        if (!request.raw.complete) reply.raw.on('close', () => discardRest(request.raw));
        done();
      });
      app.addHook('preClose', (done) => {
        // Closing a server closes what is idle then; what is at work would be kept for another request.
        const closing = setInterval(() => app.server.closeIdleConnections(), CLOSE_EVERY_MS);
        // A server that never came to listen does not tell that it is closed: it shall not keep the process.
        closing.unref();
        app.server.once('close', () => clearInterval(closing));
        done();
      });
      app.server.on('timeout', (socket: Socket) => {
        if (isAtWork(socket, exchanges.get(socket))) socket.setTimeout(app.server.timeout);
        else socket.destroy();
      });
      // The doors tell a client to go on when they want the body: what is refused before is never sent.
      app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
      app.server.on('checkExpectation', (request) => end(request.socket, 'EXPECTATION', request));
      app.server.on('connect', (request) => end(request.socket, 'CONNECT', request));
    },
  };
}

/** One that came to a door, and whose body broke off or is none. */
const unanswered = (exchange: Exchange | undefined): Exchange | undefined =>
  exchange?.response.headersSent === false ? exchange : undefined;

/** The request came whole, the answer is not made yet, and nothing waits for the client to take it. */
const isAtWork = (socket: Socket, exchange: Exchange | undefined): boolean =>
  exchange?.request.complete === true && !exchange.response.writableFinished && socket.writableLength === 0;

/** Takes the bytes that still come of a request that was answered, so that the next one can follow. */
function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let discarded = 0;
  // A reader that gave up has left its listener, which would keep the bytes waiting for it.
  request.removeAllListeners('readable');
  request.on('data', (bytes: Buffer) => {
    discarded += bytes.length;
    if (discarded > UNWANTED_BYTES) request.destroy();
  });
}

/** What Node's parser says of bytes that are no request, and what else never comes to a door, as status and words. */
const WRONG: Readonly<Record<string, readonly [number, string]>> = {
  EXPECTATION: [417, 'of what Expect can say only 100-continue is taken'],
  CONNECT: [405, 'the server is no proxy, CONNECT is not for it'],
  HPE_HEADER_OVERFLOW: [431, `the head of the request is larger than ${HEAD_BYTES} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, `the head of the request did not come within ${IDLE_MS / 1000} s`],
};

/** The answer to bytes that are no HTTP. */
function refusal(code: string | undefined, id: string): { readonly status: number; readonly text: string } {
  const [status, words] = WRONG[code ?? ''] ?? [400, 'these bytes are no HTTP request'];
  const body = JSON.stringify(restFailure(new Fault('INVALID_REQUEST', `Invalid request: ${words}`), id));
  const text =
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-ID: ${id}\r\nConnection: close\r\n\r\n${body}`;
  return { status, text };
}
