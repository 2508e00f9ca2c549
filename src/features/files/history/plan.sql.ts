/**
 * What a restore or merge is going to do, as rows of `tree_plans` in its own transaction: one for each path that
 * changes. Guarantees: few statements, whatever the number of paths; the rows are gone when the transaction ends.
 */

import type { PathSet } from '../../../core/call/access.ts';
import { atOrBelow } from '../../../ports/path-range.ts';
import { OPEN_END, type Tx } from '../../../ports/sql.ts';
import { type PastView, type Piece, selectStates, type View } from '../view.ts';
import { inPathSet } from '../within.ts';
import { changedPaths, columnsOf, joinView } from './pathwise.ts';

export const PLAN_COLUMNS = `zone_id, path, parent, action, conflict, kind, etag, size, encoding, content_type, metadata,
  other_file, ours_kind, ours_file_id, ours_version, ours_size, ours_created_at, ours_created_by, ours_own, base_is,
  ours_is, theirs_is`;

/** Columns of a state that plans are made from. */
export const SIDE = ['kind', 'etag', 'size', 'encoding', 'content_type', 'metadata', 'file_id', 'parent'] as const;
export const OURS = [...SIDE, 'version', 'created_at', 'created_by'] as const;

export async function clearPlan(tx: Tx, zone_id: string): Promise<void> {
  await tx.run('DELETE FROM tree_plans WHERE zone_id = ?', [zone_id]);
}

/** Everything at and below `path` becomes what it is in `past`. */
export async function planRestore(
  tx: Tx,
  views: { readonly now: PastView; readonly past: PastView },
  path: string,
): Promise<void> {
  const changed = changedPaths(views.past, views.now, { path });
  const ours = joinView(views.now, 'o', 'c.path');
  const past = joinView(views.past, 't', 'c.path');
  await tx.run(
    `INSERT INTO tree_plans (${PLAN_COLUMNS})
     SELECT CAST(? AS TEXT), path, COALESCE(t_parent, o_parent), CASE WHEN t_kind IS NULL THEN 'drop' ELSE 'put' END, 0,
       t_kind, t_etag, t_size, t_encoding, t_content_type, t_metadata,
       CASE WHEN t_kind = 'f' AND o_file_id IS DISTINCT FROM t_file_id THEN 1 ELSE 0 END,
       o_kind, o_file_id, o_version, o_size, o_created_at, o_created_by, o_own, NULL, NULL, NULL
     FROM (SELECT c.path, ${columnsOf(ours, 'o', OURS)}, ${ours.own} AS o_own, ${columnsOf(past, 't', SIDE)}
       FROM (${changed.sql}) c ${ours.sql} ${past.sql}) d
     WHERE o_kind IS DISTINCT FROM t_kind OR (o_kind = 'f' AND (o_etag <> t_etag OR o_content_type <> t_content_type
       OR o_metadata IS DISTINCT FROM t_metadata OR o_encoding <> t_encoding))`,
    [views.now.zone_id, ...changed.params, ...ours.params, ...past.params],
  );
}

export interface PlanTotals {
  /** Files that get a new version or begin. */
  readonly written: number;
  /** Files that end. */
  readonly removed: number;
  readonly directories_made: number;
  readonly directories_removed: number;
  /** Files among the written ones that were there before. */
  readonly replaced: number;
  /** Growth of the branch's own files, in number and bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Bytes of the largest file that is written; 0 where there is none. */
  readonly largest: number;
}

const OURS_ENDS = `(action = 'drop' OR (action = 'put' AND kind <> ours_kind))`;
const PUTS_FILE = `action = 'put' AND kind = 'f'`;
const ENDS_OWN_FILE = `ours_kind = 'f' AND ours_own = 1 AND action IN ('put', 'drop')`;

/** What the plan comes to. */
export async function totalPlan(tx: Tx, zone_id: string): Promise<PlanTotals> {
  const count = (when: string): string => `COUNT(CASE WHEN ${when} THEN 1 END)`;
  const row = await tx.get<PlanTotals>(
    `SELECT ${count(PUTS_FILE)} AS written, ${count(`ours_kind = 'f' AND ${OURS_ENDS}`)} AS removed,
       ${count(`action = 'put' AND kind = 'd'`)} AS directories_made,
       ${count(`ours_kind = 'd' AND ${OURS_ENDS}`)} AS directories_removed,
       ${count(`${PUTS_FILE} AND ours_kind = 'f'`)} AS replaced,
       ${count(PUTS_FILE)} - ${count(ENDS_OWN_FILE)} AS files,
       CAST(COALESCE(SUM(CASE WHEN ${PUTS_FILE} THEN size ELSE 0 END - CASE WHEN ${ENDS_OWN_FILE} THEN ours_size ELSE 0 END),
         0) AS BIGINT) AS bytes,
       COALESCE(MAX(CASE WHEN ${PUTS_FILE} THEN size END), 0) AS largest
     FROM tree_plans WHERE zone_id = ?`,
    [zone_id],
  );
  if (!row) throw new Error('an aggregate gave no row');
  return row;
}

/** A path of the plan for which a condition holds; the first in path order. */
export async function findPlanned(tx: Tx, zone_id: string, where: Piece): Promise<string | undefined> {
  const row = await tx.get<{ path: string }>(
    `SELECT p.path FROM tree_plans p WHERE p.zone_id = ? AND ${where.sql} ORDER BY p.path LIMIT 1`,
    [zone_id, ...where.params],
  );
  return row?.path;
}

export interface Applying {
  readonly revision: number;
  /** Ordinals that the revision has given to files already. */
  readonly ordinals: number;
  readonly reason: 'restore' | 'merge';
  readonly now: number;
  readonly by: string;
}

/** Ends the states that the plan drops or replaces, and begins those that it puts. A file that stays goes on. */
export async function applyPlan(tx: Tx, view: View, applying: Applying): Promise<void> {
  const { revision, ordinals, reason, now, by } = applying;
  const { zone_id } = view;
  const { branch } = view.layers[0];
  await tx.run(
    `UPDATE file_states SET ended = ? WHERE zone_id = ? AND branch = ? AND ended = ${OPEN_END}
     AND path IN (SELECT path FROM tree_plans WHERE zone_id = ? AND action IN ('put', 'drop'))`,
    [revision, zone_id, branch, zone_id],
  );
  const goesOn = `kind = 'f' AND ours_kind = 'f'`;
  await tx.run(
    `INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, etag, size, encoding,
       content_type, metadata, reason, created_at, created_by, modified_at, modified_by, blob_id)
     SELECT zone_id, CAST(? AS TEXT), path, parent, kind, CASE WHEN ${goesOn} THEN ours_file_id
       ELSE CAST(? AS TEXT) || CAST(CAST(? AS BIGINT) + ROW_NUMBER() OVER (ORDER BY path) AS TEXT) END,
       CAST(? AS BIGINT), ${OPEN_END}, CASE WHEN ${goesOn} THEN ours_version + 1 WHEN kind = 'f' THEN 1 ELSE 0 END,
       etag, COALESCE(size, 0), encoding, COALESCE(content_type, ''), metadata, CAST(? AS TEXT),
       CASE WHEN ${goesOn} THEN ours_created_at ELSE CAST(? AS BIGINT) END,
       CASE WHEN ${goesOn} THEN ours_created_by ELSE CAST(? AS TEXT) END, CAST(? AS BIGINT), CAST(? AS TEXT),
       (SELECT b.blob_id FROM blobs b WHERE b.sha256 = tree_plans.etag)
     FROM tree_plans WHERE zone_id = ? AND action = 'put'`,
    [branch, `f${revision}.`, ordinals, revision, reason, now, by, now, by, zone_id],
  );
}

/** On a branch, what its parents have at dropped paths is hidden. */
export async function hideDropped(tx: Tx, view: PastView, revision: number): Promise<void> {
  const [own, ...above] = view.layers;
  const [parent, ...more] = above;
  if (!parent) return;
  const inherited = joinView({ ...view, layers: [parent, ...more] }, 'i', 'c.path');
  await tx.run(
    `INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, etag, size, encoding,
       content_type, metadata, reason, created_at, created_by, modified_at, modified_by)
     SELECT c.zone_id, CAST(? AS TEXT), c.path, c.parent, 'x', ${inherited.col('file_id')}, CAST(? AS BIGINT), ${OPEN_END},
       0, NULL, 0, NULL, '', NULL, 'delete', 0, '', 0, ''
     FROM tree_plans c ${inherited.sql}
     WHERE c.zone_id = ? AND c.action = 'drop' AND ${inherited.col('kind')} IN ('f', 'd')`,
    [own.branch, revision, ...inherited.params, view.zone_id],
  );
}

/** The paths whose file or directory the plan ends without going on. */
export const endedPaths = (zone_id: string): Piece => ({
  sql: `SELECT path FROM tree_plans WHERE zone_id = ? AND ours_kind IS NOT NULL AND ${OURS_ENDS}`,
  params: [zone_id],
});

/** Files of a view at and below a path, of those paths that may be shown. */
export async function countFiles(tx: Tx, view: View, at: { path: string; shown: PathSet }): Promise<number> {
  const within = atOrBelow('s.path', at.path);
  const shown = inPathSet('s.path', at.shown, tx.dialect);
  const query = selectStates(view, {
    columns: 's.path',
    where: `s.kind = 'f' AND ${within.sql} AND ${shown.sql}`,
    params: [...within.params, ...shown.params],
  });
  const row = await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM (${query.sql}) t`, query.params);
  return row?.n ?? 0;
}
