/** Queries on the states of files. Each is one statement, whatever the number of entries or grants. */
import { cutAfter, parentOf, rangeBelow } from '../../base/paths.ts';
import { type Foresight, OPEN_END, type RowsInsert, type SqlValue, type Tx } from '../../ports/sql.ts';
import { isLiveMain, MAIN, mainView, type StateShape, selectStates, shapedStates, type View } from './view.ts';
import { atOrBelow, belowAny } from './within.ts';

export interface StateRow {
  readonly branch: string;
  readonly path: string;
  readonly kind: 'f' | 'd' | 'x';
  readonly file_id: string;
  readonly began: number;
  readonly version: number;
  readonly etag: string | null;
  readonly size: number;
  readonly encoding: string | null;
  readonly content_type: string;
  readonly metadata: string | null;
  /** How the version came about. */
  readonly reason: string;
  readonly created_at: number;
  readonly created_by: string;
  readonly modified_at: number;
  readonly modified_by: string;
}

export interface ContentRow extends StateRow {
  readonly inline: Uint8Array | null;
  /** 1 when the content is valid UTF-8; null for a directory. */
  readonly utf8: number | null;
}

export const STATE_COLUMNS = `s.branch, s.path, s.kind, s.file_id, s.began, s.version, s.etag, s.size, s.encoding,
  s.content_type, s.metadata, s.reason, s.created_at, s.created_by, s.modified_at, s.modified_by`;

const PAST_COLUMNS = `zone_id, branch, path, parent, kind, file_id, began, ended, version, etag, size, encoding,
  content_type, metadata, reason, created_at, created_by, modified_at, modified_by, blob_id`;

/** Content of a state `s`, where it has one. */
export const JOIN_BLOB = 'LEFT JOIN blobs b ON b.blob_id = s.blob_id';

const ONE_STATE: StateShape = { columns: STATE_COLUMNS, where: 's.path = ?' };
const ONE_CONTENT: StateShape = {
  columns: `${STATE_COLUMNS}, b.inline, b.utf8`,
  join: JOIN_BLOB,
  where: 's.path = ?',
};

/** The state of one path. */
export async function findState(tx: Tx, view: View, path: string): Promise<StateRow | undefined> {
  const query = shapedStates(view, ONE_STATE, [path]);
  return tx.get<StateRow>(query.sql, query.params);
}

/** The state of one path with its inline bytes. */
export async function findContent(tx: Tx, view: View, path: string): Promise<ContentRow | undefined> {
  const query = shapedStates(view, ONE_CONTENT, [path]);
  return tx.get<ContentRow>(query.sql, query.params);
}

/** By the number of paths. */
const someStates: StateShape[] = [];
const someStatesOf = (paths: number): StateShape =>
  (someStates[paths] ??= {
    columns: STATE_COLUMNS,
    where: `s.path IN (${Array(paths).fill('?').join(', ')})`,
    withRemoved: true,
  });

/** States of several paths, removals of the own branch included; the missing ones are left out. */
export async function listStates(tx: Tx, view: View, paths: readonly string[]): Promise<StateRow[]> {
  const { rows, unknown } = knownStates(tx, view, paths);
  if (unknown.length === 0) return rows;
  const query = shapedStates(view, someStatesOf(unknown.length), unknown);
  const found = await tx.all<StateRow>(query.sql, query.params);
  knowStates(tx, view, { paths: unknown, found });
  return [...rows, ...found];
}

/** A live state of main, to its commit. */
const liveKey = (zone_id: string, path: string): string => `${zone_id}\n${path}`;

function knownStates(tx: Tx, view: View, paths: readonly string[]): { rows: StateRow[]; unknown: readonly string[] } {
  if (!isLiveMain(view)) return { rows: [], unknown: paths };
  const rows: StateRow[] = [];
  const unknown: string[] = [];
  for (const path of paths) {
    const row = tx.kept<StateRow>('file_states', liveKey(view.zone_id, path));
    if (row) rows.push(row);
    else if (row === undefined) unknown.push(path);
  }
  return { rows, unknown };
}

interface LookedUp {
  readonly paths: readonly string[];
  /** The states that there are. */
  readonly found: readonly StateRow[];
}

function knowStates(tx: Tx, view: View, { paths, found }: LookedUp): void {
  if (!isLiveMain(view)) return;
  for (const path of paths) tx.know('file_states', liveKey(view.zone_id, path), null);
  for (const row of found) tx.know('file_states', liveKey(view.zone_id, row.path), row);
}

/** What a write on main at these paths is going to look up. */
export const foreseeStates = (zone_id: string, paths: readonly string[]): Foresight => ({
  keys: paths.map((path) => liveKey(zone_id, path)),
  lookUp: lookUpKeys,
});

async function lookUpKeys(tx: Tx, keys: readonly string[]): Promise<void> {
  const zones = Map.groupBy(keys, (key) => key.slice(0, key.indexOf('\n')));
  for (const [zone_id, own] of zones) {
    const paths = own.map((key) => key.slice(zone_id.length + 1));
    const view = mainView(zone_id);
    const found = await listStatesOf(tx, view, paths);
    knowStates(tx, view, { paths, found });
  }
}

/** The same for any number of paths. */
export async function listStatesOf(tx: Tx, view: View, paths: readonly string[]): Promise<StateRow[]> {
  const query = selectStates(view, {
    columns: STATE_COLUMNS,
    where: `s.path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    params: [JSON.stringify(paths)],
    withRemoved: true,
  });
  return tx.all<StateRow>(query.sql, query.params);
}

/** Any number of paths with their inline bytes; removals left out. */
export async function listContents(tx: Tx, view: View, paths: readonly string[]): Promise<ContentRow[]> {
  const query = selectStates(view, {
    columns: `${STATE_COLUMNS}, b.inline, b.utf8`,
    join: JOIN_BLOB,
    where: `s.path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    params: [JSON.stringify(paths)],
  });
  return tx.all<ContentRow>(query.sql, query.params);
}

export interface NewState extends StateRow {
  readonly zone_id: string;
  readonly parent: string;
}

/** The blob is there by then: a state comes after its content. */
const stateRows: RowsInsert = {
  into: 'file_states',
  columns: PAST_COLUMNS.split(/,\s*/),
  values: { blob_id: '(SELECT blob_id FROM blobs WHERE sha256 = ?)' },
};

export async function insertStates(tx: Tx, states: readonly NewState[]): Promise<void> {
  await tx.insert(
    stateRows,
    states.map((state) => [
      state.zone_id,
      state.branch,
      state.path,
      state.parent,
      state.kind,
      state.file_id,
      state.began,
      OPEN_END,
      state.version,
      state.etag,
      state.size,
      state.encoding,
      state.content_type,
      state.metadata,
      state.reason,
      state.created_at,
      state.created_by,
      state.modified_at,
      state.modified_by,
      state.etag,
    ]),
  );
  for (const row of states) {
    if (row.branch === MAIN) tx.know('file_states', liveKey(row.zone_id, row.path), row);
  }
}

export interface Place {
  readonly zone_id: string;
  readonly branch: string;
}

/** Ends the branch's own state of one path at a revision; the row stays as history. */
export async function endState(tx: Tx, place: Place, end: { path: string; revision: number }): Promise<void> {
  await tx.run(
    `UPDATE file_states SET ended = ? WHERE zone_id = ? AND branch = ? AND path = ? AND ended = ${OPEN_END}`,
    [end.revision, place.zone_id, place.branch, end.path],
    place.branch === MAIN ? { table: 'file_states', key: liveKey(place.zone_id, end.path), row: null } : undefined,
  );
}

export interface PageQuery {
  /** Only paths after this one. */
  readonly after: string;
  readonly limit: number;
  /** Paths that may be shown, as a JSON array, when not all may: the entries themselves (children) or roots (below). */
  readonly only: readonly string[] | null;
}

/** Entries of one folder, in path order. */
export async function listChildren(tx: Tx, view: View, page: PageQuery & { folder: string }): Promise<StateRow[]> {
  const only = page.only === null ? '' : ` AND s.path IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const params: SqlValue[] = [page.folder, page.after];
  if (page.only !== null) params.push(JSON.stringify(page.only));
  const query = selectStates(view, {
    columns: STATE_COLUMNS,
    where: `s.parent = ? AND s.path > ? AND s.path <> '/'${only}`,
    params,
  });
  return tx.all<StateRow>(`${query.sql} ORDER BY path LIMIT ?`, [...query.params, page.limit]);
}

export interface BelowQuery extends PageQuery {
  readonly folder: string;
  /** Beside `only`: the folders that lead there. */
  readonly towards: readonly string[];
}

/** Everything below a folder, in path order; with `only`, what lies at or below one of those paths. */
export async function listBelow(tx: Tx, view: View, page: BelowQuery): Promise<StateRow[]> {
  const range = rangeBelow(page.folder);
  const params: SqlValue[] = [page.after, range.from, range.to];
  let only = '';
  if (page.only !== null) {
    only = ` AND (${belowAny('s.path', tx.dialect)} OR s.path IN (SELECT value FROM ${tx.dialect.textsOf}))`;
    params.push(JSON.stringify(page.only), JSON.stringify(page.towards));
  }
  const query = selectStates(view, {
    columns: STATE_COLUMNS,
    where: `s.path > ? AND s.path > ? AND s.path < ?${only}`,
    params,
  });
  return tx.all<StateRow>(`${query.sql} ORDER BY path LIMIT ?`, [...query.params, page.limit]);
}

/** Is there any entry in the folder? */
export async function hasChildren(tx: Tx, view: View, folder: string): Promise<boolean> {
  const query = selectStates(view, { columns: '1 AS one', where: 's.parent = ?', params: [folder] });
  return (await tx.get(`${query.sql} LIMIT 1`, query.params)) !== undefined;
}

export interface Totals {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** Size of the largest file. */
  readonly largest: number;
  /** Bytes of the longest path, names of the deepest. */
  readonly longest: number;
  readonly deepest: number;
}

/** What lies below a folder, counted. */
export async function countBelow(tx: Tx, view: View, folder: string): Promise<Totals> {
  const range = rangeBelow(folder);
  const query = selectStates(view, {
    columns: 's.kind, s.size, s.path',
    where: 's.path > ? AND s.path < ?',
    params: [range.from, range.to],
  });
  const row = await tx.get<Totals>(
    `SELECT COALESCE(SUM(CASE WHEN kind = 'f' THEN 1 ELSE 0 END), 0) AS files,
       COALESCE(SUM(CASE WHEN kind = 'd' THEN 1 ELSE 0 END), 0) AS directories,
       CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, COALESCE(MAX(size), 0) AS largest,
       COALESCE(MAX(octet_length(path)), 0) AS longest,
       COALESCE(MAX(length(path) - length(replace(path, '/', ''))), 0) AS deepest FROM (${query.sql}) t`,
    query.params,
  );
  return row ?? { files: 0, directories: 0, bytes: 0, largest: 0, longest: 0, deepest: 0 };
}

export interface SubtreeMove {
  readonly from: string;
  readonly to: string;
  readonly revision: number;
}

/** All states at and below `from` go on under `to`, with the same file and version, as one step of history. */
export async function moveSubtree(tx: Tx, view: View, move: SubtreeMove): Promise<void> {
  const branch = view.layers[0].branch;
  const within = atOrBelow('s.path', move.from);
  const query = selectStates(view, { columns: 's.*', where: within.sql, params: within.params });
  const cut = cutAfter(move.from);
  await endRemovals(tx, view, move);
  await tx.run(
    `INSERT INTO file_states (${PAST_COLUMNS})
     SELECT zone_id, CAST(? AS TEXT), CAST(? AS TEXT) || substr(path, ${cut}),
       CASE WHEN path = ? THEN CAST(? AS TEXT) ELSE CAST(? AS TEXT) || substr(parent, ${cut}) END, kind, file_id,
       CAST(? AS BIGINT), ${OPEN_END}, version, etag, size, encoding, content_type, metadata, reason, created_at,
       created_by, modified_at, modified_by, blob_id FROM (${query.sql}) t`,
    [branch, move.to, move.from, parentOf(move.to), move.to, move.revision, ...query.params],
  );
  await removeSubtree(tx, view, { path: move.from, revision: move.revision });
}

export interface SubtreeCopy extends SubtreeMove {
  /** Ordinals that the revision has given to files already. */
  readonly ordinals: number;
  readonly now: number;
  readonly by: string;
}

/** All states at and below `from` begin under `to` as new files with the same content, metadata and content type. */
export async function copySubtree(tx: Tx, view: View, copy: SubtreeCopy): Promise<void> {
  const within = atOrBelow('s.path', copy.from);
  const query = selectStates(view, { columns: 's.*', where: within.sql, params: within.params });
  const cut = cutAfter(copy.from);
  await endRemovals(tx, view, copy);
  await tx.run(
    `INSERT INTO file_states (${PAST_COLUMNS})
     SELECT zone_id, CAST(? AS TEXT), CAST(? AS TEXT) || substr(path, ${cut}),
       CASE WHEN path = ? THEN CAST(? AS TEXT) ELSE CAST(? AS TEXT) || substr(parent, ${cut}) END, kind,
       CAST(? AS TEXT) || CAST(CAST(? AS BIGINT) + ROW_NUMBER() OVER (ORDER BY path) AS TEXT), CAST(? AS BIGINT),
       ${OPEN_END}, CASE WHEN kind = 'f' THEN 1 ELSE 0 END, etag, size, encoding, content_type, metadata,
       CASE WHEN kind = 'f' THEN 'copy' ELSE 'mkdir' END, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT),
       CAST(? AS TEXT), blob_id FROM (${query.sql}) t`,
    [
      view.layers[0].branch,
      copy.to,
      copy.from,
      parentOf(copy.to),
      copy.to,
      `f${copy.revision}.`,
      copy.ordinals,
      copy.revision,
      copy.now,
      copy.by,
      copy.now,
      copy.by,
      ...query.params,
    ],
  );
}

/** Ends all states at and below a path; on a branch, what its parents have there is hidden by rows of kind `x`. */
export async function removeSubtree(tx: Tx, view: View, end: { path: string; revision: number }): Promise<void> {
  const branch = view.layers[0].branch;
  const subtree = atOrBelow('s.path', end.path);
  // The sign keeps the planner from going by revision, through everything that began before.
  const within = `${subtree.sql} AND +s.began < ?`;
  const params = [...subtree.params, end.revision];
  await tx.run(
    `UPDATE file_states AS s SET ended = ? WHERE zone_id = ? AND branch = ? AND ended = ${OPEN_END} AND ${within}`,
    [end.revision, view.zone_id, branch, ...params],
  );
  if (isLiveMain(view)) return;
  // The own states have ended, so what the view still shows there comes from the parents.
  const inherited = selectStates(view, { columns: 's.path, s.parent, s.file_id', where: within, params });
  await tx.run(
    `INSERT INTO file_states (${PAST_COLUMNS})
     SELECT CAST(? AS TEXT), CAST(? AS TEXT), path, parent, 'x', file_id, CAST(? AS BIGINT), ${OPEN_END}, 0, NULL, 0, NULL,
       '', NULL, 'delete', 0, '', 0, '', NULL FROM (${inherited.sql}) t`,
    [view.zone_id, branch, end.revision, ...inherited.params],
  );
}

/** Of a column that holds a path: is it one that this removal ended? A path that never was is none. */
export const removedWith =
  (view: View, { path, revision }: { path: string; revision: number }) =>
  (column: string) => {
    const within = atOrBelow(column, path);
    return {
      sql: `${within.sql} AND EXISTS (SELECT 1 FROM file_states r
      WHERE r.zone_id = ? AND r.branch = ? AND r.path = ${column} AND r.ended = ?)`,
      params: [...within.params, view.zone_id, view.layers[0].branch, revision],
    };
  };

/**
 * Removals that the branch recorded where states are going to begin end. The others below `to` stay: what the parents
 * have there is still hidden.
 */
async function endRemovals(tx: Tx, view: View, { from, to, revision }: SubtreeMove): Promise<void> {
  if (isLiveMain(view)) return;
  const within = atOrBelow('path', to);
  const coming = atOrBelow('s.path', from);
  const query = selectStates(view, { columns: 's.path', where: coming.sql, params: coming.params });
  await tx.run(
    `UPDATE file_states SET ended = ? WHERE zone_id = ? AND branch = ? AND ended = ${OPEN_END} AND kind = 'x'
     AND ${within.sql} AND path IN (SELECT CAST(? AS TEXT) || substr(path, ${cutAfter(from)}) FROM (${query.sql}) t)`,
    [revision, view.zone_id, view.layers[0].branch, ...within.params, to, ...query.params],
  );
}
