/**
 * Rows that were written before there was a chain. Guarantees: once it is done, every row of the zone has a hash; what was
 * changed before is not found out, what is changed afterwards is.
 */
import { type AuditRow, auditLine } from '../../core/call/audit-row.ts';
import type { Tx } from '../../ports/sql.ts';
import { listRows } from './audit.sql.ts';
import { BEGINNING, rowHash } from './chain.ts';

const SLICE = 1000;

export async function unchainedZones(tx: Tx): Promise<string[]> {
  const zones = await tx.all<{ zone_id: string }>("SELECT zone_id FROM zones WHERE audit_seq > 0 AND audit_hash = ''");
  return zones.map(({ zone_id }) => zone_id);
}

/** Chains all rows of a zone. */
export async function adoptRows(tx: Tx, zone_id: string, key: string): Promise<void> {
  let end = BEGINNING;
  let last = 0;
  for (;;) {
    const rows = await listRows(tx, zone_id, { after: last, limit: SLICE });
    for (const { n, hash: _none, ...row } of rows) {
      const line = auditLine(row satisfies AuditRow);
      end = rowHash(key, { log: 'changes', zone_id, n }, { before: end, line });
      await tx.run('UPDATE audit SET hash = ? WHERE zone_id = ? AND n = ?', [end, zone_id, n]);
      last = n;
    }
    if (rows.length < SLICE) break;
  }
  await tx.run('UPDATE zones SET audit_hash = ? WHERE zone_id = ?', [end, zone_id]);
}
