/** What of sync goes when a zone ends, and where conflicts name blobs. */
import type { Tx } from '../../ports/sql.ts';
import type { Reference } from '../content/collect.sql.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { removeConflicts } from './conflicts.sql.ts';
import { removeSync } from './sync.sql.ts';

/** An open conflict keeps both contents, one that was settled that of the side that was replaced. */
export const conflictContents: readonly Reference[] = [
  { table: 'sync_conflicts', column: 'local_blob' },
  { table: 'sync_conflicts', column: 'remote_blob' },
];

const removeAll = async (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  (await removeConflicts(tx, zone_id, rows)) + (await removeSync(tx, zone_id, rows));

export const removeSyncOf = rowFinalizer('sync', removeAll);
