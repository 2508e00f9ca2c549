/**
 * The view that a call asks for by `branch` and `as_of` (files.md §11). Guarantees: main as it is now costs no statement;
 * a view of the past holds everything it held then, or is refused.
 */

import { Fault, invalidParams } from '../../base/faults.ts';
import { isPlainText } from '../../base/texts.ts';
import type { Call } from '../../core/operation.ts';
import { findLastEventAt, findOldestEvent } from '../events/moments.sql.ts';
import { listChain } from './history/branches.sql.ts';
import { isLikeATime, readMoment } from './history/moment.ts';
import { findSnapshot, isPinned, type SnapshotRow } from './history/snapshots.sql.ts';
import { chainView, frozen, isLiveMain, MAIN, mainView, type View } from './view.ts';

export interface ViewParams {
  readonly branch?: string | undefined;
  readonly as_of?: number | string | undefined;
  /** The parameter that the moment came by, for faults; `as_of` unless given. */
  readonly by?: string;
  /** The past that is asked for is the moment of a first page. */
  readonly paging?: boolean;
}

/**
 * Throws BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, REVISION_GONE, or INVALID_PARAMS for what is still to come. A snapshot is
 * taken of its own branch unless another is named; then it stands for its revision.
 */
export async function viewOf(call: Call, params: ViewParams): Promise<View> {
  const view = await findView(call, params);
  if (call.mounts.length === 0 || (params.paging && view.name === MAIN)) return view;
  if (!isLiveMain(view)) return apartFrom(call, view);
  return params.as_of === undefined ? view : apartFrom(call, frozen(view, call.zone.seq));
}

/** The same view without what is mounted: stores keep no past, and no branches. */
export const apartFrom = (call: Call, view: View): View =>
  call.mounts.length === 0 ? view : { ...view, apart: call.mounts.map(({ mount_point }) => mount_point) };

async function findView(call: Call, params: ViewParams): Promise<View> {
  const { branch, as_of, by = 'as_of' } = params;
  if (as_of === undefined) return branchView(call, { name: branch ?? MAIN }, null);
  const told = await revisionOf(call, as_of, by);
  const { seq, oldest_revision } = call.zone;
  const from = branch === undefined ? { key: told.branch } : { name: branch };
  const view = await branchView(call, from, told.revision === seq ? null : told.revision);
  if (told.revision >= oldest_revision) return view;
  const own = view.layers[0].branch;
  // What a snapshot names is kept, however old, as long as the snapshot is.
  if (await isPinned(call.tx, view.zone_id, { branch: own, revision: told.revision })) return view;
  throw revisionGone(call, as_of);
}

/** The same of a branch by its key, at a revision that is known to be held. */
export async function branchView(
  call: Call,
  of: { readonly name: string } | { readonly key: string },
  at: number | null,
): Promise<View> {
  const { zone_id } = call.zone;
  const branch = 'name' in of ? of.name : of.key;
  if (branch === MAIN) return mainView(zone_id, at);
  const [own, ...parents] = isPlainText(branch) ? await listChain(call.tx, zone_id, of) : [];
  if (own) return chainView(zone_id, [own, ...parents], at);
  throw new Fault('BRANCH_NOT_FOUND', `Branch not found: ${branch.slice(0, 200).toWellFormed()}`, { branch });
}

interface Told {
  readonly revision: number;
  /** Key of the branch it was told of. */
  readonly branch: string;
}

async function revisionOf(call: Call, as_of: number | string, by: string): Promise<Told> {
  const moment = readMoment(as_of);
  if (moment.kind === 'revision') return { revision: checkRevision(call, moment.revision, by), branch: MAIN };
  if (moment.kind === 'time') return { revision: await revisionAt(call, moment.at, { as_of, by }), branch: MAIN };
  return getSnapshot(call, moment.name, MOMENTS);
}

const MOMENTS = 'the name or id of a snapshot, the number of a revision, or a time as 2026-01-31T12:00:00Z';

/**
 * By id or name. SNAPSHOT_NOT_FOUND also where the caller may not read its path: both look the same. `takes`: what else it
 * could have been.
 */
export async function getSnapshot(call: Call, called: string, takes?: string): Promise<SnapshotRow> {
  const row = await findSnapshot(call.tx, call.zone.zone_id, called);
  if (row && (await call.access.allows('read', row.path))) return row;
  throw snapshotNotFound(called, takes);
}

function checkRevision(call: Call, revision: number, by: string): number {
  const { seq } = call.zone;
  if (revision < 0) throw invalidParams({ path: by, message: 'a revision is not negative' });
  if (revision > seq) throw invalidParams({ path: by, message: `newer than the zone's revision ${seq}` });
  return revision;
}

/** The last revision at or before a time; 0 before the first. */
async function revisionAt(
  call: Call,
  at: number,
  asked: { readonly as_of: number | string; readonly by: string },
): Promise<number> {
  const { zone_id, seq_at } = call.zone;
  if (at > Math.max(call.now, seq_at)) throw invalidParams({ path: asked.by, message: 'lies in the future' });
  const last = await findLastEventAt(call.tx, zone_id, at);
  if (last !== undefined) return last;
  const oldest = await findOldestEvent(call.tx, zone_id);
  // Events are numbered from 1: where the first ones are gone, nobody knows what there was at that time.
  if (oldest !== undefined && oldest > 1) throw revisionGone(call, asked.as_of);
  return 0;
}

function snapshotNotFound(called: string, takes: string | undefined): Fault {
  const other = takes === undefined ? '' : `; this takes ${takes}`;
  const hint = isLikeATime(called) ? '; a time is written with seconds and offset, as 2026-01-31T12:00:00Z' : other;
  const message = `Snapshot not found: ${called.slice(0, 200).toWellFormed()}${hint}`;
  return new Fault('SNAPSHOT_NOT_FOUND', message, { snapshot: called });
}

function revisionGone(call: Call, as_of: number | string): Fault {
  const oldest = call.zone.oldest_revision;
  const message = `${as_of} is older than the history that is kept, which begins at revision ${oldest}`;
  return new Fault('REVISION_GONE', message, { oldest });
}
