/** The refusal of a text of a branch that is larger than the texts that this server keeps. */
import type { Fault } from '../../../../base/faults.ts';
import { limitExceeded } from '../../../../base/limits.ts';

/** Bytes, or characters where there are already more of them than bytes may be. */
export const tooLong = (actual: number, maximum: number): Fault =>
  limitExceeded('INGEST_TEXT_BYTES', maximum, { actual, what: 'the text of a branch' });
