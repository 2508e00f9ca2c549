/**
 * The JSON body of a call, parsed while it arrives (contract files.md §2, §4). Guarantees: a body over 1 MiB is never parsed
 * in one go, and strings that are longer than is asked for lie in spools; a body that is refused is still read to its end, at
 * most twice the limit, so that the client sees the answer and not a reset; when the promise is rejected no spool is left.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Fault } from '../../../base/faults.ts';
import type { LimitName } from '../../../base/limits.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { checkSize } from './body-size.ts';
import { JSON_DEPTH, type JsonLimits, JsonParser } from './json-parser.ts';
import type { SpoolRoom } from './spool.ts';

/** Strings over this are spooled, and bodies up to this are collected and parsed in one go: a few ms of the loop. */
export const SPOOL_STRING_BYTES = 1024 * 1024;

export interface JsonBodyOptions extends JsonLimits {
  readonly bodyBytes: number;
  /** The name of that limit. */
  readonly limit: LimitName;
  /** Where long strings go. It belongs to this call: it is closed when the body is refused, else it is the caller's. */
  readonly room: SpoolRoom;
}

/**
 * The value of a JSON body: JSON.parse's, with SpooledText for each long string. Faults: BODY_TOO_LARGE, INVALID_JSON
 * (`position`: byte of the body), LIMIT_EXCEEDED (RPC_BODY_VALUES, OBJECT_NAMES), those of a spool. An error of the stream, as of a
 * client that went away, is thrown as it is. A stream that passes twice the limit is left unread and not destroyed:
 * the answer still has to go out on its connection, which the door then closes.
 */
export async function parseJsonBody(stream: AsyncIterable<Uint8Array>, options: JsonBodyOptions): Promise<unknown> {
  try {
    return await readBody(stream[Symbol.asyncIterator](), options);
  } catch (thrown) {
    await options.room.close();
    throw thrown;
  }
}

/**
 * The same for a request that announced a length of at most `stringBytes`: where it has come it is taken at once, else
 * it is collected by events, which costs a third of iterating. A promise where something is waited for. Node ends such a request at its announced length.
 */
export function parseShortBody(message: IncomingMessage, options: JsonBodyOptions): unknown {
  const here = message.complete ? whatCame(message) : undefined;
  return here ? parseWhole(here, options) : collected(message).then((body) => parseWhole(body, options));
}

/** All of a body that has come; undefined where it was taken before. Node may give it in several parts. */
function whatCame(message: IncomingMessage): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let part: Buffer | null = message.read(); part !== null; part = message.read()) parts.push(part);
  return parts.length > 1 ? Buffer.concat(parts) : parts[0];
}

function collected(message: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    message.once('error', reject);
    message.once('close', () => reject(new Error('the client went away')));
  });
}

/** Reads on, to nowhere: a client that still sends when the answer closes the connection sees a reset instead of it. */
export async function readAway(source: AsyncIterator<Uint8Array>, most: number): Promise<void> {
  for (let received = 0; received < most; ) {
    const next = await source.next();
    if (next.done) return;
    received += next.value.length;
  }
}

async function readBody(source: AsyncIterator<Uint8Array>, options: JsonBodyOptions): Promise<unknown> {
  const { bodyBytes: maximum, limit } = options;
  let text: BodyText | undefined = new BodyText(options);
  let refusal: unknown;
  let received = 0;
  while (received < 2 * maximum) {
    const next = await source.next();
    if (next.done) break;
    received += next.value.length;
    if (text === undefined) continue;
    try {
      if (received > maximum) throw bodyTooLarge(maximum, limit);
      await text.add(asBuffer(next.value));
    } catch (thrown) {
      refusal = thrown;
      text = undefined;
      await options.room.close();
    }
  }
  if (received > maximum) throw bodyTooLarge(maximum, limit);
  if (text === undefined) throw refusal;
  return text.end();
}

/** A body of unknown length: collected while it is short, parsed chunk by chunk from there on. */
class BodyText {
  readonly #options: JsonBodyOptions;
  #head: Buffer[] = [];
  #headBytes = 0;
  #parser: JsonParser | undefined;

  constructor(options: JsonBodyOptions) {
    this.#options = options;
  }

  async add(chunk: Buffer): Promise<void> {
    if (this.#parser) return this.#parser.feed(chunk);
    this.#head.push(chunk);
    this.#headBytes += chunk.length;
    if (this.#headBytes <= Math.min(this.#options.stringBytes, SPOOL_STRING_BYTES)) return;
    this.#parser = new JsonParser(this.#options, this.#options.room);
    for (const part of this.#head) await this.#parser.feed(part);
    this.#head = [];
  }

  async end(): Promise<unknown> {
    if (this.#parser) return this.#parser.end();
    const whole = this.#head.length === 1 ? this.#head[0]! : Buffer.concat(this.#head);
    return parseWhole(whole, this.#options);
  }
}

/** What JSON.parse refuses, or takes though it is too deep, goes to the own parser: that names the place. */
function parseWhole(body: Buffer, options: JsonBodyOptions): unknown {
  if (isUtf8(body) && !nestsTooDeep(body)) {
    try {
      const value = parseJson(body.toString('utf8'));
      checkSize(value, body.length, options);
      return value;
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
    }
  }
  return parseByHand(body, options);
}

async function parseByHand(body: Buffer, options: JsonBodyOptions): Promise<unknown> {
  const parser = new JsonParser(options, options.room);
  await parser.feed(body);
  return parser.end();
}

/** Counts brackets outside of strings; exact for JSON, and of no matter for anything else. */
function nestsTooDeep(body: Buffer): boolean {
  if (body.length <= 2 * JSON_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === 0x22) inString = !inString;
    else if (inString) at += byte === 0x5c ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) depth++;
    else if (byte === 0x5d || byte === 0x7d) depth--;
    if (depth > JSON_DEPTH) return true;
  }
  return false;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function bodyTooLarge(maximum: number, limit: LimitName): Fault {
  const message = `The body is larger than ${maximum} bytes (${limit}); send large content with PUT /api/v2/files/….`;
  return new Fault('BODY_TOO_LARGE', message, { limit, maximum });
}
