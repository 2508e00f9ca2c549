/**
 * How far the commits of a process are durable, told to all its threads in shared memory. The writing thread commits
 * without waiting for the disk and goes on; a thread of its own (sync-thread.ts) syncs the WAL, and only then is a commit
 * answered, and seen. Guarantees: what a read is given was synced before, because it waits for the sync of the newest
 * commit that had begun when its snapshot was taken; a commit is synced after it was written, not before.
 *
 * Measured (`npm run bench -- writer`): the writing thread runs the next writes while the disk is at work.
 */
import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { stopping } from '../sql-faults.ts';

/** Commits begun, commits to be synced, commits synced, and what the syncing thread is at. They wrap around at 2³². */
const [BEGUN, WANTED, SYNCED, STATE] = [0, 1, 2, 3] as const;
export const SYNCS_BYTES = 4 * Int32Array.BYTES_PER_ELEMENT;

const [CLOSING, BROKEN] = [1, 2] as const;
/** How often who waits for a sync looks whether there will be one, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** What a read has to know of a snapshot that it has taken. */
export interface Durability {
  /** Resolves when all that a snapshot taken before this call shows is durable; undefined where it is already. */
  ofSnapshot(): Promise<void> | undefined;
}

/** The number of a commit of this process. */
export type CommitNumber = number;

export class Syncs implements Durability {
  readonly shared: SharedArrayBuffer;
  private readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.cells = new Int32Array(shared);
  }

  /** To be called before COMMIT: readers may see it from then on. */
  begin(): CommitNumber {
    return (Atomics.add(this.cells, BEGUN, 1) + 1) | 0;
  }

  /** Instead of {@link want}, where the writing thread synced the commit itself, or there came to be none. */
  done(commit: CommitNumber): void {
    Atomics.store(this.cells, SYNCED, commit);
    Atomics.notify(this.cells, SYNCED);
  }

  /** To be called after COMMIT: its pages are written, and are to be synced. */
  want(commit: CommitNumber): void {
    Atomics.store(this.cells, WANTED, commit);
    Atomics.notify(this.cells, WANTED);
  }

  isSynced(commit: CommitNumber): boolean {
    return ((Atomics.load(this.cells, SYNCED) - commit) | 0) >= 0;
  }

  ofSnapshot(): Promise<void> | undefined {
    const newest = Atomics.load(this.cells, BEGUN);
    return this.isSynced(newest) ? undefined : this.reached(newest);
  }

  /** Resolves once the commit is durable; rejects if that failed. */
  async reached(commit: CommitNumber): Promise<void> {
    for (;;) {
      const synced = Atomics.load(this.cells, SYNCED);
      if (this.isSynced(commit)) return;
      if (Atomics.load(this.cells, STATE) === BROKEN) throw stopping();
      await Atomics.waitAsync(this.cells, SYNCED, synced, LOOK_EVERY_MS).value;
    }
  }

  /** Ends the syncing thread, after one more sync. */
  end(): void {
    Atomics.store(this.cells, STATE, CLOSING);
    this.want(this.begin());
  }

  /** The work of the syncing thread, which blocks it: `sync` is called for what was committed, until the end. */
  serve(sync: () => void): void {
    let done = 0;
    try {
      while (Atomics.load(this.cells, STATE) !== CLOSING) {
        Atomics.wait(this.cells, WANTED, done);
        const wanted = Atomics.load(this.cells, WANTED);
        if (wanted === done) continue;
        sync();
        done = wanted;
        this.done(done);
      }
    } catch (thrown) {
      Atomics.store(this.cells, STATE, BROKEN);
      Atomics.notify(this.cells, SYNCED);
      throw thrown;
    }
  }
}

/** The WAL of a database as a file to be synced. SQLite has no lock on it that closing it could lose. */
export class WalFile {
  private readonly path: string;
  private descriptor: number | undefined;

  /** `file`: path of the database. */
  constructor(file: string) {
    this.path = `${file}-wal`;
  }

  /** Blocks. SQLite makes the file with the first commit, and keeps it as long as the database is open. */
  sync(): void {
    this.descriptor ??= openSync(this.path, 'r');
    fdatasyncSync(this.descriptor);
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
  }
}

/** For a process beside the one that serves the directory: it cannot know, so it syncs what each snapshot shows. */
export class OwnSyncs implements Durability {
  private readonly wal: string;

  /** `file`: path of the database. */
  constructor(file: string) {
    this.wal = `${file}-wal`;
  }

  async ofSnapshot(): Promise<void> {
    const file = await open(this.wal, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/** Starts the syncing thread; the promise resolves when it has ended. */
export function startSyncing(
  syncs: Syncs,
  { file, onBroken }: { readonly file: string; readonly onBroken: (reason: unknown) => void },
): Promise<void> {
  const workerData = { file, shared: syncs.shared };
  const thread = new Worker(new URL('./sync-thread.ts', import.meta.url), { workerData });
  thread.on('error', onBroken);
  return new Promise((resolve) => thread.once('exit', () => resolve()));
}
