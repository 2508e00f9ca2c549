/**
 * Blobs as files of a folder. Guarantees, beside those of the port: a file has its final name only when it is whole and
 * on disk; when `put` resolves, so are its name and every folder up to the root; nobody but the owner may enter the
 * root; what a crash left half written is removed once nobody has written to it for an hour; a folder that is not the one that
 * was opened any more, since its disk is mounted no more, is UNAVAILABLE.
 *
 * `<root>/ab/cd/<hash>` for a hash that begins with abcd, `<root>/tmp` while it is written, `<root>/stage` while it grows,
 * `<root>/damaged` for what was set aside. Processes of several machines and containers may share a root, and one may open
 * it many times.
 */
import { strict as assert } from 'node:assert';
import { createHash, randomUUID } from 'node:crypto';
import { chmod, type FileHandle, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isCode, unlessMissing } from '../../base/system-error.ts';
import {
  assertBlobHash,
  BLOB_PIECE_BYTES,
  BlobError,
  type BlobSource,
  type Blobs,
  blobsFault,
} from '../../ports/blobs.ts';
import type { Stage } from '../../ports/stage.ts';
import { makeFolders } from '../folders.ts';
import { diskStage, syncFolder, throwFull } from './disk-stage.ts';
import { LEFT_AFTER_MS, removeLeftovers } from './leftovers.ts';

/**
 * - `first`: of a process, or to keep something there: the folder is made when it is missing, what was left half written goes.
 * - `beside`: another opening of this process, as a thread that comes later. Makes nothing: a folder that is missing by then
 *   is one whose disk has gone.
 * - `looking`: what is there is read. Makes and removes nothing.
 */
export type Opening = 'first' | 'beside' | 'looking';

export async function openDiskBlobs(folder: string, opening: Opening = 'first'): Promise<Blobs> {
  const root = resolve(folder);
  const unfinished = join(root, 'tmp');
  if (opening === 'first') {
    await makeRoot(root);
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await removeLeftovers(unfinished);
  }
  return new DiskBlobs({ root, unfinished, landmark: opening === 'looking' ? root : unfinished });
}

async function makeRoot(root: string): Promise<void> {
  const firstMade = makeFolders(root);
  await chmod(root, 0o700);
  for (let made = root; firstMade !== undefined; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === firstMade) break;
  }
}

interface Places {
  readonly root: string;
  readonly unfinished: string;
  readonly landmark: string;
}

class DiskBlobs implements Blobs {
  readonly stage: Stage;
  readonly #root: string;
  readonly #unfinished: string;
  /** There as long as the disk is. */
  readonly #landmark: string;
  /** For each blob being changed, the end of the last change that was asked for. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Folders that exist and whose names this process has synced. Never removed, so at most 65,792. */
  readonly #folders = new Map<string, Promise<void>>();
  #closed = false;
  /** When leftovers were looked for. */
  #tidied = Date.now();

  constructor({ root, unfinished, landmark }: Places) {
    this.#root = root;
    this.#unfinished = unfinished;
    this.#landmark = landmark;
    this.stage = diskStage({
      root: join(root, 'stage'),
      inTurn: (sha256, change) => {
        const path = this.#pathOf(sha256);
        return this.#inTurn(sha256, async () => {
          await this.#makeFolder(dirname(path));
          await change(path);
        });
      },
    });
  }

  async put(source: BlobSource): Promise<void> {
    const path = this.#pathOf(source.sha256);
    await this.#inTurn(source.sha256, async () => {
      await this.#makeFolder(dirname(path));
      if ((await sizeOf(path)) !== source.size) await this.#write(source, path);
      // Also for a file that was there: whoever renamed it may not have come to this line.
      await syncFolder(dirname(path));
    }).catch(throwFull);
  }

  async *read(sha256: string, start: number, end: number): AsyncIterable<Uint8Array> {
    assert(0 <= start && start <= end, `${start}..${end} is no range`);
    const file = await open(this.#pathOf(sha256), 'r').catch(unlessMissing);
    if (!file) {
      await this.#standing();
      throw new BlobError('BLOB_MISSING', `no blob ${sha256}`);
    }
    try {
      for (let at = start; at < end; ) {
        const piece = Buffer.allocUnsafe(Math.min(BLOB_PIECE_BYTES, end - at));
        const { bytesRead } = await file.read(piece, 0, piece.length, at).catch(unreadable(sha256, at));
        if (bytesRead === 0) throw new BlobError('BLOB_DAMAGED', `blob ${sha256} ends at byte ${at}, before ${end}`);
        at += bytesRead;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async has(sha256: string): Promise<boolean> {
    const size = await sizeOf(this.#pathOf(sha256));
    if (size === undefined) await this.#standing();
    return size !== undefined;
  }

  async delete(sha256: string): Promise<void> {
    const path = this.#pathOf(sha256);
    await this.#inTurn(sha256, async () => {
      await unlink(path).catch(unlessMissing);
    });
  }

  async setAside(sha256: string): Promise<void> {
    const path = this.#pathOf(sha256);
    const folder = join(this.#root, 'damaged');
    await this.#inTurn(sha256, async () => {
      if ((await sizeOf(path)) === undefined) return this.#standing();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rename(path, join(folder, sha256)).catch(unlessMissing);
      for (const changed of [folder, this.#root, dirname(path)]) await syncFolder(changed);
    });
  }

  /** A disk that is mounted no more leaves an empty folder: what is missing in it is not gone, and nothing belongs there. */
  async #standing(): Promise<void> {
    if ((await sizeOf(this.#landmark)) === undefined)
      throw blobsFault('blobs', new Error(`${this.#landmark} is not there`));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#turns.values());
  }

  #pathOf(sha256: string): string {
    assert(!this.#closed, 'the blobs are closed');
    assertBlobHash(sha256);
    return join(this.#root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  async #inTurn(sha256: string, change: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(sha256) ?? Promise.resolve()).then(change);
    // Whoever asked for the change hears of its failure; the next one only waits for its end.
    const ended = turn.then(nothing, nothing);
    this.#turns.set(sha256, ended);
    try {
      await turn;
    } finally {
      if (this.#turns.get(sha256) === ended) this.#turns.delete(sha256);
    }
  }

  #makeFolder(folder: string): Promise<void> {
    const known = this.#folders.get(folder);
    if (known) return known;
    const made = this.#makeDurably(folder).catch((error: unknown) => {
      this.#folders.delete(folder);
      throw error;
    });
    this.#folders.set(folder, made);
    return made;
  }

  async #makeDurably(folder: string): Promise<void> {
    const parent = dirname(folder);
    if (parent !== this.#root) await this.#makeFolder(parent);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(parent);
  }

  async #write(source: BlobSource, path: string): Promise<void> {
    await this.#tidy();
    const unfinished = join(this.#unfinished, `${process.pid}-${randomUUID()}`);
    const file = await open(unfinished, 'wx', 0o600).catch(async (thrown: unknown) => {
      await this.#standing();
      throw thrown;
    });
    try {
      await writeSynced(file, source);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** What was left just before this process began is too young then: it goes with a later write. */
  async #tidy(): Promise<void> {
    const now = Date.now();
    if (now - this.#tidied < LEFT_AFTER_MS) return;
    this.#tidied = now;
    // No write fails over it: an hour later it is tried again.
    await removeLeftovers(this.#unfinished).catch(nothing);
  }
}

const nothing = (): void => {};

/** A sector of its own is broken, and the rest of the disk is there. */
const unreadable =
  (sha256: string, at: number) =>
  (thrown: unknown): never => {
    if (!isCode(thrown, 'EIO')) throw thrown;
    throw new BlobError('BLOB_DAMAGED', `blob ${sha256} cannot be read at byte ${at}: EIO`);
  };

async function writeSynced(file: FileHandle, source: BlobSource): Promise<void> {
  try {
    await file.writeFile(checked(source));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The bytes of a source, which end with an error unless they are what it says. */
async function* checked(source: BlobSource): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of source.lend?.(0, source.size) ?? source.read(0, source.size)) {
    size += piece.length;
    if (size > source.size) break;
    hash.update(piece);
    yield piece;
  }
  if (size === source.size && hash.digest('hex') === source.sha256) return;
  throw new BlobError('BLOB_MISMATCH', `a source is not the blob ${source.sha256} of ${source.size} bytes`);
}

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(unlessMissing))?.size;
