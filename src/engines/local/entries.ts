/**
 * What a directory tree of the host looks like through the port. Guarantees: a tag differs whenever the content does, as long as
 * the file system counts its changes (ctime); a listing ends, whatever circles links make.
 */
import { isUtf8 } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { BackendError, type Entry, isLegalName, type Listing, namesOf, type Page } from '../../ports/backend.ts';
import { type Directory, descend, isUnfinished } from './descend.ts';
import { failed, goOn } from './errors.ts';

/** A program may set the time of change of a content back (mtime), but not that of its row (ctime). */
export const tagOf = ({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${ino}-${size}-${mtimeNs}-${ctimeNs}`;

/** The entry of what was found; undefined for what is neither file nor directory. */
export function entryOf(path: string, stats: BigIntStats): Entry | undefined {
  const modified_at = Number(stats.mtimeNs / 1_000_000n);
  if (stats.isDirectory()) return { path, kind: 'directory', size: 0, modified_at, tag: '' };
  if (!stats.isFile()) return undefined;
  return { path, kind: 'file', size: Number(stats.size), modified_at, tag: tagOf(stats) };
}

export async function* listTree(real: string, path: string, listing: Listing): AsyncIterable<Page> {
  const queue: Place[] = [{ path, above: [] }];
  for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
    try {
      for await (const { page, below } of listDirectory(real, place, listing.signal)) {
        if (listing.recursive) queue.push(...below);
        yield page;
      }
    } catch (thrown) {
      if (!isGone(thrown)) throw thrown;
      if (place.path === path) throw (await behindLink(namesOf(path), real)) ? thrown : missing(path);
    }
  }
}

const missing = (path: string): BackendError => new BackendError('MISSING', `${path} is not there`);

/** It went, or became something else, since the directory above was read. */
const isGone = (thrown: unknown): boolean =>
  thrown instanceof BackendError && ['MISSING', 'NOT_A_DIRECTORY', 'CHANGED', 'REFUSED'].includes(thrown.code);

/** A directory still to be listed, and the identities of those that lead to it: one that comes again is a circle. */
interface Place {
  readonly path: string;
  readonly above: readonly string[];
}

const identity = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

interface Part {
  readonly page: Page;
  readonly below: readonly Place[];
}

async function* listDirectory(real: string, { path, above }: Place, signal: AbortSignal): AsyncIterable<Part> {
  const found = await descend(namesOf(path), { real });
  try {
    if (found.name !== '') {
      if (!found.stats) throw missing(path);
      throw new BackendError('NOT_A_DIRECTORY', `${path} is no directory`);
    }
    const all = [...above, identity(await found.directory.handle.stat({ bigint: true }))];
    for await (const names of namesIn(found.directory, signal)) {
      const looks = await Promise.all(
        names.map((name) => look(found.directory, { name, real, path: path === '' ? name : `${path}/${name}` })),
      );
      const seen = looks.filter((one) => one !== undefined);
      const fine = seen.filter(({ entry, id }) => entry && !all.includes(id)).flatMap(({ entry }) => entry ?? []);
      const below = fine.filter(({ kind }) => kind === 'directory').map((entry) => ({ path: entry.path, above: all }));
      yield { page: { entries: fine, left_out: seen.length - fine.length }, below };
    }
  } finally {
    await found.close();
  }
}

interface Look {
  readonly entry: Entry | undefined;
  readonly id: string;
}

/** What is there under a name of a directory; undefined for nothing (any more), and for what is unfinished. */
async function look(
  directory: Directory,
  { name, real, path }: { readonly name: string; readonly real: string; readonly path: string },
): Promise<Look | undefined> {
  if (isUnfinished(name)) return undefined;
  if (!isLegalName(name)) return { entry: undefined, id: '' };
  const stats = await directory.look(name);
  if (!stats) return undefined;
  if (!stats.isSymbolicLink()) return { entry: entryOf(path, stats), id: identity(stats) };
  const target = await behindLink([...directory.names, name], real);
  return { entry: target && entryOf(path, target), id: target ? identity(target) : '' };
}

/** What a link within the root leads to, if to anything. */
export async function behindLink(names: readonly string[], real: string): Promise<BigIntStats | undefined> {
  try {
    const found = await descend(names, { real });
    await found.close();
    return found.stats;
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw thrown;
  }
}

/** Looks that are under way at once: the system has few threads for them, which others wait for too. */
const LOOKS = 64;

/** Names as texts, some at a time; what is not UTF-8 is no legal name, and stands there as ''. */
async function* namesIn(directory: Directory, signal: AbortSignal): AsyncIterable<string[]> {
  const names = await readdir(directory.path, { encoding: 'buffer' }).catch((thrown: unknown) => {
    throw failed(thrown, 'the directory');
  });
  for (let at = 0; at < names.length; at += LOOKS) {
    goOn(signal);
    yield names.slice(at, at + LOOKS).map((name) => (isUtf8(name) ? name.toString() : ''));
  }
}
