/**
 * One zone as lines of JSON, for another place. Guarantees: one snapshot; the same state is the same bytes; no byte of it can
 * change, and nothing be cut off, unseen; a page of rows, and a piece of a content, at a time is in memory.
 *
 * `{"nexus_zone":1,"zone_id":"team"}`, a dump of the zone's rows (dump.ts), then by their hashes the contents,
 * `{"content":"<sha256>","size":n,"utf8":1}` and `{"bytes":"<base64>"}` as often as it takes, and at the end
 * `{"contents":n,"sha256":"<of all lines before>"}`.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import { BlobError, type BlobSource, type Blobs } from '../../ports/blobs.ts';
import type { MakeScratch } from '../../ports/scratch.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { dumpIn, namedBy, type State } from './dump.ts';
import { linesOf } from './lines.ts';
import { zoneState } from './zone-tables.ts';

export interface ZoneExporting {
  readonly sql: Sql;
  readonly stateOf: (tx: Tx) => Promise<State>;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly scratch: MakeScratch;
  readonly signal: AbortSignal;
}

/** Bytes of a content in one line. */
export const LINE_BYTES = 48 * 1024;
/** Rows with contents in memory. */
const CONTENT_ROWS = 64;

interface ContentRow {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: number;
  readonly inline: Uint8Array | null;
}

const contentsOf = ({ tables }: State): string => `SELECT sha256, size, utf8, inline FROM blobs
  WHERE sha256 > ? AND (${namedBy(tables, 'blobs')}) ORDER BY sha256 LIMIT ${CONTENT_ROWS}`;

const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Pieces of whole lines. */
export async function* exportZone(parts: ZoneExporting, zone_id: string): AsyncGenerator<Uint8Array> {
  const file = await parts.scratch();
  try {
    const snapshot = (text: string): Promise<void> => file.append(Buffer.from(text));
    const contents = await parts.sql.read((tx) => writeSnapshot(tx, parts, { zone_id, write: snapshot }));
    const source = await file.finish();
    const digest = createHash('sha256');
    for await (const text of withContents(source, parts)) {
      parts.signal.throwIfAborted();
      const bytes = Buffer.from(text);
      digest.update(bytes);
      yield bytes;
    }
    yield Buffer.from(lineOf({ contents, sha256: digest.digest('hex') }));
  } finally {
    await file.remove();
  }
}

interface Writing {
  readonly zone_id: string;
  readonly write: (text: string) => Promise<void>;
}

/** Gives the number of contents. Of those in the blob store only the line that announces them. */
async function writeSnapshot(tx: Tx, { stateOf, signal }: ZoneExporting, { zone_id, write }: Writing): Promise<number> {
  await write(lineOf({ nexus_zone: 1, zone_id }));
  const state = zoneState(await stateOf(tx), zone_id);
  await dumpIn(tx, state, { write, signal });
  const sql = contentsOf(state);
  let contents = 0;
  for (let after = ''; ; ) {
    signal.throwIfAborted();
    const rows = await tx.all<ContentRow>(sql, [after]);
    for (const { sha256, size, utf8, inline } of rows) {
      await write(lineOf({ content: sha256, size, utf8 }));
      if (inline) for (const line of bytesLines(Buffer.from(inline))) await write(line);
    }
    contents += rows.length;
    const last = rows.at(-1);
    if (!last || rows.length < CONTENT_ROWS) return contents;
    after = last.sha256;
  }
}

function* bytesLines(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    yield lineOf({ bytes: bytes.toString('base64', at, Math.min(bytes.length, at + LINE_BYTES)) });
  }
}

const isBytes = (line: string | undefined): boolean => line?.startsWith('{"bytes":') ?? false;

/** The lines of a snapshot, with the bytes of what lies in the blob store behind the line that announces it. */
async function* withContents(source: BlobSource, { blobs }: ZoneExporting): AsyncGenerator<string> {
  let waiting: Announced | undefined;
  for await (const lines of linesOf(source.read(0, source.size))) {
    for (const line of lines) {
      if (waiting && !isBytes(line)) yield* stored(waiting, blobs);
      waiting = undefined;
      yield `${line}\n`;
      if (line.startsWith('{"content":')) waiting = announced(line);
    }
  }
  if (waiting) yield* stored(waiting, blobs);
}

interface Announced {
  readonly content: string;
  readonly size: number;
}

/** What bytes have to follow; none do where the content is empty. */
function announced(line: string): Announced | undefined {
  const head = parseJson(line) as Announced;
  return head.size > 0 ? head : undefined;
}

async function* stored({ content, size }: Announced, blobs: Pick<Blobs, 'read'>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  try {
    for await (const piece of blobs.read(content, 0, size)) {
      rest = Buffer.concat([rest, piece]);
      const whole = rest.length - (rest.length % LINE_BYTES);
      yield* bytesLines(rest.subarray(0, whole));
      rest = rest.subarray(whole);
    }
  } catch (thrown) {
    if (!(thrown instanceof BlobError)) throw thrown;
    throw new Fault('UNAVAILABLE', `The content ${content} cannot be read, or was collected meanwhile; export again`);
  }
  yield* bytesLines(rest);
}
