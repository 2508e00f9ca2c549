/** The first rows under a new key: what was written before it cannot be made anew without it. */
import { type AuditRow, auditLine } from '../../core/call/audit-row.ts';
import type { Tx } from '../../ports/sql.ts';
import { keepZone, lockZone } from '../zones/zones.sql.ts';
import { insertAuditRows } from './audit.sql.ts';
import { appendReads, findReadsEnd } from './reads.sql.ts';

export interface Rekeying {
  readonly zone_id: string;
  readonly row: AuditRow;
  readonly key: string;
}

/** One row in each log that the zone has. */
export async function insertRekeyRows(tx: Tx, { zone_id, row, key }: Rekeying): Promise<void> {
  const zone = await lockZone(tx, zone_id);
  if (!zone) return;
  const at = Math.max(row.at, zone.seq_at);
  await keepZone(tx, { ...zone, seq_at: at, ...(await insertAuditRows(tx, [{ ...row, at }], { zone, key })) });
  if (await findReadsEnd(tx, zone_id)) await appendReads(tx, [auditLine(row)], { zone_id, key });
}
