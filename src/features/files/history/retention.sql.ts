/** Past states in slices, for pruning. Each query costs by its slice, not by the history. */
import { OPEN_END, type Tx } from '../../../ports/sql.ts';
import type { PastState } from './retention.ts';

/** Rows of a file that are looked at, newest version first, to find whether it exists. */
const NEWEST_ROWS = 200;

/** The keys of branches that states carry, deleted branches included. */
export async function listKeys(tx: Tx, zone_id: string): Promise<string[]> {
  const rows = await tx.all<{ branch: string }>(
    `WITH RECURSIVE keys (branch) AS (
       SELECT MIN(branch) FROM file_states WHERE zone_id = ?
       UNION ALL
       SELECT (SELECT MIN(s.branch) FROM file_states s WHERE s.zone_id = ? AND s.branch > k.branch)
       FROM keys k WHERE k.branch IS NOT NULL
     )
     SELECT branch FROM keys WHERE branch IS NOT NULL`,
    [zone_id, zone_id],
  );
  return rows.map((row) => row.branch);
}

/** Deletes at most `rows` states of one branch and gives how many that were. */
export async function deleteOfBranch(tx: Tx, zone_id: string, of: { branch: string; rows: number }): Promise<number> {
  const last = await tx.all<{ path: string; ended: number }>(
    'SELECT path, ended FROM file_states WHERE zone_id = ? AND branch = ? ORDER BY path, ended LIMIT ?',
    [zone_id, of.branch, of.rows],
  );
  const edge = last.at(-1);
  if (!edge) return 0;
  return tx.run('DELETE FROM file_states WHERE zone_id = ? AND branch = ? AND path <= ? AND (path < ? OR ended <= ?)', [
    zone_id,
    of.branch,
    edge.path,
    edge.path,
    edge.ended,
  ]);
}

/** Where a slice ended, in the order of pruning. */
export interface Edge {
  readonly ended: number;
  readonly path: string;
  readonly branch: string;
}

export interface Slice {
  readonly after: Edge | null;
  /** Only states that ended at or before this revision. */
  readonly until: number;
  readonly rows: number;
  readonly versions_kept: number;
}

/** Past states in the order in which they ended. */
export function listPast(tx: Tx, zone_id: string, slice: Slice): Promise<PastState[]> {
  const { after, until, rows, versions_kept } = slice;
  const behind = after ? ' AND (s.ended, s.path, s.branch) > (?, ?, ?)' : '';
  const live = `SELECT 1 FROM (SELECT l.ended FROM file_states l WHERE l.zone_id = s.zone_id AND l.file_id = s.file_id
    ORDER BY l.version DESC, l.began DESC LIMIT ${NEWEST_ROWS}) v WHERE v.ended = ${OPEN_END}`;
  // A state that another of the same version followed is no version of its own.
  return tx.all<PastState>(
    `SELECT s.branch, s.path, s.kind, s.began, s.ended, s.size,
       CASE WHEN s.kind = 'f' AND s.version + CAST(? AS BIGINT) > (SELECT MAX(n.version) FROM file_states n
           WHERE n.zone_id = s.zone_id AND n.file_id = s.file_id)
         AND NOT EXISTS (SELECT 1 FROM file_states n WHERE n.zone_id = s.zone_id AND n.file_id = s.file_id
           AND n.version = s.version AND n.began = s.ended)
         AND EXISTS (${live}) THEN 1 ELSE 0 END AS newest
     FROM file_states s WHERE s.zone_id = ? AND s.ended < ${OPEN_END} AND s.ended <= ?${behind}
     ORDER BY s.ended, s.path, s.branch LIMIT ?`,
    [versions_kept, zone_id, until, ...(after ? [after.ended, after.path, after.branch] : []), rows],
  );
}

/** Deletes past states that came in one slice. */
export async function deletePast(tx: Tx, zone_id: string, states: readonly PastState[]): Promise<void> {
  const first = states[0];
  const last = states.at(-1);
  if (!first || !last) return;
  const keys = states.map((state) => `${state.branch}/${state.began}${state.path}`);
  await tx.run(
    `DELETE FROM file_states WHERE zone_id = ? AND ended >= ? AND ended <= ? AND ended < ${OPEN_END}
     AND branch || '/' || CAST(began AS TEXT) || path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, first.ended, last.ended, JSON.stringify(keys)],
  );
}
