/** The shapes in which content is answered over JSON-RPC (files.md §7, below the table of methods). */
import { isUtf8 } from 'node:buffer';
import { isoTime } from '../../base/clock.ts';
import { AnswerBytes, bytesMarker } from '../../core/call/answer-bytes.ts';
import { notText, type ReadInput, type ReadOutput } from './read-shapes.ts';

const bytesOf = (output: ReadOutput, as: 'base64' | 'text'): AnswerBytes =>
  new AnswerBytes(output.content, { start: output.start, end: output.end }, as);

/** Bytes up to which content at hand is no reference: an answer of plain values alone is written in a third of the time. */
const PLAIN_BYTES = 16 * 1024;

function base64Of(output: ReadOutput): AnswerBytes | string {
  const bytes = bytesOf(output, 'base64');
  const { inline } = bytes;
  if (!inline || inline.byteLength > PLAIN_BYTES) return bytes;
  return Buffer.from(inline.buffer, inline.byteOffset, inline.byteLength).toString('base64');
}

/** `read`: as stored, or as `encoding` and `return_metadata` ask. */
export function presentRead(output: ReadOutput, input: unknown): unknown {
  const { encoding, return_metadata } = input as Pick<ReadInput, 'encoding' | 'return_metadata'>;
  if (return_metadata) {
    const content = bytesMarker(base64Of(output));
    const { encoding: stored, content_type } = output.row;
    return { content, encoding: stored, ...stateOf(output), content_type, metadata: output.metadata };
  }
  return presentContent(output, encoding);
}

/** The same for agents, who read texts as texts unless they ask for something else. */
export function presentReadTool(output: ReadOutput, input: unknown): unknown {
  const { encoding, return_metadata } = input as Pick<ReadInput, 'encoding' | 'return_metadata'>;
  const isText = encoding === undefined && !return_metadata && output.row.encoding === 'utf-8';
  return isText ? textOf(output) : presentRead(output, input);
}

/** The content alone: marker, text, or the base64 object. */
export function presentContent(output: ReadOutput, encoding: ReadInput['encoding']): unknown {
  if (encoding === 'utf-8') return textOf(output);
  if (encoding === 'bytes' || (encoding === undefined && output.row.encoding === 'utf-8')) {
    return bytesMarker(base64Of(output));
  }
  return { content: base64Of(output), encoding: 'base64', ...stateOf(output) };
}

/** What is told beside the content. */
function stateOf({ path, row }: ReadOutput): object {
  const { etag, version, size, modified_at } = row;
  return { path, etag, version, size, modified_at: isoTime(modified_at) };
}

/** The text of the range; NOT_TEXT if it is none. Whether it begins and ends between characters is seen to by who sends it. */
function textOf(output: ReadOutput): AnswerBytes {
  const bytes = bytesOf(output, 'text');
  // A part of what is no text as a whole may be one.
  const isText = output.row.utf8 === 1 || (bytes.inline !== null && isUtf8(bytes.inline));
  if (!isText) throw notText(output.path);
  return bytes;
}
