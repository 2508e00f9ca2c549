/**
 * Removing and moving below a root, and making directories. Guarantees: a directory goes as a whole or not at all, and only if
 * nothing lies in it that listings leave out; of a link, the link goes and not what it leads to.
 */
import type { BigIntStats } from 'node:fs';
import { link, readlink, rename, rmdir, unlink } from 'node:fs/promises';
import { BackendError, type Changing, type Moving, namesOf } from '../../ports/backend.ts';
import { descend, type Found, inTheWay, unfinishedName } from './descend.ts';
import { behindLink, listTree } from './entries.ts';
import { failed, goOn } from './errors.ts';
import { removeTree } from './leftovers.ts';
import { checkExpected } from './write.ts';

export async function removeFile(real: string, path: string, changing: Changing): Promise<boolean> {
  const found = await findOutside(real, path);
  try {
    if (!found?.stats) {
      if (typeof changing.expect === 'string') throw new BackendError('CHANGED', `${path} is not there any more`);
      return false;
    }
    const seen = await behind(real, path, found);
    if (seen?.isDirectory()) throw new BackendError('IS_A_DIRECTORY', `${path} is a directory`);
    if (!seen?.isFile()) throw new BackendError('REFUSED', `${path} is no file`);
    checkExpected(path, { stats: seen, expect: changing.expect });
    goOn(changing.signal);
    await unlink(found.directory.at(found.name));
    await found.directory.sync();
    return true;
  } catch (thrown) {
    throw failed(thrown, path);
  } finally {
    await found?.close();
  }
}

/** The last name of a path in its directory; undefined where a directory above it is missing. */
async function findOutside(real: string, path: string): Promise<Found | undefined> {
  try {
    return await descend(namesOf(path), { real, outside: true });
  } catch (thrown) {
    if (thrown instanceof BackendError && thrown.code === 'MISSING') return undefined;
    throw thrown;
  }
}

/** What is seen under a name: of a link, what it leads to. */
const behind = async (real: string, path: string, { stats }: Found): Promise<Found['stats']> =>
  stats?.isSymbolicLink() ? behindLink(namesOf(path), real) : stats;

export async function makeDirectory(real: string, path: string): Promise<void> {
  const found = await descend(namesOf(path), { real, make: 'all' });
  try {
    if (found.name !== '') throw inTheWay(path, found.stats);
    await found.directory.sync();
  } finally {
    await found.close();
  }
}

interface Removing {
  readonly recursive: boolean;
  readonly signal: AbortSignal;
  /** Given what goes on after the answer. */
  readonly later: (work: Promise<void>) => void;
}

export async function removeDirectory(real: string, path: string, removing: Removing): Promise<boolean> {
  const found = await findOutside(real, path);
  let goesOn = false;
  try {
    if (!found?.stats) return false;
    if (found.name === '') throw new BackendError('REFUSED', 'the root stays');
    const seen = await behind(real, path, found);
    if (!seen?.isDirectory()) throw new BackendError('NOT_A_DIRECTORY', `${path} is no directory`);
    await checkRemovable(real, path, removing);
    const { directory, name, stats } = found;
    if (stats.isSymbolicLink()) await unlink(directory.at(name));
    else if (!removing.recursive) await rmdir(directory.at(name));
    else {
      const unfinished = unfinishedName();
      await rename(directory.at(name), directory.at(unfinished));
      goesOn = true;
      removing.later(removeTree(directory, unfinished).finally(() => found.close()));
    }
    await directory.sync();
    return true;
  } catch (thrown) {
    throw failed(thrown, path);
  } finally {
    if (!goesOn) await found?.close();
  }
}

async function checkRemovable(real: string, path: string, { recursive, signal }: Removing): Promise<void> {
  for await (const { entries, left_out } of listTree(real, path, { recursive, signal })) {
    if (left_out > 0) throw new BackendError('NOT_EMPTY', `${path} holds what Nexus does not show`);
    if (entries.length > 0 && !recursive) throw new BackendError('NOT_EMPTY', `${path} is not empty`);
  }
  goOn(signal);
}

export async function moveEntry(real: string, from: string, move: Moving & { readonly to: string }): Promise<void> {
  const [names, target] = [namesOf(from), namesOf(move.to)];
  const inside = target.length > names.length && names.every((name, at) => target[at] === name);
  if (inside || names.length === 0) throw new BackendError('REFUSED', `${from} cannot become ${move.to}`);
  const source = await descend(names, { real, outside: true });
  try {
    // A link that leads out of the root is nothing that anybody sees.
    if (!(await behind(real, from, source))) throw new BackendError('MISSING', `${from} is not there`);
    const goal = await descend(target, { real, make: 'above', outside: true });
    try {
      await replace({ real, from, ...move }, source, goal);
      await goal.directory.sync();
      await source.directory.sync();
    } finally {
      await goal.close();
    }
  } catch (thrown) {
    throw failed(thrown, from);
  } finally {
    await source.close();
  }
}

interface Replacing extends Moving {
  readonly real: string;
  readonly from: string;
  readonly to: string;
}

async function replace(move: Replacing, source: Found, goal: Found): Promise<void> {
  const [from, there] = [source.directory.at(source.name), goal.directory.at(goal.name)];
  if (source.stats?.isSymbolicLink()) await checkLink(move, source, goal);
  const same = goal.stats !== undefined && (await checkReplaced(move, source, goal));
  goOn(move.signal);
  if (!goal.stats && source.stats?.isFile()) {
    // Of two names for a moment: a link is made only where nothing is.
    await link(from, there);
    await unlink(from);
  } else if (same) {
    // A file that has both names already: the system would move nothing, and a link would lead to itself.
    await unlink(from);
  } else await rename(from, there);
}

/** REFUSED for a link that would lead elsewhere from its new place. */
async function checkLink({ from }: Replacing, source: Found, goal: Found): Promise<void> {
  const [here, there] = [source.directory.names, goal.directory.names].map((names) => names.join('/'));
  if (here === there || (await readlink(source.directory.at(source.name))).startsWith('/')) return;
  throw new BackendError('REFUSED', `${from} is a link, which would lead elsewhere from there`);
}

/**
 * What lies at the new place is a file that may be replaced by one: CHANGED where it is not. REFUSED for what listings leave out,
 * which nobody knows of. True where the new name is one of the same file, and no link to it.
 */
async function checkReplaced({ real, from, to, overwrite }: Replacing, source: Found, goal: Found): Promise<boolean> {
  const [moved, replaced] = [await behind(real, from, source), await behind(real, to, goal)];
  if (!replaced?.isDirectory() && !replaced?.isFile()) throw inTheWay(to, replaced);
  if (!overwrite || !moved?.isFile() || !replaced.isFile()) throw new BackendError('CHANGED', `${to} is there`);
  if (!isSame(moved, replaced) || goal.stats?.isSymbolicLink()) return false;
  if (source.name !== goal.name || !isSame(await itself(source), await itself(goal))) return true;
  throw new BackendError('REFUSED', `${from} and ${to} are one name of a file: a link leads to its directory`);
}

const itself = ({ directory }: Found): Promise<BigIntStats> => directory.handle.stat({ bigint: true });

const isSame = (one: BigIntStats, other: BigIntStats): boolean => one.dev === other.dev && one.ino === other.ino;
