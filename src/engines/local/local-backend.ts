/**
 * The backend of a directory of the host. Guarantees, beside those of the port: what is written is on disk with its name and
 * all directories above it when it is answered; a root that is not there any more is UNREACHABLE, never empty.
 */

import type { Opened, Page, Reading } from '../../ports/backend.ts';
import {
  type Backend,
  type Changing,
  type Content,
  type Entry,
  type Listing,
  type Moving,
  namesOf,
} from '../../ports/backend.ts';
import { openRoot } from './descend.ts';
import { behindLink, entryOf, listTree } from './entries.ts';
import { goOn } from './errors.ts';
import { Leftovers } from './leftovers.ts';
import { makeDirectory, moveEntry, removeDirectory, removeFile } from './move.ts';
import { openFile } from './read.ts';
import { writeFile } from './write.ts';

export class LocalBackend implements Backend {
  readonly #real: string;
  readonly #leftovers = new Leftovers();
  readonly #later = new Set<Promise<void>>();

  /** `real`: the root, by a path without links. */
  constructor(real: string) {
    this.#real = real;
  }

  async stat(path: string, signal: AbortSignal): Promise<Entry | undefined> {
    goOn(signal);
    const stats = await behindLink(namesOf(path), this.#real);
    return stats && entryOf(path, stats);
  }

  list(directory: string, listing: Listing): AsyncIterable<Page> {
    return listTree(this.#real, directory, listing);
  }

  open(path: string, reading: Reading): Promise<Opened> {
    goOn(reading.signal);
    return openFile(this.#real, path, reading);
  }

  write(path: string, content: Content, changing: Changing): Promise<Entry> {
    return writeFile(this.#real, path, { content, changing, leftovers: this.#leftovers });
  }

  remove(path: string, changing: Changing): Promise<boolean> {
    return removeFile(this.#real, path, changing);
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    goOn(signal);
    await makeDirectory(this.#real, path);
  }

  removeDirectory(path: string, removing: { recursive: boolean; signal: AbortSignal }): Promise<boolean> {
    // What fails there lies under a name that nobody sees, and goes with a later write.
    const later = (work: Promise<void>): void => {
      const ended = work.catch(() => {}).finally(() => this.#later.delete(ended));
      this.#later.add(ended);
    };
    return removeDirectory(this.#real, path, { ...removing, later });
  }

  rename(from: string, to: string, moving: Moving): Promise<void> {
    return moveEntry(this.#real, from, { ...moving, to });
  }

  /** Is the root there? */
  async check(): Promise<void> {
    await (await openRoot(this.#real)).close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#later);
  }
}
