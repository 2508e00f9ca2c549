/**
 * Requests to a store, signed (AWS Signature Version 4). Guarantees: no request hangs, since a connection on which nothing
 * moves for ten seconds is dropped; what may pass (no connection, 5xx, slow down) is tried again for five seconds, ever more slowly, so requests must be such as may be done twice; while the store is away one try has to
 * do, and fails soon; all else fails at once, with an {@link S3Error} that holds no secret.
 */
import { hash } from 'node:crypto';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import aws4 from 'aws4';
import { request as askPlain, https } from '../../base/node-http.ts';
import { codeOf } from '../../base/system-error.ts';
import { traceHeader } from '../../base/trace-context.ts';
import { type Outbound, OutboundRefused } from '../../ports/outbound.ts';
import { S3Error, SourceBroke } from './errors.ts';
import { addressOf, type S3Place } from './place.ts';
import { failureOf } from './xml.ts';

/** Milliseconds. */
export interface S3Times {
  /** A connection on which nothing moves for so long is dropped. */
  readonly silence: number;
  /** After so long no further try begins. */
  readonly patience: number;
}

const TIMES: S3Times = { silence: 10_000, patience: 5_000 };
/** Some stores say nothing while they put the parts of an object together, which is what is asked for by POST. */
const ASSEMBLY = 6;
const FIRST_WAIT_MS = 50;
const WAIT_MS_MAX = 2_000;
/** Bytes of an answer that is taken whole: a page of a list with the longest keys is less. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const NOTHING_SHA256 = hash('sha256', '');

/** Bytes to send, read anew at every try. */
export interface S3Body {
  readonly size: number;
  /** In lower-case hex: the store refuses other bytes. */
  readonly sha256: string;
  read(): AsyncIterable<Uint8Array>;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the place's prefix; undefined for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body;
  /** Doing it twice is not the same as once: then a lost answer is a failure. */
  readonly once?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class S3Client {
  readonly place: S3Place;
  readonly #outbound: Outbound;
  readonly #times: S3Times;
  /** Nothing came of all patience, and nothing has come since. */
  #away = false;

  constructor(place: S3Place, outbound: Outbound, times = TIMES) {
    this.place = place;
    this.#outbound = outbound;
    this.#times = times;
  }

  /** The full key of one below the prefix. */
  keyOf(key: string): string {
    return this.place.prefix + key;
  }

  /** Sends it and takes the answer, which is a good one; both are done again where that may help. */
  async send<T>(request: S3Request, take: (response: IncomingMessage) => Promise<T>): Promise<T> {
    const until = performance.now() + (this.#away ? 0 : this.#times.patience);
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
      try {
        return await this.#try(request, take);
      } catch (thrown) {
        if (thrown instanceof SourceBroke) throw thrown.cause;
        const pause = wait * (0.5 + Math.random());
        const passes = thrown instanceof S3Error && thrown.passes;
        if (request.once && passes) throw thrown;
        const late = performance.now() + pause > until;
        if (passes && late) this.#away = true;
        if (!passes || late || request.signal?.aborted) throw thrown;
        await sleep(pause, undefined, { signal: request.signal }).catch(() => Promise.reject(thrown));
      }
    }
  }

  /** An answer as a text. */
  text(request: S3Request): Promise<string> {
    return this.send(request, textOf);
  }

  /** The headers of an answer that says nothing else. */
  headers(request: S3Request): Promise<IncomingHttpHeaders> {
    return this.send(request, async (response) => {
      if (request.method === 'HEAD') leave(response);
      else await textOf(response);
      return response.headers;
    });
  }

  async #try<T>(request: S3Request, take: (response: IncomingMessage) => Promise<T>): Promise<T> {
    const response = await this.#answer(request);
    const status = response.statusCode ?? 0;
    if (status < 500) this.#away = false;
    if (status >= 200 && status < 300) return take(response);
    if (request.method !== 'HEAD') throw failureOf(status, await textOf(response));
    leave(response);
    throw failureOf(status, '');
  }

  async #answer(request: S3Request): Promise<IncomingMessage> {
    const { base, path } = addressOf(this.place, request.key === undefined ? undefined : this.keyOf(request.key));
    const query = new URLSearchParams(request.query).toString().replaceAll('+', '%20');
    const { body, method } = request;
    const signed = aws4.sign(
      {
        service: 's3',
        region: this.place.region,
        method,
        path: query === '' ? path : `${path}?${query}`,
        headers: {
          host: base.host,
          'x-amz-content-sha256': body?.sha256 ?? NOTHING_SHA256,
          ...(body && { 'content-length': body.size, 'content-type': 'application/octet-stream' }),
          ...request.headers,
        },
      },
      this.place.credentials,
    );
    const options = {
      method,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || (base.protocol === 'https:' ? 443 : 80),
      path: signed.path,
      headers: { ...(signed.headers as Record<string, string>), ...traceHeader() },
      agent: this.#outbound.agentFor(base),
      signal: request.signal,
    };
    const asked = base.protocol === 'https:' ? https().request(options) : askPlain(options);
    return answerOf(asked, body, this.#times.silence * (method === 'POST' ? ASSEMBLY : 1));
  }
}

function answerOf(asked: ClientRequest, body: S3Body | undefined, ms: number): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const silence = setTimeout(() => asked.destroy(silent()), ms);
  asked.on('response', resolve);
  asked.on('error', (cause) => reject(failed(cause)));
  asked.on('close', () => reject(failed(new Error('the connection ended without an answer'))));
  if (body) {
    sendBody(asked, body, silence).catch((thrown: unknown) => {
      reject(thrown);
      asked.destroy();
    });
  } else asked.end();
  return promise.finally(() => clearTimeout(silence));
}

async function sendBody(asked: ClientRequest, body: S3Body, silence: NodeJS.Timeout): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  asked.once('response', end).once('close', end);
  for await (const piece of unbroken(body.read())) {
    if (over) return;
    if (!asked.write(piece)) await drained(asked);
    silence.refresh();
  }
  asked.end();
}

async function* unbroken(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    throw new SourceBroke(cause);
  }
}

/** It takes more, or never will. */
function drained(asked: ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['drain', 'close', 'response'] as const;
  const done = (): void => {
    for (const event of events) asked.off(event, done);
    resolve();
  };
  for (const event of events) asked.on(event, done);
  return promise;
}

/** The bytes of an answer in pieces of at most 64 KiB, each waited for as long as a silent connection is. */
export async function* piecesOf(response: IncomingMessage, ms = TIMES.silence): AsyncGenerator<Uint8Array> {
  const chunks = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      const silence = setTimeout(() => response.destroy(silent()), ms);
      const next = await chunks.next().finally(() => clearTimeout(silence));
      if (next.done) return;
      const chunk: Uint8Array = next.value;
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
    }
  } catch (cause) {
    throw failed(cause);
  } finally {
    if (!response.complete) response.destroy();
  }
}

export async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(response)) {
    bytes += piece.length;
    if (bytes > TEXT_BYTES_MAX)
      throw new S3Error({ status: 0, code: 'UnknownAnswer' }, 'the store answers without an end');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** An answer to HEAD has no body, but some stores end it as if it had one: such a connection is not used again. */
function leave(response: IncomingMessage): void {
  response.on('error', () => undefined);
  if (response.headers['transfer-encoding'] === undefined) response.resume();
  else response.destroy();
}

const silent = (): Error => Object.assign(new Error('nothing moved for too long'), { code: 'ETIMEDOUT' });

function failed(cause: unknown): unknown {
  if (cause instanceof S3Error || cause instanceof OutboundRefused || isAbort(cause)) return cause;
  const code = codeOf(cause) ?? 'NoAnswer';
  return new S3Error(
    { status: 0, code },
    `the store is out of reach: ${cause instanceof Error ? cause.message : code}`,
    cause,
  );
}

export const isAbort = (thrown: unknown): boolean => thrown instanceof Error && thrown.name === 'AbortError';
