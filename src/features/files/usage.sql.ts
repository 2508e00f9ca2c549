/** What of a subtree counts against the zone: the branch's own files, not what it inherits. */
import { OPEN_END, type Tx } from '../../ports/sql.ts';
import type { View } from './view.ts';
import { atOrBelow } from './within.ts';

export interface OwnTotals {
  readonly files: number;
  readonly bytes: number;
}

/** Own live files at and below a path. */
export async function ownTotals(tx: Tx, view: View, path: string): Promise<OwnTotals> {
  const within = atOrBelow('path', path);
  const row = await tx.get<OwnTotals>(
    `SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM file_states
     WHERE zone_id = ? AND branch = ? AND ended = ${OPEN_END} AND kind = 'f' AND ${within.sql}`,
    [view.zone_id, view.layers[0].branch, ...within.params],
  );
  return row ?? { files: 0, bytes: 0 };
}
