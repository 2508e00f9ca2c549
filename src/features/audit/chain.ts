/**
 * The chain of the audit log. Guarantees: each row's hash is made of the hash before it, of where the row stands and of all
 * it says, under a key, so that whoever changes, removes, inserts or moves a row without that key breaks the chain there.
 * One SHA-256 a row: the key stands at both ends, as in an envelope, so nothing can be appended to what is hashed.
 */
import { hash } from 'node:crypto';

/** `changes`: rows of `audit`; `reads`: calls that changed nothing. */
export const LOGS = ['changes', 'reads'] as const;
export type LogName = (typeof LOGS)[number];

/** The hash before the first row. */
export const BEGINNING = '';

/** Where a row stands. */
export interface Place {
  readonly log: LogName;
  readonly zone_id: string;
  readonly n: number;
}

/** What a row goes on from, and what it says. */
export interface Link {
  readonly before: string;
  readonly line: string;
}

export const rowHash = (key: string, { log, zone_id, n }: Place, { before, line }: Link): string =>
  hash('sha256', `${key}\n${before}\n${log} ${zone_id} ${n}\n${line}\n${key}`, 'base64url');

/** Up to where a log was pruned. */
export interface Checkpoint extends Place {
  /** Of the last row that was pruned. */
  readonly at: number;
  readonly hash: string;
}

export const signatureOf = (key: string, { log, zone_id, n, at, hash: last }: Checkpoint): string =>
  hash('sha256', `${key}\ncheckpoint ${log} ${zone_id} ${n} ${at} ${last}\n${key}`, 'base64url');
