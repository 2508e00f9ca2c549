/**
 * Room that is kept back on the disk of the database: a file of random bytes that nobody reads. Guarantees: when the disk
 * is full there is still room for what does not grow the store, since the file is given up for it; as long as the file is
 * missing, writes that grow the store are refused, in every process of the machine and also after a crash; it is made
 * again as soon as there is plenty of room.
 */
import { randomFillSync } from 'node:crypto';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDiskFull } from '../../base/system-error.ts';

/**
 * A delete puts about 40 KiB into the WAL, whose room is used again after a checkpoint, and leaves about 1 KiB in the
 * database: two hundred deletes before a checkpoint, and thousands with them.
 */
export const RESERVE_BYTES = 8 * 1024 * 1024;

/** The file is made only when there is as much room besides, else one write would use it up again. */
const FREE_BYTES_MIN = 2 * RESERVE_BYTES;

/** Milliseconds from finding the disk full, or from a try to make the file, to the next try. */
const RETRY_MS = 1_000;

export class Reserve {
  private readonly path: string;
  private retryAt = 0;

  /** `file`: path of the database. */
  constructor(file: string) {
    this.path = join(dirname(file), 'reserve');
  }

  /** May the store grow? */
  isKept(): boolean {
    return this.isThere() || this.make();
  }

  /** Was the room given up, with none to have it again? Looks only; the next write that grows the store may make it. */
  isLost(): boolean {
    return !this.isThere() && !this.hasRoom();
  }

  /** Gives the room up; false when there was none to give. */
  release(): boolean {
    this.retryAt = performance.now() + RETRY_MS;
    const there = statSync(this.path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.path, { force: true });
    return there;
  }

  private isThere(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.size === RESERVE_BYTES;
  }

  private hasRoom(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.path));
    return bavail * bsize >= FREE_BYTES_MIN;
  }

  private make(): boolean {
    if (performance.now() < this.retryAt) return false;
    this.retryAt = performance.now() + RETRY_MS;
    if (!this.hasRoom()) return false;
    try {
      // Random bytes: a file system that compresses would keep no room for others.
      writeFileSync(this.path, randomFillSync(Buffer.allocUnsafe(RESERVE_BYTES)), { mode: 0o600 });
      return true;
    } catch (thrown) {
      rmSync(this.path, { force: true });
      // Somebody else took the room meanwhile.
      if (isDiskFull(thrown)) return false;
      throw thrown;
    }
  }
}
