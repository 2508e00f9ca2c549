/**
 * Ways through the directories of a root that other programs change meanwhile. Guarantees: no step leaves the root, whatever
 * is swapped for a link between a look and the next: each name is taken from the open directory above it, never followed
 * by the system, and links are resolved here, name by name, within the root.
 *
 * Directories are reached by their descriptor (`/proc/self/fd/…`). Where a system has no such names, by their path; then a
 * directory that is swapped for a link in the instant between two calls is followed.
 */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink } from 'node:fs/promises';
import { isCode } from '../../base/system-error.ts';
import { BackendError, isLegalName } from '../../ports/backend.ts';
import { failed } from './errors.ts';

const BY_DESCRIPTOR = existsSync('/proc/self/fd');
const LINKS_MAX = 40;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An open directory below the root, and the names by which it was reached without links. */
export class Directory {
  readonly handle: FileHandle;
  /** Of the root. */
  readonly real: string;
  readonly names: readonly string[];
  /** Of the directory, for calls. */
  readonly path: string;

  constructor(handle: FileHandle, real: string, names: readonly string[]) {
    this.handle = handle;
    this.real = real;
    this.names = names;
    this.path = BY_DESCRIPTOR ? `/proc/self/fd/${handle.fd}` : [real, ...names].join('/');
  }

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** What is there under a name, links not followed; undefined for nothing. */
  async look(name: string): Promise<BigIntStats | undefined> {
    try {
      return await lstat(this.at(name), { bigint: true });
    } catch (thrown) {
      if (isCode(thrown, 'ENOENT')) return undefined;
      throw failed(thrown, name);
    }
  }

  sync(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A root by its real path. Opened anew for every call: it may have been taken away, or be another one. */
export async function openRoot(real: string): Promise<Directory> {
  const handle = await open(real, DIRECTORY).catch((thrown: unknown) => {
    throw new BackendError('UNREACHABLE', 'the root directory is not there', thrown);
  });
  try {
    // A directory above it may have become a link.
    if (BY_DESCRIPTOR && (await readlink(`/proc/self/fd/${handle.fd}`)) !== real) {
      throw new BackendError('UNREACHABLE', 'the root directory is now another one');
    }
    return new Directory(handle, real, []);
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** Where a path ends: what lies there (undefined for nothing), in which directory, under which name ('' for the directory itself). */
export interface Found {
  readonly directory: Directory;
  readonly name: string;
  readonly stats: BigIntStats | undefined;
  /** Closes the directories on the way. */
  close(): Promise<void>;
}

/** Names of what is being written or removed. They are nothing that anybody else may see or touch. */
export const isUnfinished = (name: string): boolean => /^\.nexus-[0-9a-f-]{36}\.tmp$/.test(name);

export const unfinishedName = (): string => `.nexus-${randomUUID()}.tmp`;

export interface Descent {
  readonly real: string;
  /** Make directories that are missing: those above the last name, or also the last one. */
  readonly make?: 'above' | 'all';
  /** The last name is looked at in its directory, and neither entered nor followed. */
  readonly outside?: boolean;
}

/**
 * Goes down from the root. MISSING and NOT_A_DIRECTORY for what is above the last name; REFUSED for links that leave the root
 * or go in circles, and for what is unfinished.
 */
export async function descend(names: readonly string[], descent: Descent): Promise<Found> {
  const way = new Way(await openRoot(descent.real), descent);
  try {
    return { ...(await way.follow(names)), close: () => way.close() };
  } catch (thrown) {
    await way.close();
    throw thrown;
  }
}

/** The directories from the root to where the search stands. */
class Way {
  readonly #stack: Directory[];
  readonly #descent: Descent;
  #links = 0;

  constructor(root: Directory, descent: Descent) {
    this.#stack = [root];
    this.#descent = descent;
  }

  get #here(): Directory {
    return this.#stack.at(-1)!;
  }

  async follow(names: readonly string[]): Promise<Omit<Found, 'close'>> {
    const left = [...names];
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === '..') {
        await this.#up();
        continue;
      }
      if (isUnfinished(name)) throw new BackendError('REFUSED', `${name} is a name of what is unfinished`);
      const last = left.length === 0;
      const stats = await this.#here.look(name);
      if (last && this.#ends(stats)) return { directory: this.#here, name, stats };
      if (stats?.isSymbolicLink()) left.unshift(...(await this.#target(name)));
      else await this.#down(name, stats);
    }
    return { directory: this.#here, name: '', stats: await this.#here.handle.stat({ bigint: true }) };
  }

  async close(): Promise<void> {
    for (const directory of this.#stack) await directory.close();
  }

  /** Is the last name where the search ends? */
  #ends(stats: BigIntStats | undefined): boolean {
    if (this.#descent.outside) return true;
    if (!stats) return this.#descent.make !== 'all';
    return !stats.isSymbolicLink() && !stats.isDirectory();
  }

  async #up(): Promise<void> {
    if (this.#stack.length === 1) throw outside();
    await this.#stack.pop()!.close();
  }

  async #down(name: string, stats: BigIntStats | undefined): Promise<void> {
    if (!stats) await this.#make(name);
    else if (!stats.isDirectory()) throw this.#descent.make ? inTheWay(name, stats) : notADirectory(name);
    this.#stack.push(await openBelow(this.#here, name));
  }

  async #make(name: string): Promise<void> {
    if (!this.#descent.make) throw new BackendError('MISSING', `${name} is not there`);
    await mkdir(this.#here.at(name)).catch((thrown: unknown) => {
      if (!isCode(thrown, 'EEXIST')) throw failed(thrown, name);
    });
    await this.#here.sync();
  }

  /** The names that a link stands for, from the directory that it lies in or from the root. */
  async #target(name: string): Promise<string[]> {
    if (++this.#links > LINKS_MAX) throw new BackendError('REFUSED', `${name} is a link in a circle`);
    const target = await readlink(this.#here.at(name)).catch((thrown: unknown) => {
      throw failed(thrown, name);
    });
    if (!target.startsWith('/')) return legal(target);
    const { real } = this.#descent;
    if (target !== real && !target.startsWith(real === '/' ? '/' : `${real}/`)) throw outside();
    while (this.#stack.length > 1) await this.#stack.pop()!.close();
    return legal(target.slice(real.length));
  }
}

/** A directory that lies in another one, which is no link. */
export async function openBelow(above: Directory, name: string): Promise<Directory> {
  const handle = await open(above.at(name), DIRECTORY).catch((thrown: unknown) => {
    throw failed(thrown, name);
  });
  return new Directory(handle, above.real, [...above.names, name]);
}

function legal(target: string): string[] {
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  if (!names.every((name) => name === '..' || isLegalName(name))) throw outside();
  return names;
}

const notADirectory = (path: string): BackendError => new BackendError('NOT_A_DIRECTORY', `${path} is no directory`);

/**
 * For what lies where something is to be made. Of what listings leave out nobody knows, so that no look would tell whoever tries
 * again.
 */
export const inTheWay = (path: string, stats: BigIntStats | undefined): BackendError =>
  stats?.isFile() ? notADirectory(path) : new BackendError('REFUSED', `${path} is neither a file nor a directory`);

const outside = (): BackendError => new BackendError('REFUSED', 'a link leads out of the root');
