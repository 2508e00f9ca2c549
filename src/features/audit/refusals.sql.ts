/**
 * Refusals that are still being counted: equal ones of a second are one row (access.md §13). They are in a table of their
 * own until their second is over, since no row of the log is ever changed.
 */

import { parseJson } from '../../base/parse-json.ts';
import { type AuditRow, auditLine, rowOfLine } from '../../core/call/audit-row.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';

export interface Refusal {
  /** What makes refusals equal. */
  readonly fold: string;
  /** The first of them. */
  readonly row: AuditRow;
  readonly count: number;
}

const openRows: RowsInsert = {
  into: 'audit_open',
  columns: ['zone_id', 'fold', 'at', 'count', 'line'],
  tail: 'ON CONFLICT (zone_id, fold) DO UPDATE SET count = audit_open.count + excluded.count',
};

export const countRefusals = (tx: Tx, zone_id: string, refusals: readonly Refusal[]): Promise<void> =>
  tx.insert(
    openRows,
    refusals.map(({ fold, row, count }) => [zone_id, fold, row.at, count, auditLine(row)]),
  );

/** Takes out those that began at this time or before it, as the rows that they become. */
export async function takeRefusals(tx: Tx, zone_id: string, until: number): Promise<AuditRow[]> {
  const open = await tx.all<{ count: number; line: string }>(
    'SELECT count, line FROM audit_open WHERE zone_id = ? AND at <= ? ORDER BY at, fold',
    [zone_id, until],
  );
  if (open.length === 0) return [];
  await tx.run('DELETE FROM audit_open WHERE zone_id = ? AND at <= ?', [zone_id, until]);
  return open.flatMap(({ count, line }) => {
    const row = rowOfLine(line);
    return row ? [{ ...row, details: withCount(row.details, count) }] : [];
  });
}

const withCount = (details: string, count: number): string =>
  JSON.stringify({ ...(parseJson(details) as object), count });

export const hasOpen = async (tx: Tx, zone_id: string): Promise<boolean> =>
  (await tx.get('SELECT 1 AS one FROM audit_open WHERE zone_id = ? LIMIT 1', [zone_id])) !== undefined;

/** Zones with refusals that began at this time or before it. */
export async function zonesWithOpen(tx: Tx, until: number): Promise<string[]> {
  const zones = await tx.all<{ zone_id: string }>('SELECT DISTINCT zone_id FROM audit_open WHERE at <= ?', [until]);
  return zones.map(({ zone_id }) => zone_id);
}
