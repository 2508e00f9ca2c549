/**
 * A tree out of keys. Guarantees: keys come in the order of their bytes, so what a key needs to know of others is what came
 * just before it; a key that is no path, or lies below one that is a file, is counted and nothing else.
 */
import { type Entry, isLegalName } from '../../ports/backend.ts';
import type { ListPage, S3Object } from './objects.ts';

export const fileEntry = (path: string, { size, etag, modified_at }: S3Object): Entry => ({
  path,
  kind: 'file',
  size,
  modified_at,
  tag: etag.replace(/^(W\/)?"|"$/g, '').slice(0, 256),
});

/** A store without directories knows no time of one. */
export const directoryEntry = (path: string): Entry => ({ path, kind: 'directory', size: 0, modified_at: 0, tag: '' });

/** The entries of pages of keys below a directory, `''` or ending with `/`; with a delimiter of those directly in it. */
export class Tree {
  readonly #folder: string;
  /** Files whose names later keys may begin with. */
  #files: string[] = [];
  /** Directories above the last key, from the folder down. */
  #open: string[] = [];
  /** Anything is there at all, the marker of the directory itself included. */
  found = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  entriesOf({ objects, prefixes }: ListPage): { entries: Entry[]; left_out: number } {
    const entries: Entry[] = [];
    let left_out = 0;
    const known = new Map(objects.map((object) => [object.key, object]));
    const keys = [...known.keys(), ...prefixes].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const key of keys) {
      this.found = true;
      if (!this.#take(key, known.get(key), entries)) left_out++;
    }
    return { entries, left_out };
  }

  /** Adds what a key shows that was not shown yet; false for one that is no path. */
  #take(key: string, object: S3Object | undefined, entries: Entry[]): boolean {
    if (key === this.#folder) return true;
    const isDirectory = key.endsWith('/');
    const path = isDirectory ? key.slice(0, -1) : key;
    this.#files = this.#files.filter((file) => key.startsWith(file));
    if (this.#files.some((file) => key.startsWith(`${file}/`))) return false;
    const names = path.slice(this.#folder.length).split('/');
    const illegal = names.findIndex((name) => !isLegalName(name));
    const legal = illegal < 0 ? names.length : illegal;
    this.#enter(names.slice(0, isDirectory ? legal : Math.min(legal, names.length - 1)), entries);
    if (illegal >= 0) return false;
    if (isDirectory || !object) return true;
    this.#files.push(path);
    entries.push(fileEntry(path, object));
    return true;
  }

  #enter(names: readonly string[], entries: Entry[]): void {
    const now: string[] = [];
    for (const [depth, name] of names.entries()) {
      const path = depth === 0 ? this.#folder + name : `${now[depth - 1]}/${name}`;
      now.push(path);
      if (this.#open[depth] !== path) entries.push(directoryEntry(path));
    }
    this.#open = now;
  }
}
