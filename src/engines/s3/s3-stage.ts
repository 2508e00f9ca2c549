/**
 * The stage as objects: a segment is a row of chunks, `<prefix>stage/<act>/<segment>/<first byte>-<writer>`. Guarantees, beside
 * those of the port: what is not synced lies in memory, at most {@link CHUNK_BYTES} of a segment being gathered and as much
 * being sent, and not more than {@link GATHERED_BYTES_MAX} together; adopting copies within the store what is large enough
 * to be a part, and reads only smaller chunks. A writer is a time, and what is of an earlier one ends where a later one began: so
 * it does not matter when a request comes to the store that its writer gave up.
 */
import { strict as assert } from 'node:assert';
import { assertBlobHash } from '../../ports/blobs.ts';
import { assertStageName, type SegmentWriter, type Stage, StageMissing } from '../../ports/stage.ts';
import type { S3Client } from './client.ts';
import { whenAway } from './faults.ts';
import { abortBegun, PART_BYTES_MIN, type Part, putInParts } from './multipart.ts';
import {
  bodyOf,
  deleteBelow,
  deleteObject,
  getObject,
  headObject,
  inParallel,
  listObjects,
  putObject,
} from './objects.ts';

/** What is sent at a time: a part that can be copied as it is, and no more than has to be in memory. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const GATHERED_BYTES_MAX = 256 * 1024 * 1024;
/** Longest time that an object may take to be put together. */
const BEGUN_MS_MAX = 86_400_000;
const ROOT = 'stage/';
/** Of numbers in keys, which are sorted as texts. */
const DIGITS = 16;

export interface S3StageParts {
  readonly s3: S3Client;
  /** Runs a change of a blob when no other of it is under way; gives its key. */
  readonly inTurn: (sha256: string, change: (key: string) => Promise<void>) => Promise<void>;
}

/** What counts of a chunk: bytes [start, end) of the segment are the first ones of the object. */
interface Chunk {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

interface Gathered {
  bytes: number;
}

export function s3Stage({ s3, inTurn }: S3StageParts): Stage {
  const gathered: Gathered = { bytes: 0 };
  const folderOf = (act: string, segment?: string): string => {
    assertStageName(act);
    if (segment === undefined) return `${ROOT}${act}/`;
    assertStageName(segment);
    return `${ROOT}${act}/${segment}/`;
  };
  return {
    open: (act, segment, at) => {
      const folder = folderOf(act, segment);
      return whenAway(async () => {
        const { chunks, newest } = await chunksOf(s3, folder);
        covered(chunks, at);
        await inParallel(
          chunks.filter(({ start }) => start >= at),
          ({ key }) => deleteObject(s3, key),
        );
        const name = Math.max(Date.now(), newest + 1);
        return new ChunkWriter({ s3, folder, gathered, name }, at);
      });
    },
    read: (act, segment, range) => readSegment(s3, folderOf(act, segment), range),
    adopt: (act, segment, blob) => {
      assertBlobHash(blob.sha256);
      const folder = folderOf(act, segment);
      return inTurn(blob.sha256, (key) => whenAway(() => adoptSegment(s3, folder, { key, size: blob.size })));
    },
    remove: (act) => whenAway(() => deleteBelow(s3, folderOf(act))),
    list: (before) =>
      whenAway(async () => {
        await abortBegun(s3, before - BEGUN_MS_MAX);
        return listActs(s3, before);
      }),
  };
}

/** The chunks of a segment, without what later writers wrote anew. */
async function chunksOf(s3: S3Client, folder: string): Promise<{ chunks: Chunk[]; newest: number }> {
  const byWriter = new Map<string, Chunk[]>();
  for await (const { objects } of listObjects(s3, { prefix: folder })) {
    for (const { key, size } of objects) {
      const [first = '', writer = ''] = key.slice(folder.length).split('-');
      const start = Number(first);
      byWriter.set(writer, [...(byWriter.get(writer) ?? []), { key, start, end: start + size }]);
    }
  }
  const counting: Chunk[] = [];
  // The newest first: what the ones before it have counts up to where it began.
  let limit = Number.POSITIVE_INFINITY;
  for (const [, chunks] of [...byWriter].sort(([a], [b]) => (a < b ? 1 : -1))) {
    counting.push(
      ...chunks.filter(({ start }) => start < limit).map((one) => ({ ...one, end: Math.min(one.end, limit) })),
    );
    limit = Math.min(limit, ...chunks.map(({ start }) => start));
  }
  const newest = Math.max(0, ...[...byWriter.keys()].map(Number));
  return { chunks: counting.sort((a, b) => a.start - b.start), newest };
}

/** What of the chunks holds bytes [0, size) without a gap; STAGE_MISSING where they do not. */
function covered(chunks: readonly Chunk[], size: number): Chunk[] {
  const list: Chunk[] = [];
  let end = 0;
  for (const chunk of chunks) {
    if (end >= size || chunk.start !== end) break;
    end = Math.min(chunk.end, size);
    list.push({ ...chunk, end });
  }
  if (end < size) throw new StageMissing(`a segment of ${end} bytes is shorter than ${size}`);
  return list;
}

interface WriterParts {
  readonly s3: S3Client;
  readonly folder: string;
  /** Larger than that of any writer before. */
  readonly name: number;
  /** Of all writers together. */
  readonly gathered: Gathered;
}

class ChunkWriter implements SegmentWriter {
  readonly #parts: WriterParts;
  /** Where the next chunk begins. */
  #at: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #sending: Promise<void> = Promise.resolve();
  #failure: { readonly reason: unknown } | undefined;

  constructor(parts: WriterParts, at: number) {
    this.#parts = parts;
    this.#at = at;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    const { gathered } = this.#parts;
    const piece = Buffer.concat(pieces);
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    gathered.bytes += piece.length;
    if (this.#bytes < CHUNK_BYTES && gathered.bytes < GATHERED_BYTES_MAX) return;
    // One chunk is on its way while the next one is gathered.
    await this.#sending;
    this.#send();
    if (gathered.bytes >= GATHERED_BYTES_MAX) await this.#sending;
    this.#throwFailure();
  }

  async sync(): Promise<void> {
    await this.#sending;
    if (this.#bytes > 0) this.#send();
    await this.#sending;
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await this.#sending;
    this.#parts.gathered.bytes -= this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
  }

  #send(): void {
    const { s3, folder, gathered, name } = this.#parts;
    const bytes = Buffer.concat(this.#pieces, this.#bytes);
    const key = `${folder}${inDigits(this.#at)}-${inDigits(name)}`;
    this.#at += bytes.length;
    this.#pieces = [];
    this.#bytes = 0;
    // After a failure there is a gap, behind which nothing counts.
    this.#sending = this.#failure
      ? Promise.resolve()
      : whenAway(() => putObject(s3, key, { body: bodyOf(bytes) })).then(
          () => undefined,
          (reason: unknown) => {
            this.#failure = { reason };
          },
        );
    this.#sending = this.#sending.finally(() => {
      gathered.bytes -= bytes.length;
    });
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.reason;
  }
}

const inDigits = (number: number): string => String(number).padStart(DIGITS, '0');

async function* readSegment(
  s3: S3Client,
  folder: string,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncIterable<Uint8Array> {
  assert(0 <= start && start <= end, `${start}..${end} is no range`);
  const { chunks } = await whenAway(() => chunksOf(s3, folder));
  for (const chunk of covered(chunks, end)) {
    if (chunk.end > start) yield* readChunk(s3, chunk, Math.max(start, chunk.start));
  }
}

/** What counts of a chunk, from a byte of the segment on. A chunk fits into memory, so no connection waits for a reader. */
async function* readChunk(s3: S3Client, { key, start, end }: Chunk, from: number): AsyncGenerator<Uint8Array> {
  if (end <= from) return;
  const pieces = await whenAway(async () => {
    const { pieces: coming } = await getObject(s3, key, { start: from - start, end: end - start });
    const list: Uint8Array[] = [];
    for await (const piece of coming) list.push(piece);
    return list;
  });
  let bytes = 0;
  for (const piece of pieces) {
    bytes += piece.length;
    yield piece;
  }
  if (bytes < end - from) throw new StageMissing(`a segment ends at byte ${from + bytes}, before ${end}`);
}

async function adoptSegment(s3: S3Client, folder: string, blob: { key: string; size: number }): Promise<void> {
  if ((await headObject(s3, blob.key))?.size === blob.size) return;
  const chunks = covered((await chunksOf(s3, folder)).chunks, blob.size);
  if (blob.size > 0) await putInParts(s3, { ...blob, parts: partsOf(s3, chunks) });
  else await putObject(s3, blob.key, { body: bodyOf(new Uint8Array()) });
}

/** A part for each chunk that is large enough for one, and for as many others as make one together. */
async function* partsOf(s3: S3Client, chunks: readonly Chunk[]): AsyncGenerator<Part> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    const { key, start, end } = chunk;
    if (bytes === 0 && end - start >= PART_BYTES_MIN) {
      yield { from: key, start: 0, end: end - start };
      continue;
    }
    for await (const piece of readChunk(s3, chunk, start)) {
      pieces.push(piece);
      bytes += piece.length;
    }
    if (bytes < PART_BYTES_MIN) continue;
    yield { body: bodyOf(Buffer.concat(pieces, bytes)) };
    [pieces, bytes] = [[], 0];
  }
  if (bytes > 0) yield { body: bodyOf(Buffer.concat(pieces, bytes)) };
}

async function listActs(s3: S3Client, before: number): Promise<string[]> {
  const begun = new Map<string, number>();
  for await (const { objects } of listObjects(s3, { prefix: ROOT })) {
    for (const { key, modified_at } of objects) {
      const act = key.slice(ROOT.length).split('/')[0] ?? '';
      begun.set(act, Math.min(begun.get(act) ?? Number.POSITIVE_INFINITY, modified_at));
    }
  }
  return [...begun].filter(([, at]) => at < before).map(([act]) => act);
}
