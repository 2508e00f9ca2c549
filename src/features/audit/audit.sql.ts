/** Rows of the audit table (access.md §13), numbered and chained per zone by the zone's row. */
import { AUDIT_COLUMNS, type AuditRow, auditValues, lineOf } from '../../core/call/audit-row.ts';
import type { ZoneRow } from '../../core/operation.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';
import { rowHash } from './chain.ts';

const auditRows: RowsInsert = { into: 'audit', columns: ['zone_id', 'n', ...AUDIT_COLUMNS, 'hash'] };

/** Where the chain of a zone ends. */
export type ChainEnd = Pick<ZoneRow, 'audit_seq' | 'audit_hash'>;

/** Appends rows to the chain of the zone, whose row the transaction holds; gives where it ends then. */
export async function insertAuditRows(
  tx: Tx,
  rows: readonly AuditRow[],
  { zone, key }: { readonly zone: Pick<ZoneRow, 'zone_id'> & ChainEnd; readonly key: string },
): Promise<ChainEnd> {
  const { zone_id } = zone;
  let { audit_seq, audit_hash } = zone;
  const chained = rows.map((row) => {
    const place = { log: 'changes', zone_id, n: ++audit_seq } as const;
    const values = auditValues(row);
    audit_hash = rowHash(key, place, { before: audit_hash, line: lineOf(values) });
    return [zone_id, audit_seq, ...values, audit_hash];
  });
  await tx.insert(auditRows, chained);
  return { audit_seq, audit_hash };
}

/** A row as it is stored. */
export interface StoredRow extends AuditRow {
  readonly n: number;
  readonly hash: string;
}

export const COLUMNS = ['n', ...AUDIT_COLUMNS, 'hash'].join(', ');

/** Rows behind a number, in their order. */
export const listRows = (
  tx: Tx,
  zone_id: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<StoredRow[]> =>
  tx.all<StoredRow>(`SELECT ${COLUMNS} FROM audit WHERE zone_id = ? AND n > ? ORDER BY n LIMIT ?`, [
    zone_id,
    after,
    limit,
  ]);
