/**
 * Changes of the tree, each inside the transaction of a call. Guarantees: a file never has children; parents that were
 * missing are made with the file; a change ends the state before it and begins the next at one revision; usage counts
 * exactly what `list` adds up.
 */
import { Fault, type FaultCode } from '../../base/faults.ts';
import { ancestorsOf, parentOf } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import { touchBlob } from '../content/content.sql.ts';
import type { Representation } from '../content/content.ts';
import type { Written } from './file-object.ts';
import { endState, insertState, listStates, removeSubtree, type StateRow } from './files.sql.ts';
import { isLiveMain, type View } from './view.ts';

export const pathFault = (code: FaultCode, message: string, data: { path: string } & Record<string, unknown>): Fault =>
  new Fault(code, message, data);

export const fileNotFound = (call: Call, path: string): Fault =>
  pathFault('FILE_NOT_FOUND', `File not found: ${call.shown(path)}`, { path: call.shown(path) });
export const isADirectory = (call: Call, path: string): Fault =>
  pathFault('IS_A_DIRECTORY', `${call.shown(path)} is a directory`, { path: call.shown(path) });
export const notADirectory = (call: Call, path: string): Fault =>
  pathFault('NOT_A_DIRECTORY', `${call.shown(path)} is a file, not a directory`, { path: call.shown(path) });
export const alreadyExists = (call: Call, path: string): Fault =>
  pathFault('ALREADY_EXISTS', `${call.shown(path)} exists`, { path: call.shown(path) });

/** What stands at a path and above it. */
export interface Spot {
  readonly path: string;
  readonly state: StateRow | undefined;
  /** The branch has a row of its own there, be it a removal: it has to end before another begins. */
  readonly occupied: boolean;
  /** Folders above that do not exist yet, outermost first. */
  readonly missing: readonly string[];
  /** Removals among them, which have to end too. */
  readonly removed: ReadonlySet<string>;
}

/** One statement for the path and all folders above it. A path through a file is NOT_A_DIRECTORY. */
export async function lookUp(call: Call, view: View, path: string): Promise<Spot> {
  const above = ancestorsOf(path).filter((folder) => folder !== '/');
  const rows = new Map<string, StateRow>();
  for (const row of await listStates(call.tx, view, [...above, path])) rows.set(row.path, row);
  const missing: string[] = [];
  const removed = new Set<string>();
  for (const folder of above) {
    const row = rows.get(folder);
    if (row?.kind === 'f') throw notADirectory(call, folder);
    if (row?.kind === 'd') continue;
    missing.push(folder);
    if (row) removed.add(folder);
  }
  const own = rows.get(path);
  return {
    path,
    state: own?.kind === 'x' ? undefined : own,
    occupied: own !== undefined && own.branch === view.layers[0].branch,
    missing,
    removed,
  };
}

/** A file or directory that has to exist. */
export async function getState(call: Call, view: View, path: string): Promise<StateRow> {
  const { state } = await lookUp(call, view, path);
  if (!state) throw fileNotFound(call, path);
  return state;
}

export async function getFile(call: Call, view: View, path: string): Promise<StateRow> {
  const state = await getState(call, view, path);
  if (state.kind === 'd') throw isADirectory(call, path);
  return state;
}

export interface Precondition {
  readonly if_match?: string | undefined;
  readonly if_none_match?: boolean | undefined;
}

/** The state has to be the expected one: `if_match` an etag (or `*`), `if_none_match` no file at all. */
export function checkPrecondition(call: Call, spot: Pick<Spot, 'path' | 'state'>, precondition: Precondition): void {
  const { if_match, if_none_match } = precondition;
  const current = spot.state?.etag ?? null;
  if (if_none_match && spot.state) throw alreadyExists(call, spot.path);
  if (if_match === undefined || (if_match === '*' && current !== null) || if_match === current) return;
  const path = call.shown(spot.path);
  throw pathFault('ETAG_MISMATCH', `${path} is not at the expected etag; read it again`, {
    path,
    expected_etag: if_match,
    current_etag: current,
  });
}

/** The n-th file that a revision made: unique in the zone, never given again. */
export const fileId = (revision: number, ordinal: number): string => `f${revision}.${ordinal}`;

/** Begins the directories that are missing above a path. They emit no event of their own. */
export async function makeParents(call: Call, view: View, made: { spot: Spot; revision: number }): Promise<void> {
  for (const [ordinal, path] of made.spot.missing.entries()) {
    await beginDirectory(call, view, {
      path,
      revision: made.revision,
      ordinal: ordinal + 1,
      occupied: made.spot.removed.has(path),
    });
  }
}

export interface NewDirectory {
  readonly path: string;
  readonly revision: number;
  readonly ordinal: number;
  readonly occupied: boolean;
}

export async function beginDirectory(call: Call, view: View, directory: NewDirectory): Promise<void> {
  const { path, revision } = directory;
  const { branch } = view.layers[0];
  const place = { zone_id: view.zone_id, branch };
  if (directory.occupied) await endState(call.tx, place, { path, revision });
  await insertState(call.tx, {
    ...place,
    path,
    parent: parentOf(path),
    kind: 'd',
    file_id: fileId(revision, directory.ordinal),
    began: revision,
    version: 0,
    etag: null,
    size: 0,
    encoding: null,
    content_type: '',
    metadata: null,
    reason: 'mkdir',
    created_at: call.now,
    created_by: call.caller.user_id,
    modified_at: call.now,
    modified_by: call.caller.user_id,
  });
}

export type Reason = 'write' | 'append' | 'edit' | 'copy' | 'rollback' | 'restore' | 'merge';

export interface NewContent {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
  readonly encoding: Representation;
  /** Null where the bytes lie in the blob store already. */
  readonly inline: Uint8Array | null;
  readonly content_type: string;
  /** undefined keeps what the file has. */
  readonly metadata: string | null | undefined;
  readonly reason: Reason;
  /** How the change came about, where the event names it otherwise than the version does. */
  readonly via?: string;
}

/** Writes the next version of the file at a spot that was looked up in this transaction. One event. */
export async function writeFile(call: Call, view: View, write: { spot: Spot; content: NewContent }): Promise<Written> {
  const { spot, content } = write;
  const { branch } = view.layers[0];
  const place = { zone_id: view.zone_id, branch };
  const before = spot.state;
  if (before?.kind === 'd') throw isADirectory(call, spot.path);
  // What a parent branch has is counted there: here only the branch's own states count.
  const own = before?.branch === branch ? before : undefined;
  call.use('storage_bytes', content.size - (own?.size ?? 0));
  if (!own) call.use('files', 1);
  const revision = call.event({
    type: 'write',
    path: spot.path,
    ...(branch === 'main' ? {} : { branch }),
    data: {
      via: content.via ?? content.reason,
      version: (before?.version ?? 0) + 1,
      etag: content.sha256,
      size: content.size,
    },
  });
  await touchBlob(call.tx, content, call.now);
  await makeParents(call, view, { spot, revision });
  if (spot.occupied) await endState(call.tx, place, { path: spot.path, revision });
  const version = (before?.version ?? 0) + 1;
  const created_at = before?.created_at ?? call.now;
  await insertState(call.tx, {
    ...place,
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
    created_at,
    created_by: before?.created_by ?? call.caller.user_id,
    modified_at: call.now,
    modified_by: call.caller.user_id,
  });
  return {
    path: spot.path,
    etag: content.sha256,
    version,
    size: content.size,
    created: before === undefined,
    created_at,
    modified_at: call.now,
    revision,
    content_type: content.content_type,
    encoding: content.encoding,
  };
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
