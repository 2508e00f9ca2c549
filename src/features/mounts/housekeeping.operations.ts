/** What of mounts goes when a zone ends; what lies in the stores stays there. */
import type { Tx } from '../../ports/sql.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';

const TABLES = ['mounts', 'saved_mounts'] as const;
const OF_FILES = ['mount_intents', 'mount_pending', 'mount_files'] as const;

async function removeMounts(tx: Tx, zone_id: string, rows: number): Promise<number> {
  let removed = 0;
  for (const [tables, key] of [
    [TABLES, 'mount_point'],
    [OF_FILES, 'path'],
  ] as const) {
    for (const table of tables) {
      removed += await tx.run(
        `DELETE FROM ${table} WHERE zone_id = ? AND ${key} IN (SELECT ${key} FROM ${table} WHERE zone_id = ? LIMIT ?)`,
        [zone_id, zone_id, rows - removed],
      );
    }
  }
  return removed;
}

export const removeMountsOf = rowFinalizer('mounts', removeMounts);

export const mountHousekeeping = [removeMountsOf] as const;
