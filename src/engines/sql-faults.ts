/** Faults that both SQL engines answer with. */
import { Fault } from '../base/faults.ts';

export const diskFull = (): Fault =>
  new Fault('UNAVAILABLE', 'The disk is full: the write was rolled back. Free space or delete files, then try again.', {
    reason: 'disk_full',
  });

/** A statement names what the schema does not have: it is behind the program (infrastructure.md §14, mode `off`). */
export function schemaBehind(cause: unknown): Fault {
  const fault = new Fault('UNAVAILABLE', 'The schema of the database is behind this program: run nexus migrate.', {
    reason: 'schema',
  });
  fault.cause = cause;
  return fault;
}

/** Seconds after which a client may try again. */
const RETRY_SECONDS = 2;

/** The answer to whoever comes while the state is replaced (workflows.md §13). */
export const restoring = (): Fault =>
  new Fault('UNAVAILABLE', 'The state is being replaced by that of a backup; try again soon', {
    reason: 'restoring',
    retry_after: RETRY_SECONDS,
  });

/** The answer to a write whose commit may or may not have happened. */
export const outcomeUnknown = (): Fault =>
  new Fault('UNAVAILABLE', 'The answer to the commit was lost: the outcome is unknown. Read before writing again.', {
    outcome: 'unknown',
  });
