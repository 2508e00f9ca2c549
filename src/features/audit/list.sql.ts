/**
 * Pages of the audit log, newest first. Guarantees: times never fall along a log, so a span of time is a span of numbers,
 * which is found in a few steps; a page reads no row outside it, and little more of it than the page takes.
 */
import { Slices } from '../../base/slices.ts';
import { rowOfLine } from '../../core/call/audit-row.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { COLUMNS, type StoredRow } from './audit.sql.ts';
import { type AuditFilter, EQUAL, type Found, isWanted } from './entries.ts';

export interface PageOf {
  readonly zone_id: string;
  readonly filter: AuditFilter;
  /** Only rows with smaller numbers. */
  readonly before: number;
  readonly limit: number;
}

/** Rows of one statement, where namesakes may be among them. */
const SLICE_ROWS = 500;

/** Rows of `audit`. */
export async function listChanges(tx: Tx, { zone_id, filter, before, limit }: PageOf): Promise<Found[]> {
  const first = filter.since === undefined ? 0 : await firstSince(tx, zone_id, filter.since);
  const end = filter.until === undefined ? before : Math.min(before, await firstSince(tx, zone_id, filter.until));
  const wanted = EQUAL.filter((name) => filter[name] !== undefined);
  const only = wanted.map((name) => ` AND ${name} = ?`).join('');
  const prefix = filter.object === undefined ? '' : ' AND SUBSTR(object, 1, ?) = ?';
  const params: SqlValue[] = wanted.map((name) => filter[name] ?? '');
  if (filter.object !== undefined) params.push([...filter.object].length, filter.object);
  const found: Found[] = [];
  const most = filter.actor === undefined && filter.subject_zone_id === undefined ? limit : Math.max(limit, SLICE_ROWS);
  for (let last = end; ; ) {
    const rows = await tx.all<StoredRow>(
      `SELECT ${COLUMNS} FROM audit WHERE zone_id = ? AND n >= ? AND n < ?${only}${prefix} ORDER BY n DESC LIMIT ?`,
      [zone_id, first, last, ...params, most],
    );
    for (const { n, hash: _hash, ...row } of rows) {
      last = n;
      if (isWanted(row, filter, zone_id)) found.push({ log: 'changes', n, row });
    }
    if (rows.length < most || found.length >= limit) return found.slice(0, limit);
  }
}

/** Number of the first row at this time or behind it; beyond all where there is none. */
export async function firstSince(tx: Tx, zone_id: string, time: number): Promise<number> {
  const ends = await tx.get<{ low: number | null; high: number | null }>(
    'SELECT MIN(n) AS low, MAX(n) AS high FROM audit WHERE zone_id = ?',
    [zone_id],
  );
  let low = ends?.low ?? 1;
  let high = (ends?.high ?? 0) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await tx.get<{ n: number; at: number }>(
      'SELECT n, at FROM audit WHERE zone_id = ? AND n >= ? ORDER BY n LIMIT 1',
      [zone_id, middle],
    );
    if (!row || row.at >= time) high = middle;
    else low = row.n + 1;
  }
  return low;
}

/** Rows of the table that one query of calls reads. */
const SEGMENTS = 4;

/** Calls that changed nothing. */
export async function listReads(tx: Tx, page: PageOf): Promise<Found[]> {
  const { zone_id, filter, limit } = page;
  const found: Found[] = [];
  const slices = new Slices();
  const sure = textsIn(filter);
  for (let before = page.before; found.length < limit; ) {
    const segments = await tx.all<{ n: number; lines: string }>(
      `SELECT n, lines FROM audit_reads WHERE zone_id = ? AND n < ? AND last_at >= ? AND at < ?
       ORDER BY n DESC LIMIT ?`,
      [zone_id, before, filter.since ?? 0, filter.until ?? Number.MAX_SAFE_INTEGER, SEGMENTS],
    );
    for (const segment of segments) {
      before = segment.n;
      const lines = segment.lines.split('\n');
      for (let i = lines.length - 1; i >= 0 && found.length < limit; i--) {
        const n = segment.n + i;
        const line = lines[i] ?? '';
        if (n >= page.before || !sure.every((text) => line.includes(text))) continue;
        const row = rowOfLine(line.slice(line.indexOf(' ') + 1));
        if (row && isWanted(row, filter, zone_id)) found.push({ log: 'reads', n, row });
      }
      if (slices.over()) await slices.rest();
    }
    if (segments.length < SEGMENTS) break;
  }
  return found;
}

/** What each line has in it that the filter wants: lines without it need not be parsed. */
const textsIn = (filter: AuditFilter): string[] =>
  EQUAL.flatMap((name) => (filter[name] === undefined ? [] : [JSON.stringify(filter[name])]));
