/**
 * Reading a file below a root. Guarantees: the bytes are those of the entry that comes with them, or the reading ends with
 * CHANGED; nothing but a regular file is read, and opening one never waits.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { BackendError, namesOf, type Opened, type Reading } from '../../ports/backend.ts';
import { descend } from './descend.ts';
import { entryOf, tagOf } from './entries.ts';
import { failed, goOn } from './errors.ts';

// Without waiting for a pipe that was put there since the look.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const PIECE_BYTES = 256 * 1024;
/** Two changes within so many milliseconds may have the same time, by the clock of the kernel. */
const CLOCK_TICK_MS = 20;

export async function openFile(real: string, path: string, reading: Reading): Promise<Opened> {
  const { file, stats } = await openRegular(real, path);
  const entry = entryOf(path, stats);
  if (!entry || !stats.isFile()) {
    await file.close();
    throw new BackendError('REFUSED', `${path} is no file`);
  }
  // Whoever gives up before the first piece leaves nothing open either.
  const close = (): void => void file.close().catch(() => undefined);
  if (reading.signal.aborted) close();
  else reading.signal.addEventListener('abort', close, { once: true });
  return { entry, bytes: bytesOf(file, { path, stats, reading, close }) };
}

async function openRegular(real: string, path: string): Promise<{ file: FileHandle; stats: BigIntStats }> {
  const found = await descend(namesOf(path), { real });
  try {
    if (found.name === '') throw new BackendError('IS_A_DIRECTORY', `${path} is a directory`);
    if (!found.stats) throw new BackendError('MISSING', `${path} is not there`);
    if (!found.stats.isFile()) throw new BackendError('REFUSED', `${path} is no file`);
    const file = await open(found.directory.at(found.name), READ).catch((thrown: unknown) => {
      throw failed(thrown, path);
    });
    return { file, stats: await file.stat({ bigint: true }) };
  } finally {
    await found.close();
  }
}

interface Bytes {
  readonly path: string;
  readonly stats: BigIntStats;
  readonly reading: Reading;
  readonly close: () => void;
}

async function* bytesOf(file: FileHandle, { path, stats, reading, close }: Bytes): AsyncIterable<Uint8Array> {
  try {
    const size = Number(stats.size);
    const end = Math.min(reading.range?.end ?? size, size);
    for (let at = reading.range?.start ?? 0; at < end; ) {
      goOn(reading.signal);
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new BackendError('CHANGED', `${path} became shorter while it was read`);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
    await settle(stats, reading.signal);
    if (tagOf(await file.stat({ bigint: true })) !== tagOf(stats)) {
      throw new BackendError('CHANGED', `${path} was changed while it was read`);
    }
  } catch (thrown) {
    throw failed(thrown, path);
  } finally {
    reading.signal.removeEventListener('abort', close);
    await file.close();
  }
}

/** A file that changed just now may change again at the same time, as its clock tells it. */
async function settle({ ctimeMs }: BigIntStats, signal: AbortSignal): Promise<void> {
  const age = Date.now() - Number(ctimeMs);
  if (Math.abs(age) < CLOCK_TICK_MS) await wait(CLOCK_TICK_MS, undefined, { signal }).catch(() => {});
}
