/**
 * Calls that changed nothing: a chain of their own, so that it is pruned without holes in the other. Many are one row of
 * the table, for a server answers more of them in a second than a database takes rows.
 */
import type { RowsInsert, Tx } from '../../ports/sql.ts';
import { BEGINNING, rowHash } from './chain.ts';
import type { StoredLine } from './walk.ts';

/** Where the chain of a zone ends. */
export interface ReadsEnd {
  readonly n: number;
  readonly at: number;
  readonly hash: string;
  /** That are kept. */
  readonly bytes: number;
}

const NONE: ReadsEnd = { n: 0, at: 0, hash: BEGINNING, bytes: 0 };

export const findReadsEnd = (tx: Tx, zone_id: string): Promise<ReadsEnd | undefined> =>
  tx.get<ReadsEnd>('SELECT n, at, hash, bytes FROM audit_heads WHERE zone_id = ?', [zone_id]);

export async function saveReadsEnd(tx: Tx, zone_id: string, end: ReadsEnd): Promise<void> {
  await tx.run(
    `INSERT INTO audit_heads (zone_id, n, at, hash, bytes) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (zone_id) DO UPDATE SET n = excluded.n, at = excluded.at, hash = excluded.hash, bytes = excluded.bytes`,
    [zone_id, end.n, end.at, end.hash, end.bytes],
  );
}

export interface Segment {
  readonly n: number;
  readonly last_n: number;
  readonly at: number;
  readonly last_at: number;
  readonly bytes: number;
  readonly hash: string;
  readonly lines: string;
}

const segmentRows: RowsInsert = {
  into: 'audit_reads',
  columns: ['zone_id', 'n', 'last_n', 'at', 'last_at', 'bytes', 'hash', 'lines'],
};

/** Characters of a segment, about: what a page of the log has to read at least. */
const SEGMENT_CHARS = 128 * 1024;

/** Appends lines of `auditLine` to the chain of the zone; gives the bytes that it keeps then. */
export async function appendReads(
  tx: Tx,
  lines: readonly string[],
  { zone_id, key }: { readonly zone_id: string; readonly key: string },
): Promise<number> {
  let end = (await findReadsEnd(tx, zone_id)) ?? NONE;
  const segments: Segment[] = [];
  let open = new OpenSegment(end);
  for (const given of lines) {
    const { at, line } = notBefore(given, end.at);
    const place = { log: 'reads', zone_id, n: end.n + 1 } as const;
    end = { ...end, n: place.n, at, hash: rowHash(key, place, { before: end.hash, line }) };
    if (open.add(end, line) < SEGMENT_CHARS) continue;
    segments.push(open.close());
    open = new OpenSegment(end);
  }
  if (!open.isEmpty) segments.push(open.close());
  const rows = segments.map((one) => [zone_id, one.n, one.last_n, one.at, one.last_at, one.bytes, one.hash, one.lines]);
  await tx.insert(segmentRows, rows);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, end.bytes);
  await saveReadsEnd(tx, zone_id, { ...end, bytes });
  return bytes;
}

/** Times never fall along the log, whichever node a line comes from. */
function notBefore(line: string, last: number): { at: number; line: string } {
  const comma = line.indexOf(',');
  const at = Number(line.slice(1, comma));
  return at >= last ? { at, line } : { at: last, line: `[${last}${line.slice(comma)}` };
}

/** Lines that become one row. */
class OpenSegment {
  private readonly first: number;
  private at: number | undefined;
  private end: ReadsEnd;
  private readonly lines: string[] = [];
  private chars = 0;

  constructor(before: ReadsEnd) {
    this.first = before.n + 1;
    this.end = before;
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  /** Gives the characters that it has then. */
  add(end: ReadsEnd, line: string): number {
    this.at ??= end.at;
    this.end = end;
    const kept = `${end.hash} ${line}`;
    this.lines.push(kept);
    this.chars += kept.length + 1;
    return this.chars;
  }

  close(): Segment {
    const lines = this.lines.join('\n');
    const { n, at, hash } = this.end;
    return { n: this.first, last_n: n, at: this.at ?? at, last_at: at, bytes: Buffer.byteLength(lines), hash, lines };
  }
}

/** The calls of a segment, each with its number. */
export const linesOf = ({ n, lines }: Segment): StoredLine[] =>
  lines.split('\n').map((line, i) => {
    const space = line.indexOf(' ');
    return { n: n + i, hash: line.slice(0, space), line: line.slice(space + 1) };
  });

/** Segments that begin behind a number, in their order. */
export const listSegments = (
  tx: Tx,
  zone_id: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<Segment[]> =>
  tx.all<Segment>(
    `SELECT n, last_n, at, last_at, bytes, hash, lines FROM audit_reads WHERE zone_id = ? AND n > ? ORDER BY n LIMIT ?`,
    [zone_id, after, limit],
  );
