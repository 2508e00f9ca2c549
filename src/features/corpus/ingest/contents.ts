/** Atoms of a text, computed beside the event loop where it is much (corpus.md §6). */
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import type { JobRun } from '../../jobs/job-types.ts';
import { type SplitAsked, type SplitPiece, split, splitText } from '../text/split.ts';

/** Pieces of blocks, as they are made. */
export const splitBeside = (
  { tools, signal }: Pick<JobRun, 'tools' | 'signal'>,
  asked: SplitAsked,
): Iterable<SplitPiece> | AsyncIterable<SplitPiece> =>
  asked.text.byteLength > AT_ONCE_BYTES ? tools.computing.stream(split, asked, signal) : splitText(asked);
