/** Rows of snapshots: a name for a revision of one branch. */
import { isPlainText } from '../../../base/texts.ts';
import type { Tx } from '../../../ports/sql.ts';
import type { Piece } from '../view.ts';

export interface SnapshotRow {
  readonly snapshot_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly revision: number;
  readonly path: string;
  /** Key of the branch. */
  readonly branch: string;
  readonly created_at: number;
  readonly created_by: string;
}

const COLUMNS = 'snapshot_id, name, description, revision, path, branch, created_at, created_by';

/** By id or name; no name is an id. */
export async function findSnapshot(tx: Tx, zone_id: string, called: string): Promise<SnapshotRow | undefined> {
  if (!isPlainText(called)) return undefined;
  const sql = `SELECT ${COLUMNS} FROM tree_snapshots WHERE zone_id = ? AND (snapshot_id = ? OR name = ?)`;
  return tx.get<SnapshotRow>(sql, [zone_id, called, called]);
}

export async function insertSnapshot(tx: Tx, zone_id: string, row: SnapshotRow): Promise<void> {
  await tx.run(`INSERT INTO tree_snapshots (zone_id, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, [
    zone_id,
    row.snapshot_id,
    row.name,
    row.description,
    row.revision,
    row.path,
    row.branch,
    row.created_at,
    row.created_by,
  ]);
}

export async function deleteSnapshot(tx: Tx, zone_id: string, snapshot_id: string): Promise<void> {
  await tx.run('DELETE FROM tree_snapshots WHERE zone_id = ? AND snapshot_id = ?', [zone_id, snapshot_id]);
}

/** Is it kept by a snapshot, however old it is? */
export async function isPinned(tx: Tx, zone_id: string, of: { branch: string; revision: number }): Promise<boolean> {
  const row = await tx.get(
    'SELECT 1 AS one FROM tree_snapshots WHERE zone_id = ? AND branch = ? AND revision = ? LIMIT 1',
    [zone_id, of.branch, of.revision],
  );
  return row !== undefined;
}

export interface SnapshotPage {
  /** The last one of the page before. */
  readonly after: { readonly created_at: number; readonly snapshot_id: string } | null;
  /** Condition on `path`, where not all may be shown. */
  readonly shown: Piece;
  readonly limit: number;
}

/** Newest first, each with the name of its branch where that is not main. */
export function listSnapshots(
  tx: Tx,
  zone_id: string,
  page: SnapshotPage,
): Promise<(SnapshotRow & { readonly branch_name: string | null })[]> {
  const { after, shown } = page;
  const behind = after ? ' AND (s.created_at < ? OR (s.created_at = ? AND s.snapshot_id < ?))' : '';
  return tx.all(
    `SELECT ${COLUMNS.split(', ')
      .map((column) => `s.${column}`)
      .join(', ')}, b.name AS branch_name
     FROM tree_snapshots s LEFT JOIN tree_branches b ON b.zone_id = s.zone_id AND b.branch = s.branch
     WHERE s.zone_id = ?${behind} AND ${shown.sql} ORDER BY s.created_at DESC, s.snapshot_id DESC LIMIT ?`,
    [zone_id, ...(after ? [after.created_at, after.created_at, after.snapshot_id] : []), ...shown.params, page.limit],
  );
}

/** Names of snapshots of a branch, the first few. */
export async function snapshotsOf(tx: Tx, zone_id: string, branch: string): Promise<string[]> {
  const rows = await tx.all<{ name: string }>(
    'SELECT name FROM tree_snapshots WHERE zone_id = ? AND branch = ? ORDER BY name LIMIT 10',
    [zone_id, branch],
  );
  return rows.map((row) => row.name);
}

/** What all snapshots of a zone pin. */
export const listPinned = (
  tx: Tx,
  zone_id: string,
): Promise<{ readonly branch: string; readonly revision: number }[]> =>
  tx.all('SELECT DISTINCT branch, revision FROM tree_snapshots WHERE zone_id = ?', [zone_id]);
