/** The shapes in which content is answered over JSON-RPC (files.md §7, below the table of methods). */
import { isUtf8 } from 'node:buffer';
import { AnswerBytes, bytesMarker } from '../../core/call/answer-bytes.ts';
import { notText, type ReadInput, type ReadOutput } from './read-shapes.ts';

const bytesOf = (output: ReadOutput, as: 'base64' | 'text'): AnswerBytes =>
  new AnswerBytes(output.content, { start: output.start, end: output.end }, as);

/** `read`: as stored, or as `encoding` and `return_metadata` ask. */
export function presentRead(output: ReadOutput, input: unknown): unknown {
  const { encoding, return_metadata } = input as Pick<ReadInput, 'encoding' | 'return_metadata'>;
  const { file } = output;
  if (return_metadata) {
    const { path, etag, version, size, modified_at, content_type, metadata } = file;
    const content = bytesMarker(bytesOf(output, 'base64'));
    return { content, encoding: file.encoding, path, etag, version, size, modified_at, content_type, metadata };
  }
  return presentContent(output, encoding);
}

/** The content alone: marker, text, or the base64 object. */
export function presentContent(output: ReadOutput, encoding: ReadInput['encoding']): unknown {
  if (encoding === 'utf-8') return textOf(output);
  if (encoding === 'bytes' || (encoding === undefined && output.file.encoding === 'utf-8')) {
    return bytesMarker(bytesOf(output, 'base64'));
  }
  const { path, etag, version, size, modified_at } = output.file;
  return { content: bytesOf(output, 'base64'), encoding: 'base64', path, etag, version, size, modified_at };
}

/** The text of the range; NOT_TEXT if it is none. A range of inline bytes is checked by itself: it may cut a character. */
function textOf(output: ReadOutput): AnswerBytes {
  const bytes = bytesOf(output, 'text');
  const whole = bytes.inline;
  if (whole ? !isUtf8(whole) : !output.utf8) throw notText(output.file.path);
  return bytes;
}
