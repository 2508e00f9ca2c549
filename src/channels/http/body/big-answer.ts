/**
 * Large JSON answers as a stream of known length (contract files.md §4). Guarantees: `length` is exactly what `stream`
 * gives, or the stream fails; the bytes are those that JSON.stringify would have given for the same value; one piece of
 * the source is in memory at a time.
 */

import { nextSpecial, runView } from './plain-run.ts';

/** Content that can be read as often as needed and is the same each time. */
export interface AnswerSource {
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

/** A JSON string made of content: text that is valid UTF-8, or any bytes as base64. */
export interface AnswerContent {
  readonly source: AnswerSource;
  readonly encoding: 'utf-8' | 'base64';
}

/** JSON text as it stands, as a string or as UTF-8, or a string (quotes and all) made of content. */
export type AnswerPiece = string | Uint8Array | AnswerContent;

export interface BigAnswer {
  /** Bytes, for Content-Length. */
  readonly length: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

const QUOTE_MARK = Buffer.from('"');

/** By how many bytes JSON.stringify writes each byte of UTF-8 text longer than it is. */
const EXTRA = new Uint8Array(256);
for (let code = 0; code < 128; code++) EXTRA[code] = JSON.stringify(String.fromCharCode(code)).length - 3;

/**
 * The answer that the pieces make, one after the other. Text is read once here, to count what escaping adds, and other content is
 * begun: what fails because its store is out of reach fails before there is a length, so a door can still say so.
 */
export async function bigAnswer(pieces: readonly AnswerPiece[]): Promise<BigAnswer> {
  let length = 0;
  for (const piece of pieces) length += await lengthOf(piece);
  return { length, stream: streamOf(pieces, length) };
}

async function lengthOf(piece: AnswerPiece): Promise<number> {
  if (typeof piece === 'string') return Buffer.byteLength(piece);
  if (piece instanceof Uint8Array) return piece.byteLength;
  const { source, encoding } = piece;
  if (encoding === 'base64') {
    for await (const _ of source.read()) break;
    return 2 + Math.ceil(source.size / 3) * 4;
  }
  let length = 2;
  for await (const bytes of source.read()) length += bytes.length + extraBytes(bytes);
  return length;
}

async function* streamOf(pieces: readonly AnswerPiece[], length: number): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for (const piece of pieces) {
    for await (const bytes of bytesOf(piece)) {
      sent += bytes.length;
      if (sent > length) break;
      yield bytes;
    }
  }
  if (sent !== length) throw new Error(`content changed under an answer of ${length} bytes`);
}

async function* bytesOf(piece: AnswerPiece): AsyncGenerator<Uint8Array> {
  if (typeof piece === 'string') {
    yield Buffer.from(piece);
    return;
  }
  if (piece instanceof Uint8Array) {
    yield piece;
    return;
  }
  yield QUOTE_MARK;
  if (piece.encoding === 'base64') yield* toBase64(piece.source.read());
  else for await (const bytes of piece.source.read()) yield escapeJson(bytes);
  yield QUOTE_MARK;
}

/** What escaping adds; in four sums, which the processor can make side by side. */
function extraBytes(bytes: Uint8Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = 0;
  for (const last = bytes.length - 4; at <= last; at += 4) {
    a += EXTRA[bytes[at]!]!;
    b += EXTRA[bytes[at + 1]!]!;
    c += EXTRA[bytes[at + 2]!]!;
    d += EXTRA[bytes[at + 3]!]!;
  }
  for (; at < bytes.length; at++) a += EXTRA[bytes[at]!]!;
  return a + b + c + d;
}

/**
 * UTF-8 text as it stands between the quotes of a JSON string. What needs an escape is one byte and JSON.stringify
 * passes everything from U+0080 to U+00FF, so a character for each byte gives the right bytes, wherever the text was
 * cut, and is two to five times as fast as a loop over bytes.
 */
function escapeJson(bytes: Uint8Array): Uint8Array {
  if (nextSpecial(runView(bytes), 0) === bytes.length) return bytes;
  const characters = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return Buffer.from(JSON.stringify(characters), 'latin1').subarray(1, -1);
}

/** Base64 of RFC 4648 §4 of the chunks together. */
async function* toBase64(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % 3);
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1');
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}
