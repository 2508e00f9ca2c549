/** What a file holds, and its atoms: computed beside the event loop where it is much (corpus.md §5, §6). */
import type { JobRun } from '../../jobs/job-types.ts';
import type { ModalityStatus } from '../documents/documents.sql.ts';
import type { Modality } from '../plugins/plugin.ts';
import { decodeText } from '../text/decode.ts';
import { countCharacters } from '../text/rules.ts';
import { textSegments } from '../text/segments.ts';
import { type SplitAsked, type SplitPiece, split, splitText } from '../text/split.ts';

/** Bytes up to which it is computed where it is. */
const AT_ONCE_BYTES = 64 * 1024;

export interface FileBytes {
  readonly modality: Modality;
  readonly bytes: Uint8Array;
  readonly filename: string;
  readonly checksum: string;
  readonly size: number;
}

export interface Extracted {
  readonly status: ModalityStatus;
  readonly text: string | null;
  readonly segments: Readonly<Record<string, unknown>>;
  /** What could not be read. */
  readonly warning?: string;
}

export async function extract(_run: JobRun, { bytes }: FileBytes): Promise<Extracted> {
  const text = decodeText(bytes);
  const char_count = countCharacters(text);
  const segments = { line_count: text.split('\n').length, char_count, ...textSegments(text, false) };
  return { status: char_count > 0 ? 'complete' : 'partial', text, segments };
}

/** Pieces of blocks, as they are made. */
export const splitBeside = (
  { tools, signal }: JobRun,
  asked: SplitAsked,
): Iterable<SplitPiece> | AsyncIterable<SplitPiece> =>
  asked.text.byteLength > AT_ONCE_BYTES ? tools.computing.stream(split, asked, signal) : splitText(asked);
