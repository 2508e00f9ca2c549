/**
 * The bound on the matching of one edit call. Guarantees: matching stops with LIMIT_EXCEEDED after a number of steps
 * that depends on the request alone, so the same call has the same answer on a busy machine and on an idle one.
 *
 * One step is one word of a bit-parallel distance, or a few characters of a linear pass: about 5 ns.
 */
import { limitExceeded } from '../../../base/limits.ts';

export interface EditWork {
  readonly maximum: number;
  left: number;
}

export const startWork = (maximum: number): EditWork => ({ maximum, left: maximum });

/** Takes steps, best before they are made. */
export function spend(work: EditWork, steps: number): void {
  work.left -= steps;
  if (work.left >= 0) return;
  throw limitExceeded('EDIT_STEPS', work.maximum, {
    actual: work.maximum - work.left,
    what: 'steps of matching (quote old_str exactly, make it shorter, or send fewer edits in one call)',
  });
}
