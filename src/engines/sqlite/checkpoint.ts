/**
 * Checkpoints beside the writing. Guarantees: copying and syncing the database happen in a thread of their own
 * (checkpoint-thread.ts), which no read waits for, and a commit only while the WAL is at {@link WAL_BYTES_MOST}: then
 * more is written than the disk takes twice. It does not grow past that by more than a commit, unless a read holds an
 * old snapshot or the disk is full.
 *
 * While commits follow each other without a pause, the WAL is never wholly copied and so never begun again. Then the
 * writer itself copies the little that the thread has left, between two commits, and the WAL begins again. Measured with
 * 64 writers of 1 KiB rows for 10 s: 10,000 to 20,000 writes a second and a WAL of up to 81 MiB; with SQLite's own
 * checkpoints in the commit 5,700 to 7,500 writes and 4 MiB; with passes alone the WAL was at 430 to 710 MiB at the end.
 */
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { CheckpointJob, PassReport } from './checkpoint-thread.ts';
import { type Connection, isFull } from './connection.ts';

/** A WAL file that never reached this is left alone: the last connection to close copies it. */
const PASS_BYTES_MIN = 4 * 1024 * 1024;
/** Milliseconds from the end of a pass to the next. */
const PASS_EVERY_MS = 250;
/** Pages of 4 KiB in the WAL, 32 MiB, from which on it is begun again. */
export const RESTART_PAGES = 8_192;

/** Bytes of the WAL's file at which the next commit waits for the pass at work. More than the file keeps when begun again. */
const WAL_BYTES_MOST = 96 * 1024 * 1024;

export interface CheckpointOptions {
  /** Path of the database. */
  readonly file: string;
  readonly onBroken: (reason: unknown) => void;
}

export class Checkpoints {
  private readonly options: CheckpointOptions;
  private thread: Worker | undefined;
  private ended: Promise<unknown> = Promise.resolve();
  private passing = false;
  private passed = Promise.withResolvers<void>();
  private tooLarge = false;
  private nextPassAt = 0;
  private restartDue = false;

  constructor(options: CheckpointOptions) {
    this.options = options;
  }

  /** To be called after each commit. */
  committed(): void {
    const size = statSync(`${this.options.file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    this.tooLarge = size >= WAL_BYTES_MOST;
    if (this.passing || size < PASS_BYTES_MIN) return;
    if (!this.tooLarge && performance.now() < this.nextPassAt) return;
    this.passing = true;
    this.passed = Promise.withResolvers();
    this.thread ??= this.start();
    this.thread.postMessage('pass' satisfies CheckpointJob);
  }

  /** To be called on the writing connection between two transactions. */
  async betweenCommits(writing: Connection): Promise<void> {
    if (this.tooLarge && this.passing) await this.passed.promise;
    if (!this.restartDue) return;
    this.restartDue = false;
    try {
      // A read of an old snapshot, or another process at work, lets it be for now: the next pass asks again.
      writing.prepare('PRAGMA wal_checkpoint(RESTART)').get();
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown;
    }
  }

  async close(): Promise<void> {
    this.thread?.postMessage('close' satisfies CheckpointJob);
    await this.ended;
  }

  private start(): Worker {
    const { file, onBroken } = this.options;
    const thread = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), { workerData: { file } });
    thread.on('message', ({ pages }: PassReport) => {
      this.passing = false;
      this.nextPassAt = performance.now() + PASS_EVERY_MS;
      this.restartDue = pages >= RESTART_PAGES;
      this.passed.resolve();
    });
    thread.on('error', onBroken);
    this.ended = new Promise((resolve) => thread.once('exit', resolve));
    this.ended.then(() => this.passed.resolve());
    return thread;
  }
}
