/**
 * Bytes of a call that are too large for the heap, in temporary files. Guarantees: a spool has no name on disk once it
 * is open, so a crash leaves nothing behind; every byte is reserved in the budget before it is kept and released
 * exactly once; closing the room of a call frees whatever that call spooled. Nothing is synced: a spool never outlives
 * the process.
 */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { release } from '../../../base/byte-memory.ts';
import { Fault } from '../../../base/faults.ts';
import { isDiskFull } from '../../../base/system-error.ts';
import { Utf8Check } from '../../../base/utf8.ts';

/** One buffer fills while the other is on its way to the disk. 256 KiB: larger ones were not faster. */
const BUFFER_BYTES = 256 * 1024;

/** What a reader holds. Pieces of 256 KiB were read nearly twice as fast and took twice the resident memory. */
const READ_BYTES = 64 * 1024;

const PREFIX = 'spool-';
/** The name that a spool has while it is being opened. */
export const SPOOL_NAME = new RegExp(`^${PREFIX}`);

/** Where spools go, and who counts their bytes. */
export interface SpoolHome {
  readonly directory: string;
  /** Takes bytes from the budget, or throws a Fault (UNAVAILABLE) and takes none. */
  reserve(bytes: number): void;
  release(bytes: number): void;
}

/** Bytes that were spooled, readable any number of times until `close`. */
export interface SpooledBytes {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Are they valid UTF-8? */
  readonly utf8: boolean;
  /** The bytes from `start` (default 0) up to but without `end` (default `size`), in fresh pieces of at most 64 KiB. */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** The same in pieces that are gone when the next one is asked for. */
  lend(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Frees disk space and budget; may be called again. */
  close(): Promise<void>;
}

/** A string of a JSON body that was too large for the heap: its unescaped UTF-8 bytes. */
export class SpooledText {
  readonly bytes: SpooledBytes;
  /** The JSON string held an escaped surrogate without its other half; U+FFFD stands in its place. */
  readonly loneSurrogate: boolean;

  constructor(bytes: SpooledBytes, loneSurrogate: boolean) {
    this.bytes = bytes;
    this.loneSurrogate = loneSurrogate;
  }
}

/** All spools of one call. */
export class SpoolRoom {
  readonly #home: SpoolHome;
  readonly #spools = new Set<Spool>();
  #closed = false;

  constructor(home: SpoolHome) {
    this.#home = home;
  }

  get home(): SpoolHome {
    return this.#home;
  }

  /** Notes an open spool; false when the room is closed already and the spool must go. */
  enter(spool: Spool): boolean {
    if (!this.#closed) this.#spools.add(spool);
    return !this.#closed;
  }

  leave(spool: Spool): void {
    this.#spools.delete(spool);
  }

  /** Removes every spool of the call, finished or not; may be called again. A promise where there are any. */
  close(): Promise<unknown> | undefined {
    this.#closed = true;
    return this.#spools.size === 0 ? undefined : Promise.all([...this.#spools].map((spool) => spool.remove()));
  }
}

/** A temporary file being written: `open`, `write` in order, each awaited, then `close` for its bytes or `remove`. */
export class Spool {
  readonly #room: SpoolRoom;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #utf8 = new Utf8Check();
  #filling = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #spare = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  /** Bytes handed to the disk: the position of the next write. */
  #flushed = 0;
  /** Bytes reserved: those handed to the disk and those in `filling`. */
  #size = 0;
  /** The write under way. It resolves, with its error if it failed, so that nobody needs to be waiting for it. */
  #writing: Promise<unknown> = Promise.resolve();
  #removed: Promise<void> | undefined;

  private constructor(room: SpoolRoom, file: FileHandle) {
    this.#room = room;
    this.#file = file;
  }

  static async open(room: SpoolRoom): Promise<Spool> {
    const path = join(room.home.directory, `${PREFIX}${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600).catch(throwStorageFault);
    const spool = new Spool(room, file);
    const known = room.enter(spool);
    try {
      await unlink(path);
      if (!known) throw new Error('the call of this spool is over');
    } catch (thrown) {
      await spool.remove();
      throw thrown;
    }
    return spool;
  }

  /** Appends a copy of `bytes`. Faults: those of the budget; UNAVAILABLE with `reason: disk_full`. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#refuseRemoved();
    this.#room.home.reserve(bytes.length);
    this.#size += bytes.length;
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + BUFFER_BYTES - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === BUFFER_BYTES) await this.#flush();
    }
  }

  /** Ends the writing and gives the bytes. */
  async close(): Promise<SpooledBytes> {
    await this.#flush();
    await this.#written();
    this.#dropBuffers();
    this.#utf8.end();
    return {
      size: this.#size,
      sha256: this.#hash.digest('hex'),
      utf8: this.#utf8.wrongAt < 0,
      read: (start = 0, end = this.#size) => this.#read(start, Math.min(end, this.#size)),
      lend: (start, end) => lent(this.#read(start, Math.min(end, this.#size))),
      close: () => this.remove(),
    };
  }

  /** Gives the bytes up, written or not; may be called again. */
  remove(): Promise<void> {
    this.#removed ??= this.#free();
    return this.#removed;
  }

  async #free(): Promise<void> {
    this.#room.leave(this);
    this.#room.home.release(this.#size);
    await this.#writing;
    this.#dropBuffers();
    await this.#file.close();
  }

  #refuseRemoved(): void {
    if (this.#removed) throw new Error('write to a removed spool');
  }

  #dropBuffers(): void {
    this.#filling = Buffer.alloc(0);
    this.#spare = this.#filling;
  }

  async #flush(): Promise<void> {
    const full = this.#filling.subarray(0, this.#filled);
    const position = this.#flushed;
    this.#flushed += full.length;
    this.#hash.update(full);
    this.#utf8.push(full);
    await this.#written();
    this.#refuseRemoved();
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filled = 0;
    this.#writing = writeAll(this.#file, full, position).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  }

  async #written(): Promise<void> {
    const thrown = await this.#writing;
    if (thrown !== undefined) throwStorageFault(thrown);
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      if (this.#removed) throw new Error('read of a closed spool');
      const piece = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new Error(`a spool of ${this.#size} bytes ends at ${at}`);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }
}

async function* lent(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece;
    release([piece]);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** A full disk is the caller's to wait for (contract files.md §2); any other failure of the disk stays what it is. */
export function throwStorageFault(thrown: unknown): never {
  if (isDiskFull(thrown)) {
    throw new Fault('UNAVAILABLE', 'No disk space is left for large bodies; try again later.', { reason: 'disk_full' });
  }
  throw thrown;
}
