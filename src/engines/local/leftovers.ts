/**
 * Trees that are taken away, and what a crash left unfinished. Guarantees: nothing is followed out of what is removed; what
 * somebody is still writing is left alone.
 */
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { isCode } from '../../base/system-error.ts';
import { type Directory, isUnfinished, openBelow } from './descend.ts';

/** Older than this, what is unfinished belongs to nobody any more: whoever writes to it changes its time. */
const UNFINISHED_MS = 3_600_000;
const SWEPT_MAX = 10_000;

export class Leftovers {
  /** Directories that were looked through, by their names. */
  readonly #swept = new Set<string>();

  /** Removes what was left in a directory, at the first write there. */
  async sweep(directory: Directory): Promise<void> {
    const place = directory.names.join('/');
    if (this.#swept.has(place)) return;
    if (this.#swept.size >= SWEPT_MAX) this.#swept.clear();
    this.#swept.add(place);
    for (const name of await readdir(directory.path)) {
      if (!isUnfinished(name)) continue;
      const stats = await lstat(directory.at(name)).catch(() => undefined);
      if (stats && stats.ctimeMs < Date.now() - UNFINISHED_MS) await removeTree(directory, name);
    }
  }
}

/** Removes whatever is there under a name, with all below it. */
export async function removeTree(directory: Directory, name: string): Promise<void> {
  try {
    await unlink(directory.at(name));
  } catch (thrown) {
    if (isCode(thrown, 'ENOENT')) return;
    if (!isCode(thrown, 'EISDIR', 'EPERM')) throw thrown;
    const inside = await openBelow(directory, name);
    try {
      for (const below of await readdir(inside.path)) await removeTree(inside, below);
    } finally {
      await inside.close();
    }
    await rmdir(directory.at(name));
  }
}
