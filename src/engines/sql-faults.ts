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

/** The answer to a write whose commit may or may not have happened. */
export const outcomeUnknown = (): Fault =>
  new Fault('UNAVAILABLE', 'The answer to the commit was lost: the outcome is unknown. Read before writing again.', {
    outcome: 'unknown',
  });
