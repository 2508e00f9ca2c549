/**
 * Changes of the tree, each inside the transaction of a call. Guarantees: parents that were missing are made with the
 * file; a change ends the state before it and begins the next at one revision; usage counts exactly what `list` adds up.
 */
import { parentOf } from '../../base/paths.ts';
import { doerOf } from '../../core/call/doer.ts';
import type { Call } from '../../core/operation.ts';
import { type NewBlob, touchBlobs } from '../content/content.sql.ts';
import type { Representation, Stored } from '../content/content.ts';
import { checkQuota } from '../zones/quota.ts';
import type { Written } from './file-object.ts';
import { endState, insertStates, type NewState, removeSubtree, type StateRow } from './files.sql.ts';
import { checkKind, type Spot } from './tree.ts';
import { isLiveMain, MAIN, type View } from './view.ts';

/** The n-th file that a revision made: unique in the zone, never given again. */
export const fileId = (revision: number, ordinal: number): string => `f${revision}.${ordinal}`;

/** The event's part that names the branch. */
export const onBranch = (view: View): { branch?: string } => (view.name === MAIN ? {} : { branch: view.name });

/**
 * Rows that a call is going to end and to begin, gathered so that many files take few statements, and what the zone's
 * usage grows by as a whole.
 */
export interface Change {
  readonly blobs: NewBlob[];
  readonly ended: { readonly path: string; readonly revision: number }[];
  readonly begun: NewState[];
  readonly growth: { bytes: number; files: number };
}

export const newChange = (): Change => ({ blobs: [], ended: [], begun: [], growth: { bytes: 0, files: 0 } });

export async function applyChange(call: Call, view: View, change: Change): Promise<void> {
  await admitChange(call, change);
  await storeChange(call, view, change);
}

/** Whatever may still refuse a change. It writes nothing but that its blobs are needed. */
export async function admitChange(call: Call, change: Change): Promise<void> {
  call.use('storage_bytes', change.growth.bytes);
  call.use('files', change.growth.files);
  await touchBlobs(call.tx, change.blobs, call.now);
}

export async function storeChange(call: Call, view: View, change: Change): Promise<void> {
  const place = { zone_id: view.zone_id, branch: view.layers[0].branch };
  for (const end of change.ended) await endState(call.tx, place, end);
  await insertStates(call.tx, change.begun);
}

/** Begins the directories that are missing above a path. They emit no event of their own. */
export async function makeParents(call: Call, view: View, made: { spot: Spot; revision: number }): Promise<void> {
  const change = newChange();
  planParents(call, view, { ...made, change });
  await applyChange(call, view, change);
}

interface ParentsPlan {
  readonly spot: Spot;
  readonly revision: number;
  readonly change: Change;
}

function planParents(call: Call, view: View, plan: ParentsPlan): void {
  const { spot, revision, change } = plan;
  for (const [ordinal, path] of spot.missing.entries()) {
    if (spot.removed.has(path)) change.ended.push({ path, revision });
    change.begun.push(directoryState(call, view, { path, revision, ordinal: ordinal + 1 }));
  }
}

export interface NewDirectory {
  readonly path: string;
  readonly revision: number;
  readonly ordinal: number;
  readonly occupied: boolean;
}

export async function beginDirectory(call: Call, view: View, directory: NewDirectory): Promise<void> {
  const change = newChange();
  if (directory.occupied) change.ended.push(directory);
  change.begun.push(directoryState(call, view, directory));
  await applyChange(call, view, change);
}

function directoryState(call: Call, view: View, made: Omit<NewDirectory, 'occupied'>): NewState {
  return {
    zone_id: view.zone_id,
    branch: view.layers[0].branch,
    path: made.path,
    parent: parentOf(made.path),
    kind: 'd',
    file_id: fileId(made.revision, made.ordinal),
    began: made.revision,
    version: 0,
    etag: null,
    size: 0,
    encoding: null,
    content_type: '',
    metadata: null,
    reason: 'mkdir',
    created_at: call.now,
    created_by: doerOf(call.context).user_id,
    modified_at: call.now,
    modified_by: doerOf(call.context).user_id,
  };
}

export type Reason = 'write' | 'append' | 'edit' | 'copy' | 'rollback' | 'restore' | 'merge';

export interface NewContent {
  readonly sha256: string;
  readonly size: number;
  /** Null where a state of the zone names the blob already: then collection spares it. */
  readonly blob: NewBlob | null;
  readonly encoding: Representation;
  readonly content_type: string;
  /** undefined keeps what the file has. */
  readonly metadata: string | null | undefined;
  readonly reason: Reason;
  /** How the change came about, where the event names it otherwise than the version does. */
  readonly via?: string;
  /** More of what the event tells. */
  readonly told?: Readonly<Record<string, unknown>>;
}

/** What was stored for this call, as the part of its content. */
export const contentOf = (stored: Stored): Pick<NewContent, 'sha256' | 'size' | 'blob' | 'encoding'> => ({
  sha256: stored.sha256,
  size: stored.size,
  blob: stored,
  encoding: stored.encoding,
});

/** Writes the next version of the file at a spot that was looked up in this transaction. One event. */
export async function writeFile(call: Call, view: View, write: { spot: Spot; content: NewContent }): Promise<Written> {
  const change = newChange();
  const written = planWrite(call, view, { ...write, change });
  await applyChange(call, view, change);
  return written;
}

export interface WritePlan {
  readonly spot: Spot;
  readonly content: NewContent;
  readonly change: Change;
}

/** The same with its rows still to be applied. */
export function planWrite(call: Call, view: View, plan: WritePlan): Written {
  const { spot, content, change } = plan;
  const { branch } = view.layers[0];
  const before = spot.state;
  checkKind(call, spot);
  // What a parent branch has is counted there: here only the branch's own states count.
  const own = before?.branch === branch ? before : undefined;
  const growth = content.size - (own?.size ?? 0);
  if (growth > 0) checkQuota(call.zone, 'file_bytes', { used: 0, by: content.size });
  change.growth.bytes += growth;
  if (!own) change.growth.files++;
  const version = (before?.version ?? 0) + 1;
  const revision = call.event({
    type: 'write',
    path: spot.path,
    ...onBranch(view),
    data: {
      via: content.via ?? content.reason,
      version,
      etag: content.sha256,
      size: content.size,
      ...content.told,
    },
  });
  planParents(call, view, { spot, revision, change });
  if (spot.occupied) change.ended.push({ path: spot.path, revision });
  if (content.blob) change.blobs.push(content.blob);
  const state: NewState = {
    zone_id: view.zone_id,
    branch,
    path: spot.path,
    parent: parentOf(spot.path),
    kind: 'f',
    file_id: before?.file_id ?? fileId(revision, 0),
    began: revision,
    version,
    etag: content.sha256,
    size: content.size,
    encoding: content.encoding,
    content_type: content.content_type,
    metadata: content.metadata === undefined ? (before?.metadata ?? null) : content.metadata,
    reason: content.reason,
    created_at: before?.created_at ?? call.now,
    created_by: before?.created_by ?? doerOf(call.context).user_id,
    modified_at: call.now,
    modified_by: doerOf(call.context).user_id,
  };
  change.begun.push(state);
  return {
    path: state.path,
    etag: content.sha256,
    version,
    size: content.size,
    created: before === undefined,
    created_at: state.created_at,
    modified_at: call.now,
    revision,
    content_type: content.content_type,
    encoding: content.encoding,
  };
}

/** The same version goes on with other metadata. One event; gives the state that begins. */
export async function describeFile(
  call: Call,
  view: View,
  description: { state: StateRow; metadata: string | null },
): Promise<StateRow> {
  const { state, metadata } = description;
  const { path, version, etag, size } = state;
  const { branch } = view.layers[0];
  const own = state.branch === branch;
  const data = { via: 'metadata', version, etag, size };
  const revision = call.event({ type: 'write', path, ...onBranch(view), data });
  const begun: NewState = {
    ...state,
    zone_id: view.zone_id,
    branch,
    parent: parentOf(path),
    began: revision,
    metadata,
  };
  await applyChange(call, view, {
    blobs: [],
    ended: own ? [{ path, revision }] : [],
    begun: [begun],
    growth: own ? { bytes: 0, files: 0 } : { bytes: size, files: 1 },
  });
  return begun;
}

/** Ends one file or an empty directory at a revision. */
export async function removeOne(call: Call, view: View, end: { state: StateRow; revision: number }): Promise<void> {
  const { state, revision } = end;
  if (isLiveMain(view)) {
    await endState(call.tx, { zone_id: view.zone_id, branch: state.branch }, { path: state.path, revision });
    return;
  }
  await removeSubtree(call.tx, view, { path: state.path, revision });
}
