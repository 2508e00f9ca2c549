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
import { type Connection, diskFull, isBusy, isFull, SqliteTx } from './connection.ts';

/** Writes of one group commit at most, so that the first of them does not wait for ever. */
const BATCH_WRITES_MAX = 512;
/** Milliseconds between two tries to take the write lock from another process. */
const LOCK_RETRY_MS = 2;

interface Waiting {
  readonly work: (tx: SqliteTx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How a write of the open batch ended, before the commit decides for all. */
interface Settled {
  readonly waiting: Waiting;
  readonly value?: unknown;
  readonly failure?: { readonly reason: unknown };
}

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
  private queue: Waiting[] = [];
  private pumping: Promise<void> | undefined;
  private broken = false;

  constructor(connection: Connection, options: WriterOptions) {
    this.connection = connection;
    this.options = options;
  }

  write<T>(work: (tx: SqliteTx) => Promise<T>): Promise<T> {
    if (this.broken) return Promise.reject(outcomeUnknown());
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.pumping ??= this.pump();
    });
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

  private async runBatch(batch: Waiting[]): Promise<void> {
    const began = await this.begin();
    if (began) {
      for (const waiting of batch) waiting.reject(began);
      return;
    }
    const settled: Settled[] = [];
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

  private async runOne(waiting: Waiting): Promise<Settled> {
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
  private afterRollback(settled: Settled[], rest: Waiting[]): void {
    const culprit = settled.pop();
    culprit?.waiting.reject(culprit.failure?.reason);
    this.queue.unshift(...settled.map((one) => one.waiting), ...rest);
  }

  private commit(settled: Settled[]): void {
    try {
      this.connection.exec('COMMIT');
    } catch (thrown) {
      if (isFull(thrown)) {
        this.commitFull(settled);
        return;
      }
      this.broken = true;
      for (const { waiting } of settled) waiting.reject(outcomeUnknown());
      this.options.onBroken(thrown);
      return;
    }
    this.commits++;
    this.writes += settled.length;
    for (const one of settled) {
      if (one.failure) one.waiting.reject(one.failure.reason);
      else one.waiting.resolve(one.value);
    }
  }

  /** No room for the commit record: nothing of the batch happened. Writes are tried singly, smaller ones may still fit. */
  private commitFull(settled: Settled[]): void {
    if (this.connection.db.isTransaction) this.connection.exec('ROLLBACK');
    for (const one of settled) one.waiting.reject(one.failure?.reason ?? diskFull());
  }
}

/** The answer to a write whose commit may or may not be on disk. */
const outcomeUnknown = (): Fault =>
  new Fault('UNAVAILABLE', 'The sync of the commit failed: the outcome is unknown. Read before writing again.', {
    outcome: 'unknown',
  });
