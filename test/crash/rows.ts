/**
 * What the files of a data directory say by themselves, whatever was promised to whom. Guarantees asked: SQLite finds no
 * damage; sequence and audit numbers have no gap and no double; each audit row goes on from the one before it; usage
 * counters equal a recount; every state's content is there to the last byte.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type AuditRow, auditLine } from '../../src/core/call/audit-row.ts';
import { BEGINNING } from '../../src/features/audit/chain.ts';
import { Walk } from '../../src/features/audit/walk.ts';

const OPEN_END = Number.MAX_SAFE_INTEGER;

export interface LoggedCall {
  readonly events: number;
  readonly audits: number;
  readonly last: number;
}

/** What the rows say of the calls of one load. */
export interface Rows {
  readonly calls: ReadonlyMap<string, LoggedCall>;
  readonly newest: number;
}

export interface Found extends Rows {
  readonly violations: readonly string[];
}

/** Hashes of blob files that were read and found whole; a blob never changes. */
export type Verified = Set<string>;

/** Looks at the database of a directory, and at its blob files; `prefix` begins the request ids that are asked for. */
export function lookInto(directory: string, prefix: string, verified: Verified): Found {
  const db = new DatabaseSync(join(directory, 'nexus.db'), { readOnly: true });
  try {
    db.exec('BEGIN');
    const violations = [
      ...damage(db),
      ...numbering(db),
      ...chains(db),
      ...usage(db),
      ...contents(db, directory, verified),
    ];
    return { violations, calls: callsOf(db, prefix), newest: newestOf(db) };
  } finally {
    db.close();
  }
}

const rowsOf = <R>(db: DatabaseSync, sql: string, ...params: string[]): R[] =>
  db.prepare(sql).all(...params) as unknown as R[];

function damage(db: DatabaseSync): string[] {
  const said = rowsOf<{ integrity_check: string }>(db, 'PRAGMA integrity_check').map((row) => row.integrity_check);
  return said.join() === 'ok' ? [] : said.map((line) => `integrity_check: ${line}`);
}

interface Numbers {
  readonly zone_id: string;
  readonly seq: number;
  readonly audit_seq: number;
  readonly events: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly audits: number;
  readonly last_audit: number | null;
  readonly unordered: number;
}

function numbering(db: DatabaseSync): string[] {
  const zones = rowsOf<Numbers>(
    db,
    `SELECT z.zone_id, z.seq, z.audit_seq,
       (SELECT COUNT(DISTINCT seq) FROM events e WHERE e.zone_id = z.zone_id) AS events,
       (SELECT MIN(seq) FROM events e WHERE e.zone_id = z.zone_id) AS first,
       (SELECT MAX(seq) FROM events e WHERE e.zone_id = z.zone_id) AS last,
       (SELECT COUNT(DISTINCT n) FROM audit a WHERE a.zone_id = z.zone_id) AS audits,
       (SELECT MAX(n) FROM audit a WHERE a.zone_id = z.zone_id) AS last_audit,
       (SELECT COUNT(*) FROM events e JOIN events f ON f.zone_id = e.zone_id AND f.seq = e.seq + 1
         WHERE e.zone_id = z.zone_id AND f.at < e.at) AS unordered
     FROM zones z`,
  );
  return zones.flatMap((zone) => {
    const found: string[] = [];
    const { first, last, last_audit } = zone;
    if (last !== null && first !== null && zone.events !== last - first + 1) found.push('the sequence has a gap');
    if ((last ?? 0) !== zone.seq) found.push(`the zone says ${zone.seq}, the last event is ${last}`);
    if (zone.audits !== (last_audit ?? 0)) found.push('the audit numbers have a gap');
    if ((last_audit ?? 0) !== zone.audit_seq)
      found.push(`the zone says ${zone.audit_seq} audit rows, there are ${last_audit}`);
    if (zone.unordered > 0) found.push('times fall along the sequence');
    return found.map((what) => `zone ${zone.zone_id}: ${what}`);
  });
}

interface AuditedRow extends AuditRow {
  readonly n: number;
  readonly hash: string;
}

function chains(db: DatabaseSync): string[] {
  const key = rowsOf<{ value: string }>(db, "SELECT value FROM settings WHERE name = 'audit_key'")[0]?.value ?? '';
  return rowsOf<{ zone_id: string; audit_hash: string }>(db, 'SELECT zone_id, audit_hash FROM zones').flatMap(
    (zone) => {
      const { zone_id } = zone;
      const walk = new Walk({ log: 'changes', zone_id, keys: [key], from: { n: 0, hash: BEGINNING } });
      for (const { n, hash, ...row } of rowsOf<AuditedRow>(
        db,
        'SELECT * FROM audit WHERE zone_id = ? ORDER BY n',
        zone_id,
      )) {
        walk.add({ n, hash, line: auditLine(row) });
      }
      const end = walk.close();
      const found = walk.problems.map(({ text }) => text);
      if (end.hash !== zone.audit_hash) found.push('the zone has another hash than the last row');
      return found.map((what) => `zone ${zone_id}: the audit log: ${what}`);
    },
  );
}

function usage(db: DatabaseSync): string[] {
  const wrong = rowsOf<{ zone_id: string }>(
    db,
    `SELECT zone_id FROM zones z WHERE
       used_files <> (SELECT COUNT(*) FROM file_states s WHERE s.zone_id = z.zone_id AND kind = 'f' AND ended = ${OPEN_END}) OR
       used_storage_bytes <> (SELECT COALESCE(SUM(size), 0) FROM file_states s
         WHERE s.zone_id = z.zone_id AND kind = 'f' AND ended = ${OPEN_END})`,
  );
  return wrong.map(({ zone_id }) => `zone ${zone_id}: usage is not what a recount says`);
}

const unfinishedIn = (directory: string): string => join(directory, 'blobs', 'tmp');

/** What was left half written becomes so old that the next server removes it. */
export function ageUnfinished(directory: string): void {
  const place = unfinishedIn(directory);
  if (!existsSync(place)) return;
  const then = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (const name of readdirSync(place)) utimesSync(join(place, name), then, then);
}

interface Content {
  readonly etag: string;
  readonly size: number;
  readonly inline: Uint8Array | null;
  readonly known: number | null;
}

/** Content of every state there has ever been: history is kept. */
function contents(db: DatabaseSync, directory: string, verified: Verified): string[] {
  const all = rowsOf<Content>(
    db,
    `SELECT s.etag, MAX(s.size) AS size, b.inline, b.blob_id AS known FROM file_states s
     LEFT JOIN blobs b ON b.blob_id = s.blob_id AND b.sha256 = s.etag WHERE s.kind = 'f' GROUP BY s.etag`,
  );
  const unfinished = readdirSync(unfinishedIn(directory)).map((name) => `blob file ${name} is left unfinished`);
  return [...all.flatMap((content) => missing(content, directory, verified)), ...unfinished];
}

function missing({ etag, size, inline, known }: Content, directory: string, verified: Verified): string[] {
  if (known === null) return [`a state names ${etag}, which has no row`];
  const path = join(directory, 'blobs', etag.slice(0, 2), etag.slice(2, 4), etag);
  const found = inline === null ? statSync(path, { throwIfNoEntry: false })?.size : inline.length;
  if (found !== size) return [`a state names ${etag} of ${size} bytes, there are ${found ?? 'none'}`];
  if (verified.has(etag)) return [];
  verified.add(etag);
  const hash = createHash('sha256')
    .update(inline ?? readFileSync(path))
    .digest('hex');
  return hash === etag ? [] : [`the bytes of ${etag} are those of ${hash}`];
}

function callsOf(db: DatabaseSync, prefix: string): Map<string, LoggedCall> {
  const range = [prefix, `${prefix}~`];
  const events = rowsOf<{ id: string; n: number; last: number }>(
    db,
    'SELECT request_id AS id, COUNT(*) AS n, MAX(seq) AS last FROM events WHERE request_id BETWEEN ? AND ? GROUP BY 1',
    ...range,
  );
  const audits = rowsOf<{ id: string; n: number }>(
    db,
    `SELECT call_id AS id, COUNT(*) AS n FROM audit WHERE outcome = 'allowed' AND call_id BETWEEN ? AND ? GROUP BY 1`,
    ...range,
  );
  const calls = new Map(events.map(({ id, n, last }) => [id, { events: n, last, audits: 0 }]));
  for (const { id, n } of audits) calls.set(id, { ...(calls.get(id) ?? { events: 0, last: 0 }), audits: n });
  return calls;
}

const newestOf = (db: DatabaseSync): number => rowsOf<{ n: number }>(db, 'SELECT MAX(seq) AS n FROM zones')[0]?.n ?? 0;
