/** From the answer of an operation to the body of a wire. Guarantees: a text by reference is whole characters. */
import { isUtf8 } from 'node:buffer';
import { Fault } from '../base/faults.ts';
import { AnswerBytes } from './call/answer-bytes.ts';
import type { Present } from './call/bindings.ts';
import type { Answer } from './invoke.ts';
import type { Server } from './server.ts';

/** A promise where something has to be looked at. */
export function presented(
  server: Pick<Server, 'blobs'>,
  binding: { readonly present?: Present<unknown> },
  answer: Answer,
): unknown {
  if (!binding.present) return answer.output;
  const body = binding.present(answer.output, answer.input);
  // Only an answer that is a text by itself may be a range of one.
  if (!(body instanceof AnswerBytes && body.as === 'text')) return body;
  return requireWholeCharacters(server, body).then(() => body);
}

/** NOT_TEXT where a range of a valid text begins or ends inside a character. */
async function requireWholeCharacters({ blobs }: Pick<Server, 'blobs'>, text: AnswerBytes): Promise<void> {
  if (text.size === 0 || (text.inline && isUtf8(text.inline))) return;
  const { content, range } = text;
  for (const edge of [range.start, range.end]) {
    if (edge === 0 || edge === content.size) continue;
    const read = content.inline ? [content.inline.subarray(edge)] : blobs.read(content.sha256, edge, edge + 1);
    for await (const [byte] of read) {
      if (isContinuation(byte!)) throw new Fault('NOT_TEXT', `Byte ${edge} lies inside a character; move the range`);
    }
  }
}

/** Bytes of a UTF-8 character behind its first (RFC 3629 §3). */
const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
