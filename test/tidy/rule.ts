/**
 * What a rule of the house is: what it asks, how it is checked, and small repositories that break it. A rule without a
 * breaking sample does not type-check, so each one is known to be able to fail.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Source, source } from './source.ts';

/** File texts by path from the root. */
export type Tree = Readonly<Record<string, string>>;

export interface Repo {
  readonly sources: readonly Source[];
  readonly documents: readonly { readonly path: string; readonly text: string }[];
  /** The text of a file, '' for a directory, undefined for nothing there. */
  at(path: string): string | undefined;
}

export interface Rule {
  readonly says: string;
  /** One line per breach, opening with `path:line`. */
  readonly breaches: (repo: Repo) => string[];
  /** Each of these trees alone must have a breach. */
  readonly bad: readonly [Tree, ...Tree[]];
  /** These come close and have none. */
  readonly good?: readonly Tree[];
}

export const where = (file: Source, offset: number): string => `${file.path}:${file.lineOf(offset)}`;

const SOURCE_ROOTS = ['src', 'client', 'bench', 'tools', 'test'];
const IS_SOURCE = /\.(ts|mts|mjs|js)$/;
const NOT_OURS = /^(\..*|node_modules|dist|coverage|nexus-data)$/;

/** The repository at a directory of the disk. */
export function readRepo(root: string): Repo {
  const paths = walk(root, '');
  const text = (path: string) => readFileSync(join(root, path), 'utf8');
  const isSource = (path: string) => IS_SOURCE.test(path) && SOURCE_ROOTS.includes(path.split('/')[0] ?? '');
  return {
    sources: paths.filter(isSource).map((path) => source(path, text(path))),
    documents: paths.filter((path) => path.endsWith('.md')).map((path) => ({ path, text: text(path) })),
    at: (path) => {
      const full = join(root, path);
      if (!existsSync(full)) return undefined;
      return statSync(full).isDirectory() ? '' : readFileSync(full, 'utf8');
    },
  };
}

/** A repository that exists only here. */
export function sampleRepo(tree: Tree): Repo {
  const paths = Object.keys(tree);
  return {
    sources: paths.filter((path) => IS_SOURCE.test(path)).map((path) => source(path, tree[path] ?? '')),
    documents: paths.filter((path) => path.endsWith('.md')).map((path) => ({ path, text: tree[path] ?? '' })),
    at: (path) => tree[path] ?? (paths.some((other) => other.startsWith(`${path}/`)) ? '' : undefined),
  };
}

function walk(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? walk(root, path) : [path];
    });
}
