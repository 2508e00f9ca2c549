/**
 * Blobs as objects of a bucket: `<prefix>blobs/<hash>`. Guarantees, beside those of the port: the store itself checks the
 * bytes of every request by their hash; a blob of 16 MiB and more goes in parts, and is there when the last is; a store
 * that is away is a Fault UNAVAILABLE soon, never a hang. The store has to show what it has taken to whoever asks next,
 * in lists too, as Amazon's does.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { assertBlobHash, BlobError, type BlobSource, type Blobs } from '../../ports/blobs.ts';
import type { Outbound } from '../../ports/outbound.ts';
import type { Stage } from '../../ports/stage.ts';
import { S3Client, type S3Times } from './client.ts';
import { isMissing, S3Error } from './errors.ts';
import { whenAway } from './faults.ts';
import { PART_BYTES, type Part, partBytesOf, putInParts } from './multipart.ts';
import { deleteObject, getObject, headObject, listObjects, putObject, sha256Of } from './objects.ts';
import type { S3Place } from './place.ts';
import { s3Stage } from './s3-stage.ts';
import { Turns } from './turns.ts';

/** How often a read goes on where its connection broke, without a byte in between. */
const RESUMES_MAX = 3;

/**
 * Opens the store. A bucket that is not there, or that the credentials are not for, is an S3Error; one that is out of reach
 * now may be there later.
 */
export async function openS3Blobs(place: S3Place, outbound: Outbound, times?: S3Times): Promise<Blobs> {
  const s3 = new S3Client(place, outbound, times);
  try {
    await listObjects(s3, { prefix: '', max: 1 }).next();
  } catch (thrown) {
    if (!(thrown instanceof S3Error)) throw thrown;
    if (!thrown.passes) throw new Error(`bucket ${place.bucket} at ${place.endpoint.host}: ${thrown.message}`);
  }
  return new S3Blobs(s3, outbound);
}

class S3Blobs implements Blobs {
  readonly stage: Stage;
  readonly #s3: S3Client;
  readonly #outbound: Outbound;
  /** Changes of one blob, by its hash. */
  readonly #turns = new Turns();
  #closed = false;

  constructor(s3: S3Client, outbound: Outbound) {
    this.#s3 = s3;
    this.#outbound = outbound;
    this.stage = s3Stage({
      s3,
      inTurn: (sha256, change) => this.#turns.take(sha256, () => change(this.#keyOf(sha256))),
    });
  }

  async put(source: BlobSource): Promise<void> {
    const key = this.#keyOf(source.sha256);
    await this.#turns.take(source.sha256, () => whenAway(() => this.#store(source, key)));
  }

  async #store(source: BlobSource, key: string): Promise<void> {
    if ((await headObject(this.#s3, key))?.size === source.size) return;
    if (source.size < PART_BYTES) {
      const { size, sha256 } = source;
      await putObject(this.#s3, key, { body: { size, sha256, read: () => checked(source) } });
      return;
    }
    await putInParts(this.#s3, { key, size: source.size, parts: partsOf(source) });
  }

  async *read(sha256: string, start: number, end: number): AsyncIterable<Uint8Array> {
    assert(0 <= start && start <= end, `${start}..${end} is no range`);
    const key = this.#keyOf(sha256);
    if (start === end && !(await this.has(sha256))) throw missing(sha256);
    let at = start;
    for (let resumes = 0; at < end; resumes++) {
      const from = at;
      try {
        for await (const piece of this.#readOnce({ key, sha256 }, at, end)) {
          at += piece.length;
          yield piece;
        }
      } catch (thrown) {
        if (!(thrown instanceof S3Error) || thrown.status !== 0 || resumes === RESUMES_MAX)
          return await whenAway(() => Promise.reject(thrown));
        if (at > from) resumes = -1;
      }
    }
  }

  /** What comes by one request, which ends early where the connection does. */
  async *#readOnce(
    blob: { readonly key: string; readonly sha256: string },
    start: number,
    end: number,
  ): AsyncGenerator<Uint8Array> {
    const { object, pieces } = await whenAway(() =>
      getObject(this.#s3, blob.key, { start, end }).catch((thrown: unknown) => {
        if (isMissing(thrown)) throw missing(blob.sha256);
        if (thrown instanceof S3Error && thrown.status === 416) throw damaged(blob.sha256, end);
        throw thrown;
      }),
    );
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      yield piece;
    }
    if (object.size < end) throw damaged(blob.sha256, end);
    if (bytes !== end - start)
      throw new S3Error({ status: 0, code: 'UnknownAnswer' }, 'the store answered other bytes than it said');
  }

  async has(sha256: string): Promise<boolean> {
    const key = this.#keyOf(sha256);
    return (await whenAway(() => headObject(this.#s3, key))) !== undefined;
  }

  async delete(sha256: string): Promise<void> {
    const key = this.#keyOf(sha256);
    // A request that was given up may still come to the store, and must not meet the same content stored anew: who asked keeps it away.
    await this.#turns.take(sha256, () => whenAway(() => deleteObject(this.#s3, key, { once: true })));
  }

  async setAside(sha256: string): Promise<void> {
    const key = this.#keyOf(sha256);
    await this.#turns.take(sha256, () => whenAway(() => this.#moveAside(sha256, key)));
  }

  async #moveAside(sha256: string, key: string): Promise<void> {
    const there = await headObject(this.#s3, key);
    if (!there) return;
    const { size } = there;
    // A store has no part without bytes, and they say nothing.
    if (size > 0) await putInParts(this.#s3, { key: `damaged/${sha256}`, size, parts: copyOf(key, size) });
    await deleteObject(this.#s3, key, { once: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.settled();
    this.#outbound.close();
  }

  #keyOf(sha256: string): string {
    assert(!this.#closed, 'the blobs are closed');
    assertBlobHash(sha256);
    return `blobs/${sha256}`;
  }
}

async function* copyOf(from: string, size: number): AsyncGenerator<Part> {
  const bytes = partBytesOf(size);
  for (let start = 0; start < size; start += bytes) yield { from, start, end: Math.min(size, start + bytes) };
}

const missing = (sha256: string): BlobError => new BlobError('BLOB_MISSING', `no blob ${sha256}`);
const damaged = (sha256: string, end: number): BlobError =>
  new BlobError('BLOB_DAMAGED', `blob ${sha256} ends before byte ${end}`);
const mismatch = ({ sha256, size }: BlobSource): BlobError =>
  new BlobError('BLOB_MISMATCH', `a source is not the blob ${sha256} of ${size} bytes`);

/**
 * The bytes of a source. The last piece is kept until all are known to be what the source says: without it the store has no
 * object.
 */
async function* checked(source: BlobSource): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  let last: Uint8Array | undefined;
  for await (const piece of source.read(0, source.size)) {
    size += piece.length;
    if (size > source.size) throw mismatch(source);
    hash.update(piece);
    if (last) yield last;
    last = piece;
  }
  if (size !== source.size || hash.digest('hex') !== source.sha256) throw mismatch(source);
  if (last) yield last;
}

/** The parts of a source, each read once for its hash, and ending with an error unless they are what the source says. */
async function* partsOf(source: BlobSource): AsyncGenerator<Part> {
  const whole = createHash('sha256');
  const bytes = partBytesOf(source.size);
  for (let start = 0; start < source.size; start += bytes) {
    const end = Math.min(start + bytes, source.size);
    let size = 0;
    const sha256 = await sha256Of(source.read(start, end), (piece) => {
      size += piece.length;
      whole.update(piece);
    });
    if (size !== end - start) throw mismatch(source);
    if (end === source.size && whole.digest('hex') !== source.sha256) throw mismatch(source);
    yield { body: { size, sha256, read: () => source.read(start, end) } };
  }
}
