/**
 * Changes of files below a root. Guarantees: a file appears whole, under its name, after its bytes are on disk, and the answer
 * comes after its directory is; what a crash left unfinished is removed by a later write beside it; another program's file is
 * replaced only if it is the expected one at a look just before.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { isCode } from '../../base/system-error.ts';
import { BackendError, type Changing, type Content, type Entry, namesOf } from '../../ports/backend.ts';
import { type Directory, descend, unfinishedName } from './descend.ts';
import { entryOf, tagOf } from './entries.ts';
import { failed, goOn } from './errors.ts';
import type { Leftovers } from './leftovers.ts';

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export async function writeFile(
  real: string,
  path: string,
  write: { readonly content: Content; readonly changing: Changing; readonly leftovers: Leftovers },
): Promise<Entry> {
  const found = await descend(namesOf(path), { real, make: 'above' });
  try {
    const { directory, name, stats } = found;
    if (name === '') throw new BackendError('IS_A_DIRECTORY', `${path} is a directory`);
    if (stats && !stats.isFile()) throw new BackendError('REFUSED', `${path} is no file`);
    checkExpected(path, { stats, expect: write.changing.expect });
    await write.leftovers.sweep(directory);
    const unfinished = unfinishedName();
    try {
      await writeNew(directory.at(unfinished), { ...write, mode: stats && Number(stats.mode & 0o777n) });
      await putInPlace(directory, { unfinished, name, path, changing: write.changing });
      await directory.sync();
    } catch (thrown) {
      await unlink(directory.at(unfinished)).catch(() => {});
      throw thrown;
    }
    return await entryThere(directory, { name, path });
  } finally {
    await found.close();
  }
}

async function entryThere(directory: Directory, { name, path }: { name: string; path: string }): Promise<Entry> {
  const stats = await directory.look(name);
  const entry = stats && entryOf(path, stats);
  if (!entry) throw new BackendError('CHANGED', `${path} was removed as soon as it was written`);
  return entry;
}

export function checkExpected(
  path: string,
  { stats, expect }: { stats: BigIntStats | undefined; expect: Changing['expect'] },
): void {
  if (expect === undefined) return;
  const tag = stats ? tagOf(stats) : null;
  if (tag !== expect) throw new BackendError('CHANGED', `${path} is not what it was`);
}

interface NewFile {
  readonly content: Content;
  readonly changing: Changing;
  /** Of the file that it replaces. */
  readonly mode: number | undefined;
}

async function writeNew(path: string, { content, changing, mode }: NewFile): Promise<void> {
  const file = await open(path, NEW).catch((thrown: unknown) => {
    throw failed(thrown, 'the file');
  });
  try {
    let at = 0;
    for await (const piece of content.lend?.(0, content.size) ?? content.read(0, content.size)) {
      goOn(changing.signal);
      await writeAll(file, piece);
      at += piece.length;
    }
    if (at !== content.size) throw new BackendError('REFUSED', `a content of ${content.size} bytes came as ${at}`);
    if (mode !== undefined) await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done);
      done += bytesWritten;
    }
  } catch (thrown) {
    throw failed(thrown, 'the file');
  }
}

interface Placing {
  readonly unfinished: string;
  readonly name: string;
  readonly path: string;
  readonly changing: Changing;
}

async function putInPlace(directory: Directory, { unfinished, name, path, changing }: Placing): Promise<void> {
  goOn(changing.signal);
  const [from, to] = [directory.at(unfinished), directory.at(name)];
  try {
    if (changing.expect === null && (await linked(from, to))) return await unlink(from);
    if (changing.expect !== undefined)
      checkExpected(path, { stats: await directory.look(name), expect: changing.expect });
    await rename(from, to);
  } catch (thrown) {
    throw failed(thrown, path);
  }
}

/** A link is made only where nothing is. False: the file system has none. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (isCode(thrown, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) return false;
    throw thrown;
  }
}
