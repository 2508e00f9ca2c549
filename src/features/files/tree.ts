/**
 * What stands where in the tree, as a call finds it in its transaction, and the faults of what it does not find.
 * Guarantees: a path through a file is never looked past; any number of paths takes one statement.
 */
import { Fault, type FaultCode } from '../../base/faults.ts';
import { ancestorsOf } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import { listStates, listStatesOf, type StateRow } from './files.sql.ts';
import type { View } from './view.ts';

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

/** The root always exists and no change made it: its times are the epoch, its revision 0. */
const ROOT: StateRow = {
  branch: '',
  path: '/',
  kind: 'd',
  file_id: 'f0.0',
  began: 0,
  version: 0,
  etag: null,
  size: 0,
  encoding: null,
  content_type: '',
  metadata: null,
  reason: 'mkdir',
  created_at: 0,
  created_by: 'system',
  modified_at: 0,
  modified_by: 'system',
};

/** What a view has at some paths: what is missing here is missing there. */
export interface Seen {
  readonly view: View;
  readonly rows: Map<string, StateRow>;
}

/** As many paths as are given to a statement singly; more are given as a set. */
const SINGLE_PATHS_MAX = 300;

/** One statement for any number of paths and all folders above them. */
export async function lookUpAll(call: Call, view: View, paths: Iterable<string>): Promise<Seen> {
  const wanted = new Set<string>();
  for (const path of paths) for (const one of [...ancestorsOf(path), path]) wanted.add(one);
  wanted.delete('/');
  const list = wanted.size > SINGLE_PATHS_MAX ? listStatesOf : listStates;
  const rows = wanted.size > 0 ? await list(call.tx, view, [...wanted]) : [];
  return { view, rows: new Map([ROOT, ...rows].map((row) => [row.path, row])) };
}

/** One of the paths that were looked up. A path through a file is NOT_A_DIRECTORY. */
export function spotOf(call: Call, { view, rows }: Seen, path: string): Spot {
  const missing: string[] = [];
  const removed = new Set<string>();
  for (const folder of ancestorsOf(path)) {
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

/** One statement for the path and all folders above it. A path through a file is NOT_A_DIRECTORY. */
export async function lookUp(call: Call, view: View, path: string): Promise<Spot> {
  return spotOf(call, await lookUpAll(call, view, [path]), path);
}

/** A file or directory that has to exist. */
export async function getState(call: Call, view: View, path: string): Promise<StateRow> {
  const { state } = await lookUp(call, view, path);
  if (!state) throw fileNotFound(call, path);
  return state;
}

/** The spot of a file that has to exist. */
export async function lookUpFile(call: Call, view: View, path: string): Promise<Spot & { readonly state: StateRow }> {
  const spot = await lookUp(call, view, path);
  const { state } = spot;
  if (!state) throw fileNotFound(call, path);
  if (state.kind === 'd') throw isADirectory(call, path);
  return { ...spot, state };
}

export const getFile = async (call: Call, view: View, path: string): Promise<StateRow> =>
  (await lookUpFile(call, view, path)).state;

export async function getDirectory(call: Call, view: View, path: string): Promise<StateRow> {
  const state = await getState(call, view, path);
  if (state.kind === 'f') throw notADirectory(call, path);
  return state;
}

/** Files are written where there is nothing or a file. */
export function checkKind(call: Call, spot: Pick<Spot, 'path' | 'state'>): void {
  if (spot.state?.kind === 'd') throw isADirectory(call, spot.path);
}

export interface Precondition {
  /** Etags of which the file has one; `*` stands for any. */
  readonly if_match?: string | readonly string[] | undefined;
  /** Etags of which it has none; `*` says that there is nothing. */
  readonly if_none_match?: readonly string[] | undefined;
  /** Milliseconds. Says nothing of a file that is not there. */
  readonly if_unmodified_since?: number | undefined;
}

/** The state has to be the expected one; the conditions are tried in the order of RFC 9110 §13.2.2. */
export function checkPrecondition(call: Call, spot: Pick<Spot, 'path' | 'state'>, precondition: Precondition): void {
  const { if_match, if_none_match, if_unmodified_since } = precondition;
  const current = spot.state?.etag ?? null;
  if (if_match !== undefined && !namesEtag([if_match].flat(), current)) {
    throw etagMismatch(call, spot, { expected_etag: if_match, says: 'is not at the expected etag' });
  }
  if (if_unmodified_since !== undefined && spot.state && spot.state.modified_at > if_unmodified_since) {
    throw etagMismatch(call, spot, { expected_etag: null, says: 'was changed since' });
  }
  if (if_none_match?.includes('*') && spot.state) throw alreadyExists(call, spot.path);
  if (if_none_match && namesEtag(if_none_match, current)) {
    throw etagMismatch(call, spot, { expected_etag: null, says: 'is at an etag that was ruled out' });
  }
}

const namesEtag = (etags: readonly string[], current: string | null): boolean =>
  current !== null && (etags.includes(current) || etags.includes('*'));

function etagMismatch(
  call: Call,
  spot: Pick<Spot, 'path' | 'state'>,
  wrong: { readonly expected_etag: string | readonly string[] | null; readonly says: string },
): Fault {
  const path = call.shown(spot.path);
  const [only, ...others] = [wrong.expected_etag].flat();
  return pathFault('ETAG_MISMATCH', `${path} ${wrong.says}; read it again`, {
    path,
    expected_etag: others.length > 0 ? wrong.expected_etag : (only ?? null),
    current_etag: spot.state?.etag ?? null,
  });
}
