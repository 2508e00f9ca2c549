/**
 * What a caller may read of the tree as it was (files.md §11): "Where a path then held another file than now (`file_id`
 * differs), reading it needs a grant on a folder above, not one on the path." A grant on a path is one on the file that
 * stands there now. Guarantees: at most two statements more than for the tree as it is,
 * whatever the number of grants and entries, and none for admins.
 */
import { parentOf } from '../../../base/paths.ts';
import type { PathSet } from '../../../core/call/access.ts';
import type { Call } from '../../../core/operation.ts';
import { denied } from '../../access/grants.ts';
import { pathSet } from '../../access/path-set.ts';
import { selectStates, type View } from '../view.ts';
import { branchView, type ViewParams, viewOf } from '../view-of.ts';

/** What may be read in a view: the caller's paths, without files that were others then. */
export async function readableIn(call: Call, view: View): Promise<PathSet> {
  const readable = await call.access.readable();
  if (view.layers[0].at === null || readable.everything) return readable;
  const others = await othersThen(call, view, readable.roots);
  return others.size === 0 ? readable : pathSet(readable.roots.filter((root) => !others.has(root)));
}

/** The view that a call asks for and the path in it, which the caller may read; ACCESS_DENIED where it was another file. */
export async function viewToRead(call: Call, params: ViewParams & { readonly path: string }): Promise<View> {
  const view = await viewOf(call, params);
  const { path } = params;
  if (view.layers[0].at === null || path === '/') return view;
  const readable = await call.access.readable();
  if (readable.everything || readable.has(parentOf(path))) return view;
  if ((await othersThen(call, view, [path])).has(path)) {
    throw denied({ permission: 'read', path }, call.context);
  }
  return view;
}

/** Of some paths, those that held a file then and hold another one now, or none. */
export async function othersThen(call: Call, view: View, paths: readonly string[]): Promise<ReadonlySet<string>> {
  if (paths.length === 0) return new Set();
  const then = selectStates(view, {
    columns: 's.path, s.kind, s.file_id',
    where: `s.path IN (SELECT value FROM ${call.tx.dialect.textsOf})`,
    params: [JSON.stringify(paths)],
  });
  const live = await branchView(call, { key: view.layers[0].branch }, null);
  const now = selectStates(live, { columns: 's.file_id', where: 's.path = t.path', params: [] });
  const rows = await call.tx.all<{ path: string }>(
    `SELECT t.path FROM (${then.sql}) t WHERE t.kind = 'f' AND t.file_id <> COALESCE((${now.sql} LIMIT 1), '')`,
    [...then.params, ...now.params],
  );
  return new Set(rows.map((row) => row.path));
}
