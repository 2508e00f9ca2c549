/**
 * Files and directories that end. Guarantees: one event for each call of these; usage, and on main the grants on exactly
 * what was removed, end with it.
 */
import type { Call } from '../../core/operation.ts';
import { endTuples, endTuplesWhere } from '../access/tuples.sql.ts';
import { onBranch, removeOne } from './changes.ts';
import { countBelow, hasChildren, removedWith, removeSubtree, type StateRow } from './files.sql.ts';
import { pathFault } from './tree.ts';
import { ownTotals } from './usage.sql.ts';
import { isLiveMain, type View } from './view.ts';

/** Gives the revision. */
export async function removeFile(call: Call, view: View, state: StateRow): Promise<number> {
  const { path } = state;
  if (state.branch === view.layers[0].branch) {
    call.use('storage_bytes', -state.size);
    call.use('files', -1);
  }
  const revision = call.event({ type: 'delete', path, ...onBranch(view) });
  await removeOne(call, view, { state, revision });
  if (isLiveMain(view)) await endTuples(call, path);
  return revision;
}

export interface Removed {
  readonly files: number;
  /** Itself included. */
  readonly directories: number;
  readonly revision: number;
}

/** DIRECTORY_NOT_EMPTY unless `recursive` or empty. */
export async function removeDirectory(
  call: Call,
  view: View,
  removal: { state: StateRow; recursive: boolean },
): Promise<Removed> {
  const { state, recursive } = removal;
  const { path } = state;
  if (!recursive) {
    // A mount below is the reason that helps, and the event is what mounts have their say in.
    const revision = call.event({ type: 'rmdir', path, ...onBranch(view) });
    await refuseEntries(call, view, path);
    await removeOne(call, view, { state, revision });
    if (isLiveMain(view)) await endTuples(call, path);
    return { files: 0, directories: 1, revision };
  }
  // A right on a folder reaches everything below it, so write on the folder, asked already, is write on all.
  const below = await countBelow(call.tx, view, path);
  const own = isLiveMain(view) ? below : await ownTotals(call.tx, view, path);
  call.use('storage_bytes', -own.bytes);
  call.use('files', -own.files);
  const data = { subtree: true, files: below.files };
  const revision = call.event({ type: 'rmdir', path, ...onBranch(view), data });
  await removeSubtree(call.tx, view, { path, revision });
  if (isLiveMain(view)) await endTuplesWhere(call, removedWith(view, { path, revision }));
  return { files: below.files, directories: below.directories + 1, revision };
}

async function refuseEntries(call: Call, view: View, folder: string): Promise<void> {
  if (!(await hasChildren(call.tx, view, folder))) return;
  const path = call.shown(folder);
  throw pathFault('DIRECTORY_NOT_EMPTY', `${path} is not empty; set recursive to remove what is in it`, { path });
}
