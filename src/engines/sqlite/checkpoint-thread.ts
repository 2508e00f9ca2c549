/**
 * The thread that takes the checkpoints of one database, on a connection of its own: it copies what is in the WAL into
 * the database while others write and read, and never makes them wait.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ignoreNodeWarnings } from '../../base/node-warnings.ts';
import { Connection, isFull } from './connection.ts';

/** Asked for: one pass, or to close. Each is answered by one {@link PassReport}. */
export type CheckpointJob = 'pass' | 'close';

export interface PassReport {
  /** Pages that the WAL holds, those already copied included. */
  readonly pages: number;
}

/** Fewer pages than this are left for a later pass: one sync of the database should copy many. */
const PASS_PAGES_MIN = 1_000;

interface WalState {
  readonly log: number;
  readonly checkpointed: number;
}

ignoreNodeWarnings();
const port = parentPort;
if (!port) throw new Error('checkpoint-thread.ts runs as a worker thread only');
const { file } = workerData as { file: string };
const connection = new Connection(file, ['synchronous=FULL', 'wal_autocheckpoint=0']);

/** A SQLite older than 3.51 takes NOOP for PASSIVE, which costs a sync more and is right as well. */
function pass(): number {
  const before = checkpoint('NOOP');
  if (before.log - before.checkpointed < PASS_PAGES_MIN) return before.log;
  try {
    return checkpoint('PASSIVE').log;
  } catch (thrown) {
    // The WAL keeps what has no room in the database; the writer finds out when the WAL cannot grow either.
    if (isFull(thrown)) return before.log;
    throw thrown;
  }
}

const checkpoint = (mode: string): WalState =>
  connection.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as unknown as WalState;

port.on('message', (job: CheckpointJob) => {
  const report: PassReport = { pages: job === 'pass' ? pass() : 0 };
  if (job === 'close') connection.close();
  port.postMessage(report);
  if (job === 'close') port.close();
});
