/**
 * The plan of a merge: three-way by etag per path. `base` is what both sides came from, `theirs` the merged branch, `ours`
 * the one that is merged into. Guarantees: after the plan is carried out every file and directory has a directory above
 * it; what only one side changed is taken; equal changes of both are none; a statement for each step, whatever the size.
 */
import type { Tx } from '../../../ports/sql.ts';
import { type PastView, type Piece, selectStates, type View } from '../view.ts';
import { changedPaths, columnsOf, joinView } from './pathwise.ts';
import { OURS, PLAN_COLUMNS, SIDE } from './plan.sql.ts';

export interface Sides {
  readonly base: PastView;
  readonly ours: PastView;
  readonly theirs: PastView;
}

/** `theirs`: conflicts are settled for the merged branch; else they are kept as they are, and told. */
export interface Merging extends Sides {
  /** The branch of `ours`, live. */
  readonly target: View;
  readonly settle: 'ours' | 'theirs';
}

const differ = (one: string, other: string): string =>
  `(${one}_kind IS DISTINCT FROM ${other}_kind OR ${one}_etag IS DISTINCT FROM ${other}_etag)`;
const THEIRS_CHANGED = differ('t', 'b');
const OURS_CHANGED = differ('o', 'b');
const UNLIKE = differ('o', 't');
/** They changed metadata or content type alone, and we did not. */
const DESCRIBED = `(t_kind = 'f' AND b_kind = 'f' AND t_etag = b_etag AND o_kind = 'f'
  AND (t_metadata IS DISTINCT FROM b_metadata OR t_content_type <> b_content_type)
  AND o_metadata IS NOT DISTINCT FROM b_metadata AND o_content_type = b_content_type)`;
/** Where one side removed what the other made a directory of, the directory is in nobody's way. */
const HARMLESS = `(COALESCE(o_kind, 'd') = 'd' AND COALESCE(t_kind, 'd') = 'd')`;
const CONFLICT = `(${THEIRS_CHANGED} AND ${OURS_CHANGED} AND NOT ${HARMLESS})`;
/** What a side has, for the list of conflicts. */
const told = (side: string): string => `CASE WHEN ${side}_kind = 'd' THEN 'directory' ELSE ${side}_etag END`;
/** Three-way by field where all are files: theirs where they changed it. */
const field = (name: string): string => `CASE WHEN o_kind = 'f' AND t_kind = 'f' AND b_kind = 'f'
  AND t_${name} IS NOT DISTINCT FROM b_${name} THEN o_${name} ELSE t_${name} END`;
/** Content of the version that is going to be. */
const content = (name: string): string => `CASE WHEN ${DESCRIBED} THEN o_${name} ELSE t_${name} END`;

/** The three sides of the paths that `paths` selects, one row a path, as `d`. */
function threeSides(sides: Sides, paths: Piece): Piece {
  const ours = joinView(sides.ours, 'o', 'c.path');
  const theirs = joinView(sides.theirs, 't', 'c.path');
  const base = joinView(sides.base, 'b', 'c.path');
  return {
    sql: `(SELECT c.path, ${columnsOf(ours, 'o', OURS)}, ${ours.own} AS o_own, ${columnsOf(theirs, 't', SIDE)},
      ${columnsOf(base, 'b', SIDE)} FROM (${paths.sql}) c ${ours.sql} ${theirs.sql} ${base.sql}) d`,
    params: [...paths.params, ...ours.params, ...theirs.params, ...base.params],
  };
}

const OURS_VALUES = 'o_kind, o_file_id, o_version, o_size, o_created_at, o_created_by, o_own';
const TOLD = `${told('b')}, ${told('o')}, ${told('t')}`;

/** Fills the plan. */
export async function planMerge(tx: Tx, merging: Merging): Promise<void> {
  await planPaths(tx, merging);
  await planFolders(tx, merging);
  if (merging.settle === 'ours') await leaveBelowFiles(tx, merging.ours.zone_id);
  await planReplacedFolders(tx, merging);
  await keepFoldersInUse(tx, merging.target);
}

/** Each path by itself. */
async function planPaths(tx: Tx, { settle, ...sides }: Merging): Promise<void> {
  const three = threeSides(sides, changedPaths(sides.base, sides.theirs, { path: '/' }));
  const kept = settle === 'ours' ? `WHEN ${CONFLICT} THEN 'keep'` : '';
  await tx.run(
    `INSERT INTO tree_plans (${PLAN_COLUMNS})
     SELECT CAST(? AS TEXT), path, COALESCE(t_parent, o_parent, b_parent),
       CASE ${kept} WHEN t_kind IS NULL THEN 'drop' ELSE 'put' END, CASE WHEN ${CONFLICT} THEN 1 ELSE 0 END,
       t_kind, ${content('etag')}, ${content('size')}, ${content('encoding')}, ${field('content_type')},
       ${field('metadata')}, 0, ${OURS_VALUES}, ${TOLD}
     FROM ${three.sql}
     WHERE (${THEIRS_CHANGED} AND ${UNLIKE}
       AND NOT (${OURS_CHANGED} AND t_kind IS NULL AND o_kind = 'd')) OR ${DESCRIBED}`,
    [sides.ours.zone_id, ...three.params],
  );
}

/**
 * Folders that what is put needs and that we do not have, however far up. Where we have a file instead of one that they
 * left alone, that is a conflict of its own.
 */
async function planFolders(tx: Tx, { settle, ...sides }: Merging): Promise<void> {
  const { zone_id } = sides.ours;
  const theirs = joinView(sides.theirs, 't', 'n.path');
  const parent = theirs.col('parent');
  const three = threeSides(sides, { sql: 'SELECT path FROM need', params: [] });
  const blocked = `o_kind = 'f'`;
  await tx.run(
    `WITH RECURSIVE need (path) AS (
       SELECT parent FROM tree_plans WHERE zone_id = ? AND action = 'put' AND parent <> '/'
       UNION
       SELECT ${parent} FROM need n ${theirs.sql} WHERE ${parent} <> '/'
     )
     INSERT INTO tree_plans (${PLAN_COLUMNS})
     SELECT CAST(? AS TEXT), path, t_parent, CASE WHEN ${blocked} AND CAST(? AS TEXT) = 'ours' THEN 'keep' ELSE 'put' END,
       CASE WHEN ${blocked} THEN 1 ELSE 0 END, 'd', NULL, 0, NULL, '', NULL, 0, ${OURS_VALUES}, ${TOLD}
     FROM ${three.sql}
     WHERE o_kind IS DISTINCT FROM 'd'
       AND (SELECT 1 FROM tree_plans p WHERE p.zone_id = ? AND p.path = d.path) IS NULL`,
    [zone_id, ...theirs.params, zone_id, settle, ...three.params, zone_id],
  );
}

/** Below a file of ours that is kept nothing can be put. */
async function leaveBelowFiles(tx: Tx, zone_id: string): Promise<void> {
  await tx.run(
    `DELETE FROM tree_plans WHERE zone_id = ? AND action = 'put' AND path IN (
       SELECT p.path FROM tree_plans q JOIN tree_plans p ON p.zone_id = q.zone_id
         AND p.path > q.path || '/' AND p.path < q.path || '0'
       WHERE q.zone_id = ? AND q.action = 'keep' AND q.ours_kind = 'f' AND q.kind = 'd')`,
    [zone_id, zone_id],
  );
}

/**
 * Something of ours below a folder of the plan that the plan does not drop. Asked as a value, row by row: PostgreSQL
 * would make a join of an EXISTS, and compare every folder with every file.
 */
function survivor(ours: View): Piece {
  const below = selectStates(ours, {
    columns: '1 AS one',
    where: `s.path > tree_plans.path || '/' AND s.path < tree_plans.path || '0' AND (SELECT 1 FROM tree_plans p
      WHERE p.zone_id = s.zone_id AND p.path = s.path AND p.action = 'drop') IS NULL`,
    params: [],
  });
  return { sql: `(${below.sql} LIMIT 1) IS NOT NULL`, params: below.params };
}

/** A file of theirs in the place of a folder of ours that still holds something: a conflict. */
async function planReplacedFolders(tx: Tx, { settle, target: ours }: Merging): Promise<void> {
  const { zone_id } = ours;
  const replaced = `action = 'put' AND kind = 'f' AND ours_kind = 'd'`;
  const left = survivor(ours);
  const found = await tx.run(
    `UPDATE tree_plans SET conflict = 1, action = CAST(? AS TEXT) WHERE zone_id = ? AND ${replaced} AND ${left.sql}`,
    [settle === 'ours' ? 'keep' : 'put', zone_id, ...left.params],
  );
  if (found === 0 || settle === 'ours') return;
  const inside = selectStates(ours, {
    columns: 's.path, s.parent, s.kind, s.etag, s.size, s.file_id, s.version, s.created_at, s.created_by, s.branch',
    join: `JOIN tree_plans q ON q.zone_id = s.zone_id AND q.action = 'put' AND q.kind = 'f' AND q.ours_kind = 'd'
      AND s.path > q.path || '/' AND s.path < q.path || '0'`,
    where: '(SELECT 1 FROM tree_plans p WHERE p.zone_id = s.zone_id AND p.path = s.path) IS NULL',
    params: [],
  });
  await tx.run(
    `INSERT INTO tree_plans (${PLAN_COLUMNS})
     SELECT CAST(? AS TEXT), path, parent, 'drop', 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, kind, file_id, version, size,
       created_at, created_by, CASE WHEN branch = ? THEN 1 ELSE 0 END, NULL, NULL, NULL FROM (${inside.sql}) t`,
    [zone_id, ours.layers[0].branch, ...inside.params],
  );
}

/** A folder that they removed stays where something of ours stays in it. */
async function keepFoldersInUse(tx: Tx, ours: View): Promise<void> {
  const left = survivor(ours);
  await tx.run(`DELETE FROM tree_plans WHERE zone_id = ? AND action = 'drop' AND ours_kind = 'd' AND ${left.sql}`, [
    ours.zone_id,
    ...left.params,
  ]);
}

export interface ConflictRow {
  readonly path: string;
  /** An etag, `directory`, or null for nothing. */
  readonly base: string | null;
  readonly ours: string | null;
  readonly theirs: string | null;
}

/** The first conflicts in path order, and how many there are. */
export async function listConflicts(
  tx: Tx,
  zone_id: string,
  limit: number,
): Promise<{ readonly conflicts: ConflictRow[]; readonly total: number }> {
  const conflicts = await tx.all<ConflictRow>(
    `SELECT path, base_is AS base, ours_is AS ours, theirs_is AS theirs FROM tree_plans
     WHERE zone_id = ? AND conflict = 1 ORDER BY path LIMIT ?`,
    [zone_id, limit],
  );
  if (conflicts.length < limit) return { conflicts, total: conflicts.length };
  const row = await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM tree_plans WHERE zone_id = ? AND conflict = 1', [
    zone_id,
  ]);
  return { conflicts, total: row?.n ?? conflicts.length };
}
