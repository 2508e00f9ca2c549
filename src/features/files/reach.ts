/** What of the tree an operation reads or changes, told for the stores in which some of it may lie. */
import { Detour, type Reach } from '../../core/call/outside.ts';
import type { Call } from '../../core/operation.ts';
import type { StateRow } from './files.sql.ts';
import { MAIN } from './view.ts';
import type { ViewParams } from './view-of.ts';

/** How an operation looks at a path: a version, too, is something of the past. */
export interface Asked extends ViewParams {
  readonly version?: unknown;
  /** Goes on with a page, which shows the moment of the first one. */
  readonly cursor?: string | undefined;
}

const isPast = ({ branch, as_of, version }: Asked): boolean =>
  as_of !== undefined || version !== undefined || (branch !== undefined && branch !== MAIN);

/** One file or directory, with what it holds if that is a file. */
export const reachOne = (path: string, asked: Asked): Reach[] => [
  { path, depth: 'one', content: true, past: isPast(asked) },
];

/** The same where it is replaced; with a condition what is there has to be known. */
export const reachBlindly = (path: string, asked: Asked & { readonly conditions: readonly unknown[] }): Reach[] =>
  reachOne(path, asked).map((one) => ({
    ...one,
    blind: asked.conditions.every((condition) => condition === undefined),
  }));

/** Files that are removed; with a condition what is there has to be known. */
export const reachRemoved = (
  paths: readonly string[],
  asked: Asked & { readonly conditions: readonly unknown[] },
): Reach[] =>
  reachEach(paths, asked).map((one) => ({
    ...one,
    removed: asked.conditions.every((condition) => condition === undefined),
  }));

export const reachEach = (paths: readonly string[], asked: Asked): Reach[] =>
  [...new Set(paths)].flatMap((path) => reachOne(path, asked));

/** What is moved from the first path to the second, of several. */
export const reachMoves = (moves: readonly (readonly [string, string])[], asked: Asked): Reach[] =>
  moves.flatMap(([from, to]) => [
    ...reachOne(from, asked).map((one) => ({ ...one, moves: true })),
    ...reachOne(to, asked),
  ]);

/** Entries of a directory, or all that is below; with `content` what files hold. */
export function reachInto(path: string, asked: Asked, more: Pick<Reach, 'depth' | 'content'>): Reach[] {
  return asked.cursor === undefined ? [{ path, ...more, past: isPast(asked) }] : [];
}

/** A directory that is removed, or files, with all that is below. */
export const reachRemovedTree = (path: string, asked: Asked): Reach[] =>
  reachInto(path, asked, { depth: 'tree', content: false }).map((one) => ({ ...one, removed: true }));

/** What no store knows: versions, and the tree as it was. */
export const reachPast = (path: string): Reach[] => [{ path, depth: 'one', content: false, past: true }];

/** Has the hashes of what is about to be shown computed, once, where a store has files that nobody has read yet. */
export function requireHashes(call: Call, rows: readonly StateRow[], page: string): void {
  const of = `hashes ${page}`;
  if (call.context.passage?.looked.includes(of)) return;
  const paths = rows.flatMap(({ kind, etag, path }) => (kind === 'f' && etag === '' ? [path] : []));
  if (paths.length > 0) throw new Detour({ kind: 'hashes', paths, of });
}
