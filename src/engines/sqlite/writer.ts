/**
 * Group commit. Writes that queued up while the last commit was being synced run as savepoints of one transaction,
 * which is committed once and synced once (synchronous=FULL: SQLite syncs the WAL before any reader sees the commit);
 * then all are answered. A write that throws is rolled back to its savepoint and disturbs no other.
 *
 * The commit blocks its thread, so the writer lives in a thread that serves nothing else. The write lock is held for one
 * batch only and is waited for by a timer, so several processes of one machine may share the file.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import { answerAll, rejectAll, type Settled, type Waiting, waitIn } from '../batch.ts';
import { diskFull, outcomeUnknown } from '../sql-faults.ts';
import { type Connection, isBusy, isFull, SqliteTx } from './connection.ts';

/** Writes of one group commit at most, so that the first of them does not wait for ever. */
const BATCH_WRITES_MAX = 512;
/** Milliseconds between two tries to take the write lock from another process. */
const LOCK_RETRY_MS = 2;

type Queued = Waiting<SqliteTx>;
type Done = Settled<Queued>;

export interface WriterOptions {
  /** How long a batch waits for the write lock of another process. */
  readonly busyMs: number;
  /** Called once when a commit failed in a way that leaves its outcome unknown; the process has to stop. */
  readonly onBroken: (reason: unknown) => void;
}

export class Writer {
  commits = 0;
  writes = 0;
  private readonly connection: Connection;
  private readonly options: WriterOptions;
  private queue: Queued[] = [];
  private pumping: Promise<void> | undefined;
  private broken = false;

  constructor(connection: Connection, options: WriterOptions) {
    this.connection = connection;
    this.options = options;
  }

  write<T>(work: (tx: SqliteTx) => Promise<T>): Promise<T> {
    if (this.broken) return Promise.reject(outcomeUnknown());
    return waitIn((waiting: Queued) => {
      this.queue.push(waiting);
      this.pumping ??= this.pump();
    }, work);
  }

  /** Resolves when nothing is queued or running. */
  async idle(): Promise<void> {
    await this.pumping;
  }

  private async pump(): Promise<void> {
    while (this.queue.length > 0) {
      // One turn of the event loop, so that everything already sent to this thread joins the batch.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.queue.splice(0, BATCH_WRITES_MAX);
      await this.runBatch(batch);
    }
    this.pumping = undefined;
  }

  private async runBatch(batch: Queued[]): Promise<void> {
    const began = await this.begin();
    if (began) {
      for (const waiting of batch) waiting.reject(began);
      return;
    }
    const settled: Done[] = [];
    for (const waiting of batch) {
      settled.push(await this.runOne(waiting));
      // A full disk or an I/O error may roll the whole transaction back; what ran before is then undone too.
      if (!this.connection.db.isTransaction) return this.afterRollback(settled, batch.slice(settled.length));
    }
    this.commit(settled);
  }

  private async begin(): Promise<Fault | undefined> {
    const deadline = performance.now() + this.options.busyMs;
    for (;;) {
      try {
        this.connection.exec('BEGIN IMMEDIATE');
        return undefined;
      } catch (thrown) {
        if (isFull(thrown)) return diskFull();
        if (!isBusy(thrown)) throw thrown;
        if (performance.now() > deadline) {
          return new Fault('UNAVAILABLE', 'Another process holds the database; try again.', { reason: 'busy' });
        }
        await sleep(LOCK_RETRY_MS);
      }
    }
  }

  private async runOne(waiting: Queued): Promise<Done> {
    this.connection.exec('SAVEPOINT w');
    try {
      const value = await waiting.work(new SqliteTx(this.connection));
      this.connection.exec('RELEASE w');
      return { waiting, value };
    } catch (reason) {
      if (this.connection.db.isTransaction) {
        this.connection.exec('ROLLBACK TO w');
        this.connection.exec('RELEASE w');
      }
      return { waiting, failure: { reason: isFull(reason) ? diskFull() : reason } };
    }
  }

  /** Answers the write that broke the batch and runs the others again. */
  private afterRollback(settled: Done[], rest: Queued[]): void {
    const culprit = settled.pop();
    culprit?.waiting.reject(culprit.failure?.reason);
    this.queue.unshift(...settled.map((one) => one.waiting), ...rest);
  }

  private commit(settled: Done[]): void {
    try {
      this.connection.exec('COMMIT');
    } catch (thrown) {
      if (isFull(thrown)) {
        this.commitFull(settled);
        return;
      }
      this.broken = true;
      rejectAll(settled, outcomeUnknown());
      this.options.onBroken(thrown);
      return;
    }
    this.commits++;
    this.writes += settled.length;
    answerAll(settled);
  }

  /** No room for the commit record: nothing of the batch happened. Writes are tried singly, smaller ones may still fit. */
  private commitFull(settled: Done[]): void {
    if (this.connection.db.isTransaction) this.connection.exec('ROLLBACK');
    for (const one of settled) one.waiting.reject(one.failure?.reason ?? diskFull());
  }
}
