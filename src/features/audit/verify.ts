/** The check of one log of one zone: its rows, its beginning and its end, and the heads that somebody kept elsewhere. */
import { Slices } from '../../base/slices.ts';
import { type AuditKeys, auditLine } from '../../core/call/audit-row.ts';
import type { ZoneRow } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { listRows } from './audit.sql.ts';
import { BEGINNING, LOGS, type LogName, signatureOf } from './chain.ts';
import { findCheckpoint } from './checkpoints.sql.ts';
import { firstSince } from './list.sql.ts';
import { findReadsEnd, linesOf, listSegments } from './reads.sql.ts';
import { type End, type Problem, type StoredLine, Walk } from './walk.ts';

/** Rows and segments of one query. */
const ROWS = 1_000;
const SEGMENTS = 8;

/** The end of a log as it was at some time. */
export interface Head extends End {
  readonly zone_id: string;
  readonly log: LogName;
}

export interface LogReport {
  readonly log: LogName;
  /** Rows that are proven. */
  readonly rows: number;
  /** Number of the last row that was pruned. */
  readonly pruned_to: number;
  readonly head: End;
  /** The first of them, and how many there are. */
  readonly problems: readonly Problem[];
  readonly found: number;
}

export interface Verifying {
  readonly tx: Tx;
  readonly zone: Pick<ZoneRow, 'zone_id' | 'audit_seq' | 'audit_hash'>;
  readonly keys: AuditKeys;
  /** Heads that were noted before. */
  readonly heads: readonly Head[];
}

export async function verifyZone(verifying: Verifying): Promise<LogReport[]> {
  const reports: LogReport[] = [];
  for (const log of LOGS) reports.push(await verifyLog(verifying, log));
  return reports;
}

async function verifyLog(verifying: Verifying, log: LogName): Promise<LogReport> {
  const { tx, zone, keys } = verifying;
  const { zone_id } = zone;
  const checkpoint = await findCheckpoint(tx, zone_id, log);
  const from = checkpoint ?? { n: 0, hash: BEGINNING };
  const walk = new Walk({ log, zone_id, keys, from });
  if (checkpoint && !keys.some((key) => signatureOf(key, checkpoint) === checkpoint.signature)) {
    walk.tell('checkpoint', checkpoint.n, 'the checkpoint that pruning left is not signed by any of the keys');
  }
  const noted = verifying.heads.filter((head) => head.zone_id === zone_id && head.log === log && head.n > from.n);
  const slices = new Slices();
  for await (const row of log === 'changes' ? changesOf(tx, zone_id) : readsOf(tx, zone_id)) {
    walk.add(row);
    const head = noted.find(({ n }) => n === row.n);
    if (head && head.hash !== row.hash) walk.tell('changed', row.n, `row ${row.n} is not the one that was noted`);
    if (slices.over()) await slices.rest();
  }
  const head = walk.close();
  const said = log === 'changes' ? { n: zone.audit_seq, hash: zone.audit_hash } : await readsSaid(tx, zone_id);
  checkEnd(walk, head, [said, ...noted]);
  if (log === 'changes') await checkEvents(walk, verifying, head);
  return { log, rows: walk.proven, pruned_to: from.n, head, problems: walk.problems, found: walk.found };
}

/** The log has to reach as far as it was ever said to. */
function checkEnd(walk: Walk, head: End, said: readonly End[]): void {
  const [own] = said;
  const farthest = Math.max(...said.map(({ n }) => n));
  if (farthest > head.n) {
    const what = `the log was cut off: rows ${head.n + 1} to ${farthest} are missing`;
    walk.tell('missing', [head.n + 1, farthest], what);
  } else if (own && (own.n < head.n || own.hash !== head.hash)) {
    walk.tell('changed', head.n, `the end of the log is row ${own.n} by what the zone says`);
  }
}

/** Events commit with the row of their call, which has the same time: the newest event has its row. */
async function checkEvents(walk: Walk, { tx, zone }: Verifying, head: End): Promise<void> {
  const { zone_id } = zone;
  const event = await tx.get<{ at: number; request_id: string }>(
    'SELECT at, request_id FROM events WHERE zone_id = ? ORDER BY seq DESC LIMIT 1',
    [zone_id],
  );
  const checkpoint = await findCheckpoint(tx, zone_id, 'changes');
  if (!event || event.at <= (checkpoint?.at ?? 0)) return;
  const row = await tx.get('SELECT n FROM audit WHERE zone_id = ? AND n >= ? AND at = ? AND call_id = ? LIMIT 1', [
    zone_id,
    await firstSince(tx, zone_id, event.at),
    event.at,
    event.request_id,
  ]);
  if (row) return;
  walk.tell('missing', head.n + 1, `the row of call ${event.request_id}, which left the newest event, is missing`);
}

const readsSaid = async (tx: Tx, zone_id: string): Promise<End> =>
  (await findReadsEnd(tx, zone_id)) ?? { n: 0, hash: BEGINNING };

async function* changesOf(tx: Tx, zone_id: string): AsyncGenerator<StoredLine> {
  for (let after = -1; ; ) {
    const rows = await listRows(tx, zone_id, { after, limit: ROWS });
    for (const { n, hash, ...row } of rows) yield { n, hash, line: auditLine(row) };
    const last = rows.at(-1);
    if (rows.length < ROWS || !last) return;
    after = last.n;
  }
}

async function* readsOf(tx: Tx, zone_id: string): AsyncGenerator<StoredLine> {
  for (let after = -1; ; ) {
    const segments = await listSegments(tx, zone_id, { after, limit: SEGMENTS });
    for (const segment of segments) yield* linesOf(segment);
    const last = segments.at(-1);
    if (segments.length < SEGMENTS || !last) return;
    after = last.n;
  }
}
