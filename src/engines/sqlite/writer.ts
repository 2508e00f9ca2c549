/**
 * Group commit. Writes that queued up while the last commit was being synced run in one transaction, which is committed
 * once and synced once (synchronous=FULL: SQLite syncs the WAL before any reader sees the commit); then all are answered.
 * A write that throws leaves nothing behind and disturbs no other. Most that throw have changed nothing by then. Where
 * one has, the transaction is rolled back and all of it runs again, each write in a savepoint: savepoints for every batch
 * would take a fifth of the writer's time, as SQLite copies each page that a write touches.
 *
 * The commit blocks its thread, so the writer lives in a thread that serves nothing else. The write lock is held for one
 * batch only and is waited for by a timer, so several processes of one machine may share the file.
 *
 * A full disk rolls back. Then the reserve is given up, writes that grow the store are refused until it could be made
 * again, and the others have its room. A commit that fails in any other way may or may not be on disk: its writes are
 * told so, and nothing is written any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import { type Foresight, noCommits, type WriteHint } from '../../ports/sql.ts';
import { answerAll, countCommit, rejectAll, type Settled, type Waiting, waitIn } from '../batch.ts';
import { diskFull, outcomeUnknown } from '../sql-faults.ts';
import { Checkpoints } from './checkpoint.ts';
import { type Connection, isBusy, isFull, SqliteTx } from './connection.ts';
import { Pending } from './pending.ts';
import { Reserve } from './reserve.ts';

/** Writes of one group commit at most, so that the first of them does not wait for ever. */
const BATCH_WRITES_MAX = 512;
/** Up to so many go together; of more than that, half: while they are written, the event loop makes what comes next. */
const BATCH_WRITES_WHOLE = 16;
/** Milliseconds between two tries to take the write lock from another process. */
const LOCK_RETRY_MS = 2;

interface Queued extends Waiting<SqliteTx> {
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  readonly grows: boolean;
  readonly foresight: readonly Foresight[] | undefined;
  /** Gets a transaction of its own: there was no room for it together with others. */
  readonly alone: boolean;
}

type Done = Settled<Queued>;

export interface WriterOptions {
  /** Path of the database. */
  readonly file: string;
  /** How long a write waits for another process that holds the write lock. */
  readonly busyMs: number;
  /** Called once when writing has ended for good; the process has to stop. */
  readonly onBroken: (reason: unknown) => void;
}

export class Writer {
  readonly commits = noCommits();
  private readonly connection: Connection;
  private readonly options: WriterOptions;
  private readonly reserve: Reserve;
  private readonly checkpoints: Checkpoints;
  private queue: Queued[] = [];
  private pumping: Promise<void> | undefined;
  private broken = false;
  /** Since when another process holds the write lock, as far as was seen. */
  private heldSince: number | undefined;

  constructor(connection: Connection, options: WriterOptions) {
    this.connection = connection;
    this.options = options;
    this.reserve = new Reserve(options.file);
    this.checkpoints = new Checkpoints({ file: options.file, onBroken: (reason) => this.breakDown(reason) });
  }

  write<T>(work: (tx: SqliteTx) => Promise<T>, hint?: WriteHint): Promise<T> {
    if (this.broken) return Promise.reject(stopping());
    return waitIn((waiting: Waiting<SqliteTx>) => {
      this.queue.push({
        ...waiting,
        since: performance.now(),
        grows: hint?.grows === true,
        foresight: hint?.foresight,
        alone: false,
      });
      this.pumping ??= this.pump();
    }, work);
  }

  /** Waits for what is queued or running, then ends the checkpoints; the connection is left to its owner. */
  async close(): Promise<void> {
    await this.pumping;
    await this.checkpoints.close();
  }

  private async pump(): Promise<void> {
    while (this.queue.length > 0) {
      // One turn of the event loop, so that everything already sent to this thread joins the batch.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.nextBatch();
      try {
        await this.checkpoints.betweenCommits(this.connection);
        if (batch.length > 0) await this.runBatch(batch);
      } catch (thrown) {
        this.breakDown(thrown);
        rejectAll(
          batch.map((waiting) => ({ waiting })),
          outcomeUnknown(),
        );
      }
    }
    this.pumping = undefined;
  }

  /** The writes whose turn it is. Those that would grow the store are answered here while the disk is full. */
  private nextBatch(): Queued[] {
    const stop = this.queue.findIndex(({ alone }) => alone);
    const most = Math.min(BATCH_WRITES_MAX, Math.max(BATCH_WRITES_WHOLE, Math.ceil(this.queue.length / 2)));
    const together = stop < 0 ? most : Math.min(stop, most);
    const batch = this.queue.splice(0, Math.max(1, together));
    if (!batch.some(({ grows }) => grows) || this.reserve.isKept()) return batch;
    for (const { grows, reject } of batch) if (grows) reject(diskFull());
    return batch.filter(({ grows }) => !grows);
  }

  private async runBatch(batch: Queued[]): Promise<void> {
    if (!(await this.open(batch))) return;
    let settled = await this.runTogether(batch);
    if (!settled && (await this.open(batch))) settled = await this.runApart(batch);
    if (settled) this.commit(settled);
  }

  /** Begins a transaction; false where that cannot be, which the writes have been told. */
  private async open(batch: Queued[]): Promise<boolean> {
    try {
      while (batch.length > 0) {
        if (this.begin()) return true;
        this.queue = this.waitOn(this.queue);
        batch.splice(0, batch.length, ...this.waitOn(batch));
        if (batch.length > 0) await sleep(LOCK_RETRY_MS);
      }
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown;
      this.noRoom(batch);
    }
    return false;
  }

  /** Without savepoints; undefined, and all rolled back, where one of them would have needed its own. */
  private async runTogether(batch: Queued[]): Promise<Done[] | undefined> {
    const settled: Done[] = [];
    const pending = new Pending();
    await lookUpTogether(batch, new SqliteTx(this.connection, { pending }));
    for (const waiting of batch) {
      const tx = new SqliteTx(this.connection, { pending });
      try {
        settled.push({ waiting, value: await waiting.work(tx) });
      } catch (reason) {
        settled.push({ waiting, failure: { reason } });
        if (tx.wrote || !this.connection.db.isTransaction) return this.undo();
      }
    }
    try {
      new SqliteTx(this.connection, { pending }).flush();
      return settled;
    } catch {
      // Whose row it was shows when each runs by itself.
      return this.undo();
    }
  }

  private undo(): undefined {
    if (this.connection.db.isTransaction) this.connection.exec('ROLLBACK');
  }

  /** Each in a savepoint; undefined where the transaction is gone and all has been seen to. */
  private async runApart(batch: Queued[]): Promise<Done[] | undefined> {
    const settled: Done[] = [];
    for (const waiting of batch) {
      settled.push(await this.runOne(waiting));
      // A full disk or an I/O error may roll the whole transaction back; what ran before is then undone too.
      if (this.connection.db.isTransaction) continue;
      this.afterRollback(settled, batch);
      return undefined;
    }
    return settled;
  }

  /** False where another process holds the write lock. */
  private begin(): boolean {
    try {
      this.connection.exec('BEGIN IMMEDIATE');
    } catch (thrown) {
      if (!isBusy(thrown)) throw thrown;
      this.heldSince ??= performance.now();
      return false;
    }
    this.heldSince = undefined;
    return true;
  }

  /** Those of them that may wait on; the others have waited for the lock as long as they may, and are told so. */
  private waitOn(waiting: readonly Queued[]): Queued[] {
    const last = performance.now() - this.options.busyMs;
    const isOver = ({ since }: Queued): boolean => Math.max(since, this.heldSince ?? since) < last;
    for (const one of waiting) if (isOver(one)) one.reject(lockHeld());
    return waiting.filter((one) => !isOver(one));
  }

  private async runOne(waiting: Queued): Promise<Done> {
    this.connection.exec('SAVEPOINT w');
    const tx = new SqliteTx(this.connection, { pending: new Pending() });
    try {
      const value = await waiting.work(tx);
      tx.flush();
      this.connection.exec('RELEASE w');
      return { waiting, value };
    } catch (reason) {
      if (this.connection.db.isTransaction) {
        this.connection.exec('ROLLBACK TO w');
        this.connection.exec('RELEASE w');
      }
      return { waiting, failure: { reason } };
    }
  }

  /** Answers the write that broke the batch and runs the others again. */
  private afterRollback(settled: Done[], batch: Queued[]): void {
    const culprit = settled.at(-1);
    const reason = culprit?.failure?.reason;
    if (isFull(reason)) {
      this.noRoom(batch);
      return;
    }
    culprit?.waiting.reject(reason);
    this.queue.unshift(...batch.filter((waiting) => waiting !== culprit?.waiting));
  }

  private commit(settled: Done[]): void {
    const began = performance.now();
    try {
      this.connection.exec('COMMIT');
    } catch (thrown) {
      if (isFull(thrown)) {
        if (this.connection.db.isTransaction) this.connection.exec('ROLLBACK');
        this.noRoom(settled.map(({ waiting }) => waiting));
        return;
      }
      this.breakDown(thrown);
      rejectAll(settled, outcomeUnknown());
      return;
    }
    countCommit(this.commits, { began, writes: settled.length });
    const short = settled.filter(({ failure }) => isFull(failure?.reason));
    answerAll(settled.filter((one) => !short.includes(one)));
    if (short.length > 0) this.noRoom(short.map(({ waiting }) => waiting));
    this.checkpoints.committed();
  }

  /** Nothing of these writes happened. They get the room of the reserve, then each its own try, then the answer. */
  private noRoom(batch: Queued[]): void {
    const [first] = batch;
    if (this.reserve.release()) this.queue.unshift(...batch);
    else if (batch.length > 1) this.queue.unshift(...batch.map((waiting) => ({ ...waiting, alone: true })));
    else first?.reject(diskFull());
  }

  private breakDown(reason: unknown): void {
    if (this.broken) return;
    this.broken = true;
    for (const waiting of this.queue.splice(0)) waiting.reject(stopping());
    this.options.onBroken(reason);
  }
}

/** Looks up what several writes foresee. */
async function lookUpTogether(batch: readonly Queued[], tx: SqliteTx): Promise<void> {
  const wanted = new Map<Foresight['lookUp'], { readonly keys: Set<string>; writes: number }>();
  for (const { lookUp, keys } of batch.flatMap(({ foresight }) => foresight ?? [])) {
    const known = wanted.get(lookUp);
    if (!known) wanted.set(lookUp, { keys: new Set(keys), writes: 1 });
    else {
      for (const key of keys) known.keys.add(key);
      known.writes++;
    }
  }
  for (const [lookUp, { keys, writes }] of wanted) if (writes > 1) await lookUp(tx, [...keys]);
}

/** The answer to a write that was never begun. */
const stopping = (): Fault =>
  new Fault('UNAVAILABLE', 'The server has to stop after a failure of the disk; nothing was written.', {
    reason: 'stopping',
  });

const lockHeld = (): Fault =>
  new Fault('UNAVAILABLE', 'Another process holds the database; try again.', { reason: 'busy' });
