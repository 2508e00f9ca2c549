/**
 * What a file holds, by its modality (corpus.md §5). Guarantees: whatever the bytes are, it ends, as a result or as a Fault that is
 * the outcome of the file; what may take long or is not to be trusted runs in a computing thread, with bounded time and memory.
 */

import { Fault } from '../../../base/faults.ts';
import type { Computing, Task } from '../../../core/call/computing.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import { cleanUtf8 } from '../text/decode.ts';
import { countOf } from '../text/rules.ts';
import { textSegments } from '../text/segments.ts';
import { extractAudio } from './audio.ts';
import { type ExtractAsked, type Extracted, extractedText } from './extracted.ts';
import { extractImage } from './image.ts';
import { extractPdf, notReadable } from './pdf.ts';

/** Milliseconds for one file. A PDF of 10,000 pages takes half a minute. */
const LONGEST_MS = 300_000;

export const extractTask: Task<ExtractAsked, Extracted> = {
  name: 'corpus.extract',
  compute: extract,
  takes: ({ bytes: { buffer, byteLength } }) =>
    byteLength > AT_ONCE_BYTES && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer ? [buffer] : [],
};

/**
 * Bytes of more than 64 KiB that have a buffer to themselves are given away: nothing of them is left.
 * @throws Fault `Not a readable PDF: …`, `Text is larger than …`, `PDF has more than …`: the outcome of the file
 */
export async function extractBeside(
  { computing, signal }: { readonly computing: Computing; readonly signal: AbortSignal },
  asked: ExtractAsked,
): Promise<Extracted> {
  const isQuick = asked.modality === 'binary' || (asked.modality === 'text' && asked.bytes.length <= AT_ONCE_BYTES);
  if (isQuick) return extract(asked);
  const timeout = AbortSignal.timeout(LONGEST_MS);
  try {
    return await computing.run(extractTask, asked, AbortSignal.any([signal, timeout]));
  } catch (thrown) {
    signal.throwIfAborted();
    const reason = timeout.aborted ? `it took longer than ${LONGEST_MS / 1000} s` : ownReason(thrown);
    if (reason === undefined) throw thrown;
    throw asked.modality === 'pdf' ? notReadable(reason) : new Fault('BAD_REQUEST', `Not readable: ${reason}`);
  }
}

/** Why its thread was gone, if that was for this file. */
function ownReason(thrown: unknown): string | undefined {
  if (!(thrown instanceof Fault) || thrown.code !== 'UNAVAILABLE') return undefined;
  if (thrown.data.reason === 'memory') return 'it takes more memory than it may';
  return thrown.data.reason === 'died' ? 'reading it fails' : undefined;
}

export async function extract(asked: ExtractAsked): Promise<Extracted> {
  switch (asked.modality) {
    case 'text':
      return extractText(asked);
    case 'pdf':
      return extractPdf(asked);
    case 'image':
      return extractImage(asked);
    case 'audio':
      return extractAudio(asked);
    case 'binary':
      return { status: 'pending', text: null, segments: {}, warning: null };
  }
}

function extractText({ bytes, limits }: ExtractAsked): Extracted {
  const { text, ...extracted } = extractedText(cleanUtf8(bytes), limits);
  const char_count = extracted.characters;
  const line_count = countOf(text, '\n') + 1;
  return {
    status: char_count > 0 ? 'complete' : 'partial',
    text: extracted,
    segments: { line_count, char_count, ...textSegments(text, false) },
    warning: null,
  };
}
