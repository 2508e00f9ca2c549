/**
 * The stage as files of a folder: `<root>/<act>/<segment>`. Guarantees, beside those of the port: adopting links the file
 * under the name of its blob, so no byte is copied, and it takes no more room than before.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../../base/faults.ts';
import { isCode, isDiskFull, unlessMissing } from '../../base/system-error.ts';
import { assertBlobHash, BLOB_PIECE_BYTES, type BlobSource } from '../../ports/blobs.ts';
import { assertStageName, type SegmentWriter, type Stage, StageMissing } from '../../ports/stage.ts';

export interface DiskStageParts {
  readonly root: string;
  /** Runs a change of a blob when no other of it is under way, its folder made; gives its file. */
  readonly inTurn: (sha256: string, change: (path: string) => Promise<void>) => Promise<void>;
}

export function diskStage({ root, inTurn }: DiskStageParts): Stage {
  const folderOf = (act: string): string => {
    assertStageName(act);
    return join(root, act);
  };
  const fileOf = (act: string, segment: string): string => {
    assertStageName(segment);
    return join(folderOf(act), segment);
  };
  return {
    open: (act, segment, at) => openSegment(root, fileOf(act, segment), at).catch(throwFull),
    read: (act, segment, range) => readSegment(fileOf(act, segment), range),
    adopt: (act, segment, blob) => {
      assertBlobHash(blob.sha256);
      const file = fileOf(act, segment);
      return inTurn(blob.sha256, (path) => adoptSegment(file, path, blob)).catch(throwFull);
    },
    remove: (act) => rm(folderOf(act), { recursive: true, force: true }),
    list: (before) => listActs(root, before),
  };
}

async function openSegment(root: string, path: string, at: number): Promise<SegmentWriter> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = at === 0 ? await open(path, 'w', 0o600) : await openExisting(path, 'r+');
  if (at > 0 && (await file.stat()).size < at) {
    await file.close();
    throw new StageMissing(`a segment is shorter than its ${at} bytes`);
  }
  // Whoever began the segment may not have come to sync its name.
  const above = made === root ? [root, dirname(root)] : [root];
  const unsynced = made === undefined ? [folder] : [folder, ...above];
  return new DiskWriter(file, { at, unsynced });
}

interface Begun {
  readonly at: number;
  readonly unsynced: readonly string[];
}

/** So many bytes are given to the disk while more come, so that a sync has little left to wait for. */
const FLUSH_BYTES = 4 * 1024 * 1024;

class DiskWriter implements SegmentWriter {
  readonly #file: FileHandle;
  #at: number;
  #flushedTo: number;
  #flushing: Promise<void> | undefined;
  /** Of a flush or sync: the kernel tells it once, and the next sync would succeed. */
  #failure: { readonly thrown: unknown } | undefined;
  #unsynced: readonly string[];
  #closed: Promise<void> | undefined;

  constructor(file: FileHandle, { at, unsynced }: Begun) {
    this.#file = file;
    this.#at = this.#flushedTo = at;
    this.#unsynced = unsynced;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    try {
      const { bytesWritten } = await this.#file.writev(pieces, this.#at);
      this.#at += bytesWritten;
      await this.#writeRest(pieces, bytesWritten);
    } catch (thrown) {
      throwFull(thrown);
    }
    if (this.#at - this.#flushedTo >= FLUSH_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushedTo = this.#at;
    this.#flushing = this.#file
      .datasync()
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown };
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  /** A disk that is about to be full takes less than it is given. */
  async #writeRest(pieces: readonly Uint8Array[], taken: number): Promise<void> {
    let before = taken;
    for (const piece of pieces) {
      for (let done = Math.min(before, piece.length); done < piece.length; ) {
        const { bytesWritten } = await this.#file.write(piece, done, piece.length - done, this.#at);
        done += bytesWritten;
        this.#at += bytesWritten;
      }
      before = Math.max(0, before - piece.length);
    }
  }

  async sync(): Promise<void> {
    await this.#flushing;
    if (this.#failure) throw this.#failure.thrown;
    this.#flushedTo = this.#at;
    const names = this.#unsynced;
    await Promise.all([this.#file.datasync(), ...names.map(syncFolder)]).catch((thrown: unknown) => {
      this.#failure ??= { thrown };
      throw thrown;
    });
    this.#unsynced = [];
  }

  close(): Promise<void> {
    this.#closed ??= (this.#flushing ?? Promise.resolve()).then(() => this.#file.close());
    return this.#closed;
  }
}

async function* readSegment(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncIterable<Uint8Array> {
  const file = await openExisting(path, 'r');
  try {
    for (let at = start; at < end; ) {
      const piece = Buffer.allocUnsafe(Math.min(BLOB_PIECE_BYTES, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new StageMissing(`a segment ends at byte ${at}, before ${end}`);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function adoptSegment(file: string, path: string, blob: Pick<BlobSource, 'size'>): Promise<void> {
  const segment = await openExisting(file, 'r+');
  try {
    const { size } = await segment.stat();
    if (size < blob.size) throw new StageMissing(`a segment of ${size} bytes is not the ${blob.size} of its blob`);
    // What a refused body left behind the end.
    if (size > blob.size) await segment.truncate(blob.size);
    await segment.sync();
  } finally {
    await segment.close();
  }
  await relink(file, path, blob.size);
  await syncFolder(dirname(path));
}

/** Another node may adopt the same blob at the same time. One that is there as long as it has to be is the same already. */
async function relink(file: string, path: string, size: number): Promise<void> {
  while (!(await isLinked(file, path))) {
    const known = await stat(path).catch(unlessMissing);
    if (known?.size === size) return;
    if (known) return replaceBy(file, path);
  }
}

async function isLinked(file: string, path: string): Promise<boolean> {
  try {
    await link(file, path);
    return true;
  } catch (thrown) {
    if (isCode(thrown, 'EEXIST')) return false;
    throw thrown;
  }
}

/** In one step: at no time is there neither. */
async function replaceBy(file: string, path: string): Promise<void> {
  const other = `${file}-${randomUUID()}`;
  await link(file, other);
  try {
    await rename(other, path);
  } finally {
    // A name of the same file is left where it was by a rename.
    await rm(other, { force: true });
  }
}

async function listActs(root: string, before: number): Promise<string[]> {
  const acts: string[] = [];
  for (const act of (await readdir(root).catch(unlessMissing)) ?? []) {
    const known = await stat(join(root, act)).catch(unlessMissing);
    if (known && known.birthtimeMs < before) acts.push(act);
  }
  return acts;
}

const openExisting = (path: string, flags: string): Promise<FileHandle> =>
  open(path, flags).catch((thrown: unknown) => {
    unlessMissing(thrown);
    throw new StageMissing('a segment is not there');
  });

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What a full disk is told as; any other failure stays what it is. */
export function throwFull(thrown: unknown): never {
  if (!isDiskFull(thrown)) throw thrown;
  throw new Fault(
    'UNAVAILABLE',
    'The disk of the blobs is full; nothing was stored. Free room on it, then try again.',
    {
      reason: 'disk_full',
    },
  );
}
