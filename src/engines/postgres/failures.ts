/**
 * What goes wrong on a connection, told apart by SQLSTATE (PostgreSQL manual, appendix A). Guarantees: what a client can
 * do something about becomes a Fault that says so; no error text of PostgreSQL reaches a client, it stays as the cause.
 */
import { DatabaseError } from 'pg';
import { Fault } from '../../base/faults.ts';
import { diskFull, schemaBehind } from '../sql-faults.ts';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const DISK_FULL = '53100';
const QUERY_CANCELED = '57014';
export const UNDEFINED_TABLE = '42P01';
const UNDEFINED_COLUMN = '42703';
const READ_ONLY_TRANSACTION = '25006';
const FEATURE_NOT_SUPPORTED = '0A000';
const UNTRANSLATABLE_CHARACTER = '22P05';
const CHARACTER_NOT_IN_REPERTOIRE = '22021';

const stateOf = (thrown: unknown): string => (thrown instanceof DatabaseError ? (thrown.code ?? '') : '');

/** The transaction met another one: running it again helps. */
export const isConflict = (thrown: unknown): boolean =>
  stateOf(thrown) === SERIALIZATION_FAILURE || stateOf(thrown) === DEADLOCK_DETECTED;

/** The last thing that the server does on a connection: what it was sent behind the statement that failed so, it never did. */
export const isLastAnswer = (thrown: unknown): boolean =>
  thrown instanceof DatabaseError && thrown.severity === 'FATAL';

/** The server ends the connection after this error: restart, crash of another backend, idle too long. */
export const endsConnection = (thrown: unknown): boolean =>
  isLastAnswer(thrown) || /^(57P|08|25P03)/.test(stateOf(thrown));

/** A prepared statement was planned for columns that a migration has changed; only a new connection plans it anew. */
export const isStalePlan = (thrown: unknown): boolean =>
  stateOf(thrown) === FEATURE_NOT_SUPPORTED && thrown instanceof DatabaseError && /cached plan/.test(thrown.message);

export const outOfReach = (cause: unknown): Fault =>
  because(new Fault('UNAVAILABLE', 'The database is out of reach; try again.', { reason: 'database' }), cause);

/** The fault that an error of PostgreSQL means, or the error itself: then it is a defect of ours. */
export function faultOf(thrown: unknown): unknown {
  if (!(thrown instanceof DatabaseError)) return thrown;
  if (endsConnection(thrown)) return outOfReach(thrown);
  const state = stateOf(thrown);
  if (state === DISK_FULL) return because(diskFull(), thrown);
  if (state === UNDEFINED_TABLE || state === UNDEFINED_COLUMN) return schemaBehind(thrown);
  if (state === QUERY_CANCELED) {
    return because(new Fault('DEADLINE_EXCEEDED', 'A statement ran too long; nothing changed.'), thrown);
  }
  if (state === CHARACTER_NOT_IN_REPERTOIRE || state === UNTRANSLATABLE_CHARACTER) {
    return because(new Fault('INVALID_PARAMS', 'A text holds the character U+0000.'), thrown);
  }
  if (isConflict(thrown)) {
    return because(
      new Fault('UNAVAILABLE', 'Other calls hold what this one needs; try again.', { reason: 'busy' }),
      thrown,
    );
  }
  if (state === READ_ONLY_TRANSACTION) {
    return because(
      new Fault('UNAVAILABLE', 'The database takes no writes now; try again.', { reason: 'read_only' }),
      thrown,
    );
  }
  // Class 53: too little memory, too many connections.
  if (state.startsWith('53')) return outOfReach(thrown);
  return thrown;
}

function because(fault: Fault, cause: unknown): Fault {
  fault.cause = cause;
  return fault;
}
