/**
 * JSON answers, in which content may stand by reference. Guarantees: an answer with no more than 1 MiB of content is one
 * text; content that is larger is streamed from where it lies, with a known length.
 */

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { AnswerBytes, type AnswerReference, stringifyWith } from '../../core/call/answer-bytes.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { type AnswerContent, type AnswerPiece, type BigAnswer, bigAnswer } from './body/big-answer.ts';

/** Bytes of inline content that are written into the text at once. */
const INLINE_BYTES = 1024 * 1024;

/** Texts that stand for the references while the rest is made; nobody can guess them, so no content can be one. */
function placeholders(): (n: number) => string {
  const secret = randomBytes(16).toString('hex');
  return (n) => `bytes:${secret}:${n}`;
}

/**
 * Sends a value as JSON that nobody keeps (files.md §1). The status is the reply's. undefined: it is on its way, and whoever has
 * nothing more to do need not wait for that.
 */
export function sendJson(reply: FastifyReply, value: unknown, blobs: Blobs): Promise<FastifyReply> | undefined {
  reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store');
  const body = jsonAnswer(value, blobs);
  if (body instanceof Promise) return sendBig(reply, body);
  reply.send(body);
  return undefined;
}

/** The same as one text; its size in bytes where that is more than `most`. */
export async function jsonText(value: unknown, blobs: Blobs, most: number): Promise<string | number> {
  const body = await jsonAnswer(value, blobs);
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  if (size > most) return size;
  return typeof body === 'string' ? body : textOf(body);
}

async function textOf({ stream }: BigAnswer): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function sendBig(reply: FastifyReply, answer: Promise<BigAnswer>): Promise<FastifyReply> {
  const { length, stream } = await answer;
  return reply.header('content-length', length).send(Readable.from(stream, { objectMode: false }));
}

function jsonAnswer(value: unknown, blobs: Blobs): string | Promise<BigAnswer> {
  const references: AnswerReference[] = [];
  let placeholder: ((n: number) => string) | undefined;
  const text = stringifyWith(value, (item) => {
    if (item instanceof AnswerBytes && item.inline && item.inline.byteLength <= INLINE_BYTES)
      return asBuffer(item.inline).toString(item.as === 'text' ? 'utf8' : 'base64');
    references.push(item);
    placeholder ??= placeholders();
    return placeholder(references.length - 1);
  });
  const mark = placeholder;
  if (!mark) return text;
  const marks = references.map((_item, n) => JSON.stringify(mark(n)));
  const pieces = piecesOf(text, marks, (n) => piecesFor(references[n]!, blobs));
  return joined(pieces) ?? bigAnswer(pieces);
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The text between the marks, and in the place of each what it stands for. */
function piecesOf(text: string, marks: readonly string[], what: (n: number) => readonly AnswerPiece[]): AnswerPiece[] {
  const pieces: AnswerPiece[] = [];
  let from = 0;
  for (const [n, mark] of marks.entries()) {
    const at = text.indexOf(mark, from);
    pieces.push(text.slice(from, at), ...what(n));
    from = at + mark.length;
  }
  pieces.push(text.slice(from));
  return pieces;
}

/** One text, where there is little and all of it is at hand. */
function joined(pieces: readonly AnswerPiece[]): string | undefined {
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece;
    else if (piece instanceof Uint8Array && piece.byteLength <= INLINE_BYTES) text += asBuffer(piece).toString('utf8');
    else return undefined;
  }
  return text;
}

const piecesFor = (item: AnswerReference, blobs: Blobs): readonly AnswerPiece[] =>
  item instanceof AnswerBytes ? [contentOf(item, blobs)] : item.pieces;

function contentOf(item: AnswerBytes, blobs: Blobs): AnswerContent {
  const { inline } = item;
  const read = (): AsyncIterable<Uint8Array> =>
    inline ? once(inline) : blobs.read(item.content.sha256, item.range.start, item.range.end);
  return { source: { size: item.size, read }, encoding: item.as === 'text' ? 'utf-8' : 'base64' };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
