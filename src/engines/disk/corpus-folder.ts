/**
 * The corpus folder on disk. A path is judged by what was opened: the descriptor says where it is (`/proc/self/fd`); where a
 * system has no such names, the path is resolved before and after, and both have to be the same file.
 */
import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isCode } from '../../base/system-error.ts';
import type { CorpusFolder, FolderFile } from '../../ports/corpus-folder.ts';

const BY_DESCRIPTOR = existsSync('/proc/self/fd');
/** A pipe would be waited for. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const PIECE_BYTES = 256 * 1024;

const ABSENT = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENAMETOOLONG', 'EISDIR', 'ENXIO', 'EINVAL'];

/** Undefined for what is not there, or may not be read. */
const orNone = <T>(work: Promise<T>): Promise<T | undefined> =>
  work.catch((thrown: unknown) => {
    if (isCode(thrown, ...ABSENT)) return undefined;
    throw thrown;
  });

const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || way.startsWith(sep));
};

export function corpusFolder(named: string): CorpusFolder {
  const root = (): Promise<string | undefined> => orNone(realpath(resolve(named)));
  return {
    named,
    exists: async () => {
      const real = await root();
      return real !== undefined && (await orNone(stat(real)))?.isDirectory() === true;
    },
    open: async (path) => {
      const real = await root();
      return real === undefined ? undefined : openInside(real, resolve(real, path));
    },
    list: async function* (leftOut) {
      const real = await root();
      if (real !== undefined) yield* walk({ root: real, leftOut, seen: new Set() }, real);
    },
  };
}

async function openInside(root: string, path: string): Promise<FolderFile | undefined | 'OUTSIDE'> {
  if (path.includes('\0')) return undefined;
  const handle = await orNone(open(path, READ));
  if (!handle) return isInside(root, await nearest(path)) ? undefined : 'OUTSIDE';
  try {
    const [real, found] = await Promise.all([whereIs(handle, path), handle.stat()]);
    const judged = real === undefined ? undefined : isInside(root, real);
    if (judged && found.isFile()) return { path: real ?? path, ...reading(handle, found.size) };
    await handle.close();
    return judged === false ? 'OUTSIDE' : undefined;
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** Where what was opened lies; undefined where that cannot be told, as it was moved or swapped meanwhile. */
async function whereIs(handle: FileHandle, path: string): Promise<string | undefined> {
  if (BY_DESCRIPTOR) {
    const real = await readlink(`/proc/self/fd/${handle.fd}`);
    return real.endsWith(' (deleted)') && !existsSync(real) ? undefined : real;
  }
  const real = await orNone(realpath(path));
  if (real === undefined) return undefined;
  const [own, there] = [await handle.stat(), await orNone(stat(real))];
  return there?.ino === own.ino && there.dev === own.dev ? real : undefined;
}

/** Of a path that leads nowhere: its real path as far as there is one, with the rest behind it. */
async function nearest(path: string): Promise<string> {
  const real = await orNone(realpath(path));
  if (real !== undefined || dirname(path) === path) return real ?? path;
  return join(await nearest(dirname(path)), basename(path));
}

const reading = (handle: FileHandle, size: number): Pick<FolderFile, 'size' | 'bytes' | 'close'> => ({
  size,
  bytes: async function* () {
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  },
  close: () => handle.close(),
});

interface Walk {
  readonly root: string;
  readonly leftOut: ReadonlySet<string>;
  /** Real paths, so that links in a ring end. */
  readonly seen: Set<string>;
}

async function* walk(way: Walk, directory: string): AsyncGenerator<string> {
  if (way.seen.has(directory)) return;
  way.seen.add(directory);
  for (const entry of (await orNone(readdir(directory, { withFileTypes: true }))) ?? []) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    const real = entry.isSymbolicLink() ? await orNone(realpath(path)) : path;
    if (real === undefined || !isInside(way.root, real)) continue;
    const found = entry.isSymbolicLink() ? await orNone(stat(real)) : entry;
    if (found?.isDirectory() && !way.leftOut.has(entry.name)) yield* walk(way, real);
    if (!found?.isFile() || way.seen.has(real)) continue;
    way.seen.add(real);
    yield real;
  }
}
