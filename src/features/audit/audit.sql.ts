/** Rows of the audit table (access.md §13), numbered per zone by the zone's row. Never a key, token or content. */
import type { CallContext, Effect } from '../../core/operation.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';

export interface NewAuditRow {
  /** Number in the zone. */
  readonly n: number;
  readonly at: number;
  readonly action: string;
  readonly effect: Effect;
  readonly object: string;
  readonly outcome: 'allowed' | 'denied' | 'failed';
  readonly code: string | null;
  readonly duration_ms: number;
  readonly details: Readonly<Record<string, unknown>>;
}

const auditRows: RowsInsert = {
  into: 'audit',
  columns: [
    'zone_id',
    'n',
    'at',
    'actor',
    'subject_type',
    'subject_id',
    'key_id',
    'agent_id',
    'action',
    'effect',
    'object',
    'outcome',
    'code',
    'channel',
    'session_id',
    'call_id',
    'ip',
    'duration_ms',
    'details',
  ],
};

export function insertAuditRow(tx: Tx, row: NewAuditRow, context: CallContext): Promise<void> {
  const { caller } = context;
  return tx.insert(auditRows, [
    [
      context.zone_id,
      row.n,
      row.at,
      `${caller.subject_type}:${caller.subject_id}`,
      caller.subject_type,
      caller.subject_id,
      caller.key_id,
      caller.agent_id,
      row.action,
      row.effect,
      row.object,
      row.outcome,
      row.code,
      context.channel,
      null,
      context.request_id,
      context.address,
      row.duration_ms,
      JSON.stringify(row.details),
    ],
  ]);
}
