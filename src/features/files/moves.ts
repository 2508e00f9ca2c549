/**
 * Renames. Guarantees: what moves keeps its file, history, metadata and grants; all of it moves at one revision, with
 * one event; no path gets longer than a path may be.
 */
import { invalidPath, isBelow } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import { moveTuples } from '../access/tuples.sql.ts';
import { makeParents, onBranch } from './changes.ts';
import { countBelow, endState, moveSubtree, type StateRow, type Totals } from './files.sql.ts';
import { alreadyExists, checkPrecondition, fileNotFound, lookUpAll, type Precondition, spotOf } from './tree.ts';
import { type OwnTotals, ownTotals } from './usage.sql.ts';
import { isLiveMain, type View } from './view.ts';

export interface Move extends Precondition {
  readonly from: string;
  readonly to: string;
  /** A file may take the place of a file. */
  readonly overwrite: boolean;
}

export interface Moved {
  readonly renamed: boolean;
  readonly revision: number;
}

/** INVALID_PATH for a place below the thing itself; `shown` is how the caller named it. */
export function refuseInto(from: string, to: string, shown = to): void {
  if (isBelow(to, from)) throw invalidPath(shown, 'it lies below what is to go there');
}

export async function moveEntry(call: Call, view: View, move: Move): Promise<Moved> {
  const { from, to } = move;
  const seen = await lookUpAll(call, view, [from, to]);
  const { state } = spotOf(call, seen, from);
  if (!state) throw fileNotFound(call, from);
  checkPrecondition(call, { path: from, state }, move);
  if (from === to) return { renamed: false, revision: state.began };
  const target = spotOf(call, seen, to);
  const replaced = target.state;
  if (replaced && !(move.overwrite && replaced.kind === 'f' && state.kind === 'f')) throw alreadyExists(call, to);
  const { branch } = view.layers[0];
  const ended = replaced?.branch === branch ? replaced : undefined;
  if (ended) grow(call, { files: 0, bytes: 0 }, { files: 1, bytes: ended.size });
  const data = state.kind === 'd' ? await countDirectory(call, view, move) : countFile(call, view, state);
  const revision = call.event({
    type: 'rename',
    path: to,
    old_path: from,
    ...onBranch(view),
    data: { ...data, ...(replaced ? { overwritten: true } : {}) },
  });
  await makeParents(call, view, { spot: target, revision });
  if (ended) await endState(call.tx, { zone_id: view.zone_id, branch }, { path: to, revision });
  await moveSubtree(call.tx, view, { from, to, revision });
  if (isLiveMain(view)) await moveTuples(call, from, to);
  return { renamed: true, revision };
}

/** The branch's own files: from what they were to what they are. */
function grow(call: Call, after: OwnTotals, before: OwnTotals): void {
  call.use('storage_bytes', after.bytes - before.bytes);
  call.use('files', after.files - before.files);
}

function countFile(call: Call, view: View, state: StateRow): object {
  const own = state.branch === view.layers[0].branch;
  if (!own) grow(call, { files: 1, bytes: state.size }, { files: 0, bytes: 0 });
  return { version: state.version, etag: state.etag, size: state.size };
}

async function countDirectory(call: Call, view: View, { from, to }: Move): Promise<object> {
  const below = await countBelow(call.tx, view, from);
  checkPathsFit(call, below, { from, to });
  if (!isLiveMain(view)) grow(call, below, await ownTotals(call.tx, view, from));
  return { subtree: true, files: below.files };
}

/** INVALID_PATH where a path below would be longer or deeper than a path may be. */
export function checkPathsFit(call: Call, below: Totals, way: { readonly from: string; readonly to: string }): void {
  const { PATH_BYTES, PATH_SEGMENTS } = call.limits;
  const longest = below.longest + Buffer.byteLength(way.to) - Buffer.byteLength(way.from);
  const deepest = below.deepest + namesOf(way.to) - namesOf(way.from);
  const to = call.shown(way.to);
  if (longest > PATH_BYTES) throw invalidPath(to, `a path below it would be longer than ${PATH_BYTES} bytes`);
  if (deepest > PATH_SEGMENTS) throw invalidPath(to, `a path below it would have more than ${PATH_SEGMENTS} names`);
}

const namesOf = (path: string): number => path.split('/').length - 1;
