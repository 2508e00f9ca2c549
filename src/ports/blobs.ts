/**
 * Blobs: immutable bytes named by their SHA-256. What every engine guarantees is written at {@link Blobs} and held by
 * the suite in blobs.contract.ts.
 */
import { strict as assert } from 'node:assert';
import { Fault } from '../base/faults.ts';
import type { Stage } from './stage.ts';

/** Bytes to store, readable any number of times. */
export interface BlobSource {
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes [start, end), in pieces of any size. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** The same in pieces that are gone when the next one is asked for: for who is done with each by then. */
  lend?(start: number, end: number): AsyncIterable<Uint8Array>;
}

/**
 * A store of blobs. A hash that is not 64 lower-case hex digits is an AssertionError everywhere. Calls for one blob take
 * effect in the order in which they were made.
 */
export interface Blobs {
  /**
   * Stores a blob; durable when it resolves. Storing what is there again is cheap, does not read the source, and is
   * just as durable. BLOB_MISMATCH when size or hash of the source are not what it says; nothing is left then, nor
   * after any other failure. Fault UNAVAILABLE with `reason: 'disk_full'` when there is no room.
   */
  put(source: BlobSource): Promise<void>;

  /**
   * Bytes [start, end) with 0 ≤ start ≤ end ≤ size, in fresh pieces of at most {@link BLOB_PIECE_BYTES}; one piece is
   * held at a time. From its first piece on, a read ends well even when the blob is deleted meanwhile. BLOB_MISSING for
   * an unknown hash, also when the range is empty; BLOB_DAMAGED when the store has fewer bytes than asked for, or cannot read
   * them while it reads others.
   */
  read(sha256: string, start: number, end: number): AsyncIterable<Uint8Array>;

  has(sha256: string): Promise<boolean>;

  /** Bytes that are not known as a whole yet. */
  readonly stage: Stage;

  /** Deletes a blob, or finds it gone. */
  delete(sha256: string): Promise<void>;

  /**
   * Takes a blob whose bytes are not its own away from its name, so that the same content can be stored again, and keeps
   * them, up to the next time: for people, who find them by its hash below `damaged`. What is gone, or never was, stays gone.
   */
  setAside(sha256: string): Promise<void>;

  /** Waits for puts and deletes under way; a read that has begun goes on. Later calls are assertion errors. */
  close(): Promise<void>;
}

export const BLOB_PIECE_BYTES = 64 * 1024;

/** Seconds after which a store that failed is worth another call. */
const RETRY_SECONDS = 5;

/** The store does not answer, is not there, or has no room; what it said itself is for the log. */
export function blobsFault(reason: 'blobs' | 'disk_full', cause: unknown): Fault {
  const what =
    reason === 'blobs'
      ? 'The store of the blobs is out of reach; try again.'
      : 'The store of the blobs is full; nothing was stored. Make room in it, then try again.';
  const fault = new Fault('UNAVAILABLE', what, { reason, retry_after: RETRY_SECONDS });
  fault.cause = cause;
  return fault;
}

export type BlobErrorCode = 'BLOB_MISSING' | 'BLOB_MISMATCH' | 'BLOB_DAMAGED';

export class BlobError extends Error {
  readonly code: BlobErrorCode;

  constructor(code: BlobErrorCode, message: string) {
    super(message);
    this.name = 'BlobError';
    this.code = code;
  }
}

/** Keeps everything but a hash from becoming part of a path or key. */
export function assertBlobHash(sha256: string): void {
  assert(/^[0-9a-f]{64}$/.test(sha256), `${JSON.stringify(sha256)} is not a SHA-256 in lower-case hex`);
}
