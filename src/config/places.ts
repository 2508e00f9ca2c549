/** Where data lies that nobody gave a place (infrastructure.md §13). */
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Places {
  readonly DATABASE_URL: string;
  readonly DATA_DIR: string;
}

/** Where the embedded database lies; undefined on PostgreSQL. `:memory:` stands for a private directory. */
export function sqliteFileOf({ DATABASE_URL: url, DATA_DIR }: Places): string | undefined {
  if (url === '') return resolve(DATA_DIR, 'nexus.db');
  if (!url.startsWith('sqlite:///')) return undefined;
  const file = url.slice('sqlite:///'.length);
  return file === ':memory:' ? file : resolve(file);
}

/** Directory of blobs, unless they have a URL. */
export function blobsFolderOf(places: Places): string {
  const file = sqliteFileOf(places);
  return file === undefined ? resolve(places.DATA_DIR, 'blobs') : resolve(dirname(file), 'blobs');
}

/** The URL of a directory. */
export const folderUrl = (folder: string): string => pathToFileURL(resolve(folder)).href;

/** Where a database and its contents are, as people are told: without what opens them. */
export function toldPlaces(places: Places & { readonly BLOBS_URL: string }): {
  readonly database: string;
  readonly blobs: string;
  /** Nodes on several machines, and a store that only one of them has. */
  readonly apart: boolean;
} {
  const file = sqliteFileOf(places);
  const blobs = places.BLOBS_URL === '' ? folderUrl(blobsFolderOf(places)) : withoutUser(places.BLOBS_URL);
  const apart = file === undefined && blobs.startsWith('file:');
  return { database: file ?? withoutUser(places.DATABASE_URL), blobs, apart };
}

/** A URL without the name and password in it, and without what follows its path. */
export function withoutUser(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}
