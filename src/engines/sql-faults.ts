/** Faults that both SQL engines answer with. */
import { Fault } from '../base/faults.ts';

export const diskFull = (): Fault =>
  new Fault('UNAVAILABLE', 'The disk is full: the write was rolled back. Free space or delete files, then try again.', {
    reason: 'disk_full',
  });

/** The answer to a write whose commit may or may not have happened. */
export const outcomeUnknown = (): Fault =>
  new Fault('UNAVAILABLE', 'The answer to the commit was lost: the outcome is unknown. Read before writing again.', {
    outcome: 'unknown',
  });
