/**
 * Pruning of the audit log (access.md §13): always the oldest rows, so that no hole is left. Guarantees: the chain goes on from
 * a signed checkpoint, written in the transaction that removes the rows; rows are pruned only once they were found to be as
 * they were written, so nobody gets rid of rows by making them look old. Only where room has to be made are broken rows of
 * calls pruned too, and a row of the log says so from then on.
 */
import { type AuditKeys, auditLine, auditRow } from '../../core/call/audit-row.ts';
import type { Call } from '../../core/operation.ts';
import { SYSTEM } from '../access/credentials.ts';
import { listRows } from './audit.sql.ts';
import { BEGINNING, type LogName } from './chain.ts';
import { findCheckpoint, saveCheckpoint } from './checkpoints.sql.ts';
import { firstSince } from './list.sql.ts';
import { findReadsEnd, linesOf, listSegments, saveReadsEnd } from './reads.sql.ts';
import { Walk } from './walk.ts';

/** Rows, and segments of calls, of one step: short enough that other writes of the engine hardly wait. */
const SLICE_ROWS = 500;
const SLICE_SEGMENTS = 8;

export interface Pruned {
  /** Rows that went. */
  readonly rows: number;
  readonly done: boolean;
  /** Rows are not as they were written; they stay. */
  readonly broken: boolean;
}

const NOTHING: Pruned = { rows: 0, done: true, broken: false };

/** Changes from before a time: one slice of them. */
export async function pruneChanges({ tx, zone, auditKeys }: Call, before: number): Promise<Pruned> {
  const { zone_id } = zone;
  const walk = await walkFrom({ zone_id, log: 'changes', keys: auditKeys }, tx);
  const end = await firstSince(tx, zone_id, before);
  const rows = (await listRows(tx, zone_id, { after: -1, limit: SLICE_ROWS })).filter(({ n }) => n < end);
  const last = rows.at(-1);
  if (!last) return NOTHING;
  for (const { n, hash, ...row } of rows) walk.add({ n, hash, line: auditLine(row) });
  walk.closeSlice();
  if (walk.problems.length > 0) return { ...NOTHING, broken: true };
  const { n, at, hash } = last;
  await saveCheckpoint(tx, { zone_id, log: 'changes', n, at, hash }, auditKeys[0]);
  await tx.run('DELETE FROM audit WHERE zone_id = ? AND n <= ?', [zone_id, n]);
  return { rows: rows.length, done: rows.length < SLICE_ROWS, broken: false };
}

export interface ReadsKept {
  /** Milliseconds: calls from before this time go. */
  readonly before: number;
  /** Bytes that stay at most. */
  readonly bytes: number;
}

/** Calls that changed nothing: one slice of those that are not kept. */
export async function pruneReads(call: Call, kept: ReadsKept): Promise<Pruned> {
  const { tx, zone, auditKeys } = call;
  const { zone_id } = zone;
  const end = await findReadsEnd(tx, zone_id);
  if (!end) return NOTHING;
  let { bytes } = end;
  const oldest = await listSegments(tx, zone_id, { after: -1, limit: SLICE_SEGMENTS });
  const going = oldest.filter((segment) => {
    const goes = segment.last_at < kept.before || bytes > kept.bytes;
    if (goes) bytes -= segment.bytes;
    return goes;
  });
  const last = going.at(-1);
  if (!last) return NOTHING;
  const walk = await walkFrom({ zone_id, log: 'reads', keys: auditKeys }, tx);
  for (const segment of going) for (const line of linesOf(segment)) walk.add(line);
  walk.closeSlice();
  if (walk.problems.length > 0) {
    if (end.bytes <= kept.bytes) return { ...NOTHING, broken: true };
    tellBroken(call, walk);
  }
  const { last_n: n, last_at: at, hash } = last;
  await saveCheckpoint(tx, { zone_id, log: 'reads', n, at, hash }, auditKeys[0]);
  await tx.run('DELETE FROM audit_reads WHERE zone_id = ? AND n <= ?', [zone_id, last.n]);
  await saveReadsEnd(tx, zone_id, { ...end, bytes });
  return { rows: n - (going[0]?.n ?? n) + 1, done: going.length < SLICE_SEGMENTS, broken: false };
}

async function walkFrom(of: { zone_id: string; log: LogName; keys: AuditKeys }, tx: Call['tx']): Promise<Walk> {
  const checkpoint = await findCheckpoint(tx, of.zone_id, of.log);
  return new Walk({ ...of, from: checkpoint ?? { n: 0, hash: BEGINNING } });
}

function tellBroken(call: Call, walk: Walk): void {
  const facts = { action: 'audit.broken', effect: 'destroy', object: 'audit', outcome: 'failed', code: null } as const;
  const details = { log: 'reads', problems: walk.found, first: walk.problems[0]?.text ?? '' };
  call.log([auditRow({ ...facts, at: call.now, duration_ms: 0, details }, SYSTEM, call.context)]);
}
