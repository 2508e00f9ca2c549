/** What of files and their history goes when a zone ends, and where files name blobs. */
import type { Tx } from '../../ports/sql.ts';
import type { Place } from '../content/check-status.operations.ts';
import type { Reference } from '../content/collect.sql.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';

/** Every state, past ones too, keeps its content. */
export const fileContents: Reference = { table: 'file_states', column: 'blob_id' };

/** Versions of files that have a content, what is there now first. */
export const filesWith = (tx: Tx, blob_id: number, limit: number): Promise<Place[]> =>
  tx.all<Place>(
    `SELECT zone_id, branch, path, version FROM file_states WHERE blob_id = ?
     ORDER BY ended DESC, zone_id, branch, path, version DESC LIMIT ?`,
    [blob_id, limit],
  );

const removeStates = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run(
    `DELETE FROM file_states WHERE (zone_id, branch, path, began) IN
       (SELECT zone_id, branch, path, began FROM file_states WHERE zone_id = ? LIMIT ?)`,
    [zone_id, rows],
  );

/** Tables of the tree's history, each with what names a row in it. */
const TREE: readonly (readonly [string, string])[] = [
  ['tree_snapshots', 'zone_id, snapshot_id'],
  ['tree_branches', 'zone_id, branch'],
  ['tree_merges', 'zone_id, branch, into_branch'],
];

async function removeTree(tx: Tx, zone_id: string, rows: number): Promise<number> {
  let removed = 0;
  for (const [table, key] of TREE) {
    removed += await tx.run(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE zone_id = ? LIMIT ?)`,
      [zone_id, rows - removed],
    );
  }
  return removed;
}

export const removeFilesOf = rowFinalizer('files', removeStates);
export const removeTreeOf = rowFinalizer('tree', removeTree);

export const fileHousekeeping = [removeFilesOf, removeTreeOf];
