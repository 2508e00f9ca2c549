/** Rows of branches. `branch` is the key that states carry, never given out again; `name` is free after deletion. */
import { OPEN_END, type Tx } from '../../../ports/sql.ts';
import type { Link } from '../view.ts';

export interface BranchRow extends Link {
  readonly created_at: number;
  readonly created_by: string;
}

const COLUMNS = 'branch, name, parent, base_revision, created_at, created_by';

/** A branch with the branches it grew from, itself first; empty where there is none. One statement. */
export function listChain(tx: Tx, zone_id: string, of: { name: string } | { key: string }): Promise<BranchRow[]> {
  const [column, value] = 'name' in of ? ['name', of.name] : ['branch', of.key];
  return tx.all<BranchRow>(
    `WITH RECURSIVE chain (branch, name, parent, base_revision, created_at, created_by, depth) AS (
       SELECT ${COLUMNS}, 0 FROM tree_branches WHERE zone_id = ? AND ${column} = ?
       UNION ALL
       SELECT b.branch, b.name, b.parent, b.base_revision, b.created_at, b.created_by, c.depth + 1
       FROM chain c JOIN tree_branches b ON b.zone_id = ? AND b.branch = c.parent
     )
     SELECT ${COLUMNS} FROM chain ORDER BY depth`,
    [zone_id, value, zone_id],
  );
}

export async function insertBranch(tx: Tx, zone_id: string, row: BranchRow): Promise<void> {
  await tx.run(`INSERT INTO tree_branches (zone_id, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
    zone_id,
    row.branch,
    row.name,
    row.parent,
    row.base_revision,
    row.created_at,
    row.created_by,
  ]);
}

export interface BranchPage {
  /** Only names after this one. */
  readonly after: string;
  readonly limit: number;
}

/** In the order of their names, each with the name of its parent where that is a branch too. */
export function listBranches(
  tx: Tx,
  zone_id: string,
  page: BranchPage,
): Promise<(BranchRow & { readonly parent_name: string | null })[]> {
  return tx.all(
    `SELECT b.branch, b.name, b.parent, b.base_revision, b.created_at, b.created_by, p.name AS parent_name
     FROM tree_branches b LEFT JOIN tree_branches p ON p.zone_id = b.zone_id AND p.branch = b.parent
     WHERE b.zone_id = ? AND b.name > ? ORDER BY b.name LIMIT ?`,
    [zone_id, page.after, page.limit],
  );
}

/** All of a zone, for what they pin. */
export const listLinks = (tx: Tx, zone_id: string): Promise<Link[]> =>
  tx.all<Link>('SELECT branch, name, parent, base_revision FROM tree_branches WHERE zone_id = ?', [zone_id]);

/** Names of branches that grew from one, the first few. */
export async function childrenOf(tx: Tx, zone_id: string, branch: string): Promise<string[]> {
  const rows = await tx.all<{ name: string }>(
    'SELECT name FROM tree_branches WHERE zone_id = ? AND parent = ? ORDER BY name LIMIT 10',
    [zone_id, branch],
  );
  return rows.map((row) => row.name);
}

/** The name is free, what was merged from and into it is forgotten, and its states end. */
export async function removeBranch(tx: Tx, zone_id: string, end: { branch: string; revision: number }): Promise<void> {
  const { branch, revision } = end;
  await tx.run('DELETE FROM tree_branches WHERE zone_id = ? AND branch = ?', [zone_id, branch]);
  await tx.run('DELETE FROM tree_merges WHERE zone_id = ? AND (branch = ? OR into_branch = ?)', [
    zone_id,
    branch,
    branch,
  ]);
  await tx.run(`UPDATE file_states SET ended = ? WHERE zone_id = ? AND branch = ? AND ended = ${OPEN_END}`, [
    revision,
    zone_id,
    branch,
  ]);
}

export interface MergeRow {
  /** Key of the branch that was merged. */
  readonly branch: string;
  readonly into_branch: string;
  /** Revision up to which it was. */
  readonly merged_revision: number;
}

/** The newest merge between two branches, in either direction. */
export function findMerge(tx: Tx, zone_id: string, between: readonly [string, string]): Promise<MergeRow | undefined> {
  const [one, other] = between;
  return tx.get<MergeRow>(
    `SELECT branch, into_branch, merged_revision FROM tree_merges
     WHERE zone_id = ? AND ((branch = ? AND into_branch = ?) OR (branch = ? AND into_branch = ?))
     ORDER BY merged_revision DESC LIMIT 1`,
    [zone_id, one, other, other, one],
  );
}

export async function keepMerge(tx: Tx, zone_id: string, merge: MergeRow): Promise<void> {
  await tx.run(
    `INSERT INTO tree_merges (zone_id, branch, into_branch, merged_revision) VALUES (?, ?, ?, ?)
     ON CONFLICT (zone_id, branch, into_branch) DO UPDATE SET merged_revision = excluded.merged_revision`,
    [zone_id, merge.branch, merge.into_branch, merge.merged_revision],
  );
}

export const listMerges = (tx: Tx, zone_id: string): Promise<MergeRow[]> =>
  tx.all<MergeRow>('SELECT branch, into_branch, merged_revision FROM tree_merges WHERE zone_id = ?', [zone_id]);
