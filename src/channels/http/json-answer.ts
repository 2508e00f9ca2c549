/**
 * JSON answers, in which content may stand by reference. Guarantees: an answer with no more than 1 MiB of content is one
 * text; content that is larger is streamed from where it lies, with a known length.
 */
import { AnswerBytes } from '../../core/call/answer-bytes.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { type AnswerContent, type AnswerPiece, type BigAnswer, bigAnswer } from './body/big-answer.ts';

/** Bytes of inline content that are written into the text at once. */
const INLINE_BYTES = 1024 * 1024;

export type JsonAnswer = string | BigAnswer;

/** A text that stands for the n-th reference while the rest is made. A NUL occurs in no path and no content type. */
const placeholder = (n: number): string => `\u0000bytes:${n}\u0000`;

export async function jsonAnswer(value: unknown, blobs: Blobs): Promise<JsonAnswer> {
  const references: AnswerBytes[] = [];
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (!(item instanceof AnswerBytes)) return item;
    const { inline } = item;
    if (inline && inline.byteLength <= INLINE_BYTES)
      return asBuffer(inline).toString(item.as === 'text' ? 'utf8' : 'base64');
    references.push(item);
    return placeholder(references.length - 1);
  });
  return references.length === 0 ? text : bigAnswer(splitAt(text, references, blobs));
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The text between the references, and the references, in order. */
function splitAt(text: string, references: readonly AnswerBytes[], blobs: Blobs): AnswerPiece[] {
  const parts: AnswerPiece[] = [];
  let from = 0;
  for (const [n, item] of references.entries()) {
    const mark = JSON.stringify(placeholder(n));
    const at = text.indexOf(mark, from);
    parts.push(text.slice(from, at), contentOf(item, blobs));
    from = at + mark.length;
  }
  parts.push(text.slice(from));
  return parts;
}

function contentOf(item: AnswerBytes, blobs: Blobs): AnswerContent {
  const { inline } = item;
  const read = (): AsyncIterable<Uint8Array> =>
    inline ? once(inline) : blobs.read(item.content.sha256, item.range.start, item.range.end);
  return { source: { size: item.size, read }, encoding: item.as === 'text' ? 'utf-8' : 'base64' };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
