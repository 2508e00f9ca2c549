/**
 * The files that a grep looks into. Guarantees: they come in path order, in batches, each of one statement; those that
 * are listed later are those of the same moment.
 */
import { parentOf } from '../../../base/paths.ts';
import type { Call } from '../../../core/operation.ts';
import { readableIn } from '../history/past-access.ts';
import { frozen, type View } from '../view.ts';
import type { Glob } from './glob.ts';
import type { FileBatch } from './grep-page.ts';
import { listFiles } from './listings.ts';
import { behind, type FoundFile, SCAN_ROWS, type Scope, scanFiles } from './scan.sql.ts';
import { compileInside, scopeOf } from './search-page.ts';

export interface FileChoice {
  /** A file, or the folder that globs are relative to. */
  readonly path: string;
  /** Only files that it matches; null for all. */
  readonly file_pattern: string | null;
  readonly exclude: readonly string[];
}

interface Search {
  readonly scope: Scope;
  /** The tree as it was when the call began. */
  readonly later: View;
  readonly test: (path: string) => boolean;
}

const NO_FILES: FileBatch = { files: [], next: undefined };

/** The first files that a call may look into, from a path on. */
export async function firstFiles(call: Call, view: View, asked: FileChoice & { from: string }): Promise<FileBatch> {
  const { path, from } = asked;
  const below = choose(call, asked, path);
  // Beside the path of a file, globs are read from its folder.
  const chosen = choose(call, asked, parentOf(path)).test(path);
  const folder = chosen ? path : below.folder;
  const scope = folder === undefined ? undefined : scopeOf(await readableIn(call, view), folder, 'files');
  if (!scope) return NO_FILES;
  const test = (found: string): boolean => (found === path ? chosen : below.test(found));
  const search: Search = { scope, later: frozen(view, call.zone.seq), test };
  return batchOf(search, await listFiles(call, view, { scope, from }));
}

/** Globs read from one place. */
interface Chosen {
  /** Where all that they choose lies; undefined when that is nothing. */
  readonly folder: string | undefined;
  readonly test: (path: string) => boolean;
}

function choose(call: Call, { path, file_pattern, exclude }: FileChoice, base: string): Chosen {
  const only = file_pattern === null ? undefined : compileInside(call, file_pattern, base);
  const not = exclude.map((pattern) => compileInside(call, pattern, base));
  return {
    folder: only ? placeOf(only) : path,
    test: (found) => only?.test(found) !== false && !not.some((one) => one.test(found)),
  };
}

const placeOf = ({ never, prefix }: Glob): string | undefined => (never ? undefined : prefix);

function batchOf(search: Search, found: readonly FoundFile[]): FileBatch {
  const { scope, later, test } = search;
  const files = found.filter(({ path }) => test(path));
  const last = found.at(-1);
  if (last === undefined || found.length < SCAN_ROWS) return { files, next: undefined };
  const at = { scope, from: behind(last.path) };
  return { files, next: async ({ sql }) => batchOf(search, await sql.read((tx) => scanFiles(tx, later, at))) };
}
