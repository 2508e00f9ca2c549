/**
 * A backup is made. Guarantees: it is one snapshot, and no write waits for it; contents are held back from collection by
 * whoever calls, for as long as it takes; every object is read back from the depot before the manifest that names it is
 * written, and one that lay there damaged is replaced.
 */
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import { settled } from '../../base/settled.ts';
import { BlobError, type BlobSource, type Blobs } from '../../ports/blobs.ts';
import type { Depot } from '../../ports/depot.ts';
import type { MakeScratch, ScratchFile } from '../../ports/scratch.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { findPacked } from './contents.sql.ts';
import { type DumpFigures, dump, type State } from './dump.ts';
import { compressInto, linesOf } from './lines.ts';
import { type Manifest, noteBegun, type Part, putManifest } from './manifest.ts';
import { PACK_NUMBERS, packOf, sourceOf } from './pack.ts';
import { hashOf } from './verify.ts';

export interface BackupParts {
  readonly sql: Sql;
  readonly stateOf: (tx: Tx) => Promise<State>;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly depot: Depot;
  readonly scratch: MakeScratch;
  readonly now: () => number;
  /** Of the program. */
  readonly version: string;
  /** What stored secrets are sealed with, where the database keeps it. */
  readonly secretsKey: string | null;
  readonly signal: AbortSignal;
  /** Told of what has been done, of how much as far as that is known. */
  readonly told: (phase: string, done: number, total: number) => void;
}

export interface Asked {
  readonly id: string;
  readonly reason: Manifest['reason'];
}

/** Objects that are sent at a time. */
const AT_ONCE = 4;

export async function makeBackup(parts: BackupParts, { id, reason }: Asked): Promise<Manifest> {
  const begun = parts.now();
  const files: ScratchFile[] = [];
  const scratch = async (): Promise<ScratchFile> => {
    const file = await parts.scratch();
    files.push(file);
    return file;
  };
  try {
    await noteBegun(parts.depot, id);
    const { dumped, contents, figures, count, schema } = await snapshot({ ...parts, scratch });
    const sending = new Sending(parts);
    const objects = await sendContents({ ...parts, scratch }, sending, { contents, count });
    const secrets = sourceOf(Buffer.from(JSON.stringify({ secrets_key: parts.secretsKey })));
    for (const part of [dumped, objects, secrets]) await sending.send(part);
    const manifest: Manifest = {
      id,
      at: new Date(begun).toISOString(),
      version: parts.version,
      schema,
      revisions: figures.revisions,
      dump_sha256: figures.sha256,
      dump_bytes: figures.bytes,
      rows: figures.rows,
      blobs: count,
      bytes: sending.bytes,
      sent_bytes: sending.sent,
      took_ms: Math.max(0, parts.now() - begun),
      reason,
      parts: { dump: partOf(dumped), objects: partOf(objects), secrets: partOf(secrets) },
    };
    parts.signal.throwIfAborted();
    await putManifest(parts.depot, manifest);
    return manifest;
  } finally {
    for (const file of files) await file.remove();
  }
}

const partOf = ({ sha256, size }: BlobSource): Part => ({ sha256, bytes: size });

interface Snapshot {
  readonly dumped: BlobSource;
  /** A line for each content: `[number, hash, size]`, by their numbers. */
  readonly contents: BlobSource;
  readonly count: number;
  readonly schema: number;
  readonly figures: DumpFigures;
}

async function snapshot({ sql, stateOf, scratch, signal, told }: BackupParts): Promise<Snapshot> {
  const [file, list] = [await scratch(), await scratch()];
  const compressed = compressInto(file);
  let count = 0;
  let rows = 0;
  let schema = 0;
  const figures = await dump(
    sql,
    async (tx) => {
      const state = await stateOf(tx);
      schema = state.schema;
      return state;
    },
    {
      signal,
      write: (text) => compressed.write(text),
      rows: async (table, page) => {
        rows += page.length;
        told('rows', rows, 0);
        if (table.name !== 'blobs' || page.length === 0) return;
        const [id, sha256, size] = ['blob_id', 'sha256', 'size'].map((column) => table.columns.indexOf(column));
        const lines = page.map((row) => `${JSON.stringify([row[id ?? 0], row[sha256 ?? 0], row[size ?? 0]])}\n`);
        count += page.length;
        await list.append(Buffer.from(lines.join('')));
      },
    },
  );
  await compressed.end();
  return { dumped: await file.finish(), contents: await list.finish(), count, schema, figures };
}

type Content = readonly [number: number, sha256: string, size: number];

/** Gives the list of what was sent: a line for each object, `[kind, hash, bytes]`, in the order of the contents. */
async function sendContents(
  parts: BackupParts,
  sending: Sending,
  { contents, count }: { readonly contents: BlobSource; readonly count: number },
): Promise<BlobSource> {
  const file = await parts.scratch();
  const compressed = compressInto(file);
  let done = 0;
  for await (const group of groupsOf(contents)) {
    parts.signal.throwIfAborted();
    const objects = await objectsOf(parts, group);
    for (let at = 0; at < objects.length; at += AT_ONCE) {
      await settled(objects.slice(at, at + AT_ONCE).map(({ source }) => sending.send(source)));
    }
    const lines = objects.map(({ kind, source }) => `${JSON.stringify([kind, source.sha256, source.size])}\n`);
    if (lines.length > 0) await compressed.write(lines.join(''));
    done += group.length;
    parts.told('contents', done, count);
  }
  await compressed.end();
  return file.finish();
}

/** Contents whose numbers belong to one pack. */
async function* groupsOf(contents: BlobSource): AsyncGenerator<Content[]> {
  let group: Content[] = [];
  let of = -1;
  for await (const lines of linesOf(contents.read(0, contents.size))) {
    for (const line of lines) {
      const content = parseJson(line) as Content;
      const pack = Math.floor(content[0] / PACK_NUMBERS);
      if (pack !== of && group.length > 0) {
        yield group;
        group = [];
      }
      of = pack;
      group.push(content);
    }
  }
  if (group.length > 0) yield group;
}

interface Sent {
  readonly kind: 'pack' | 'blob';
  readonly source: BlobSource;
}

/** The small ones of a group in one pack, then each of the others. */
async function objectsOf({ sql, blobs }: BackupParts, group: readonly Content[]): Promise<Sent[]> {
  const [first] = group;
  if (!first) return [];
  const from = Math.floor(first[0] / PACK_NUMBERS) * PACK_NUMBERS;
  const rows = await sql.read((tx) => findPacked(tx, from, from + PACK_NUMBERS));
  const known = new Map(rows.map((row) => [row.blob_id, row]));
  const small = [];
  const large: Sent[] = [];
  for (const [number, sha256, size] of group) {
    const row = known.get(number);
    if (row?.sha256 !== sha256)
      throw new Fault('UNAVAILABLE', `The content ${sha256} was collected during the backup; make another`);
    if (row.inline) small.push({ sha256, bytes: row.inline });
    else large.push({ kind: 'blob', source: { sha256, size, read: (start, end) => blobs.read(sha256, start, end) } });
  }
  return small.length > 0 ? [{ kind: 'pack', source: packOf(small) }, ...large] : large;
}

/** What goes into the depot, counted. */
class Sending {
  bytes = 0;
  /** Of them, those that were not there. */
  sent = 0;
  readonly #depot: Depot;
  readonly #signal: AbortSignal;

  constructor({ depot, signal }: BackupParts) {
    this.#depot = depot;
    this.#signal = signal;
  }

  async send(source: BlobSource): Promise<void> {
    this.#signal.throwIfAborted();
    const { blobs } = this.#depot;
    const there = await blobs.has(source.sha256);
    await this.#put(source);
    if ((await hashOf(blobs, source)) !== source.sha256) {
      // It lay there damaged, or came damaged there.
      await blobs.delete(source.sha256);
      await this.#put(source);
      if ((await hashOf(blobs, source)) !== source.sha256) {
        throw new Fault('UPSTREAM_FAILED', `The destination does not give back what it took: ${source.sha256}`);
      }
    }
    this.bytes += source.size;
    if (!there) this.sent += source.size;
  }

  async #put(source: BlobSource): Promise<void> {
    try {
      await this.#depot.blobs.put(source);
    } catch (thrown) {
      if (!(thrown instanceof BlobError)) throw thrown;
      throw new Fault('UNAVAILABLE', `The content ${source.sha256} cannot be read here: ${thrown.message}`, {
        sha256: source.sha256,
      });
    }
  }
}
