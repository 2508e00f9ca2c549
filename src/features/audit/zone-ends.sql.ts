/** Where the logs of changes of zones end, as the rows of the zones say. */
import type { ZoneRow } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';

export type ZoneEnd = Pick<ZoneRow, 'zone_id' | 'audit_seq' | 'audit_hash'>;

/** Of one zone, or of all that there ever were. */
export const findChainEnds = (tx: Tx, zone_id: string | null): Promise<ZoneEnd[]> =>
  tx.all<ZoneEnd>(
    `SELECT zone_id, audit_seq, audit_hash FROM zones ${zone_id === null ? '' : 'WHERE zone_id = ? '}ORDER BY zone_id`,
    zone_id === null ? [] : [zone_id],
  );
