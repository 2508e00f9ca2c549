/**
 * What every engine of the blobs port must pass. An engine's test calls {@link blobsContract} with a way to make a
 * fresh, empty place.
 */
import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { release } from '../base/byte-memory.ts';
import { BLOB_PIECE_BYTES, type BlobSource, type Blobs } from './blobs.ts';

/** A place that keeps blobs between openings. */
export interface BlobPlace {
  open(): Promise<Blobs>;
  /** Frees the place; its blobs are closed by then. */
  remove(): Promise<void>;
}

const MiB = 1024 * 1024;
const UNKNOWN = '0'.repeat(64);

/** A source of bytes in memory, handed out in pieces of uneven sizes. */
export function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.length,
    sha256: hash('sha256', bytes),
    async *read(start, end) {
      for (let at = start, size = 1; at < end; at += size, size = (size * 7) % 300_007) {
        yield bytes.subarray(at, Math.min(end, at + size));
      }
    },
  };
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

async function listed(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const list = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}

export const collect = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  Buffer.concat(await listed(pieces));

/** Bytes without a pattern, the same in every run. */
function noise(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

export function blobsContract(name: string, makePlace: () => Promise<BlobPlace>): void {
  describe(`blobs: ${name}`, () => {
    let place: BlobPlace;
    let blobs: Blobs;

    beforeEach(async () => {
      place = await makePlace();
      blobs = await place.open();
    });
    afterEach(async () => {
      await blobs.close();
      await place.remove();
    });

    storing(() => blobs);
    reading(() => blobs);
    deleting(() => blobs);
    refusing(() => blobs);

    test('what was stored is there when the place is opened again', async () => {
      const source = sourceOf(bytesOf('kept'));
      await blobs.put(source);
      await blobs.close();
      blobs = await place.open();
      expect(await blobs.has(source.sha256)).toBe(true);
      expect(String(await collect(blobs.read(source.sha256, 0, source.size)))).toBe('kept');
    });

    test('closing waits for what is being stored', async () => {
      const source = sourceOf(noise(MiB));
      const stored = blobs.put(source);
      await blobs.close();
      blobs = await place.open();
      expect(await blobs.has(source.sha256)).toBe(true);
      await stored;
    });
  });
}

function storing(blobs: () => Blobs): void {
  test.each([
    ['an empty blob', 0],
    ['one byte', 1],
    ['a piece and a byte', BLOB_PIECE_BYTES + 1],
    ['10 MiB', 10 * MiB],
  ])('gives back %s', async (_, size) => {
    const bytes = noise(size);
    const source = sourceOf(bytes);
    await blobs().put(source);
    expect(await blobs().has(source.sha256)).toBe(true);
    expect((await collect(blobs().read(source.sha256, 0, size))).equals(bytes)).toBe(true);
  });

  test('stores the same blob twenty times at once, and again, reading the source once', async () => {
    const bytes = noise(3 * MiB);
    let reads = 0;
    const inner = sourceOf(bytes);
    const source: BlobSource = {
      ...inner,
      read: (start, end) => {
        reads++;
        return inner.read(start, end);
      },
    };
    await Promise.all(Array.from({ length: 20 }, () => blobs().put(source)));
    await blobs().put(source);
    expect(reads).toBe(1);
    expect((await collect(blobs().read(source.sha256, 0, source.size))).equals(bytes)).toBe(true);
  });

  test('is done with a piece when it asks for the next one, where the source lends them', async () => {
    const bytes = noise(3 * MiB);
    const inner = sourceOf(bytes);
    const lend = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
      for await (const piece of inner.read(start, end)) {
        const lent = new Uint8Array(piece);
        yield lent;
        release([lent]);
      }
    };
    await blobs().put({ ...inner, lend });
    expect((await collect(blobs().read(inner.sha256, 0, inner.size))).equals(bytes)).toBe(true);
  });

  test('stores different blobs at once', async () => {
    const sources = Array.from({ length: 50 }, (_, i) => sourceOf(bytesOf(`blob ${i}`)));
    await Promise.all(sources.map((source) => blobs().put(source)));
    const texts = sources.map(async ({ sha256, size }) => String(await collect(blobs().read(sha256, 0, size))));
    expect(await Promise.all(texts)).toEqual(sources.map((_, i) => `blob ${i}`));
  });

  const truth = bytesOf('the truth');
  test.each<[string, Uint8Array]>([
    ['shorter', bytesOf('the trut')],
    ['longer', bytesOf('the truth.')],
    ['different', bytesOf('the trutH')],
  ])('refuses a source whose bytes are %s, and leaves nothing', async (_, lie) => {
    const { size, sha256 } = sourceOf(truth);
    const source = { size, sha256, read: () => sourceOf(lie).read(0, lie.length) };
    await expect(blobs().put(source)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' });
    expect(await blobs().has(sha256)).toBe(false);
    await blobs().put(sourceOf(truth));
    expect(await blobs().has(sha256)).toBe(true);
  });

  test('a source that breaks off leaves nothing, and others that store the same blob succeed', async () => {
    const source = sourceOf(noise(MiB));
    const broken: BlobSource = {
      ...source,
      async *read() {
        yield* source.read(0, 100_000);
        throw new Error('the client went away');
      },
    };
    await expect(blobs().put(broken)).rejects.toThrow('the client went away');
    expect(await blobs().has(source.sha256)).toBe(false);
    const both = await Promise.allSettled([blobs().put(broken), blobs().put(source)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await blobs().has(source.sha256)).toBe(true);
  });
}

function reading(blobs: () => Blobs): void {
  test('reads ranges in pieces of at most 64 KiB', async () => {
    const bytes = noise(200_000);
    const source = sourceOf(bytes);
    const { sha256, size } = source;
    await blobs().put(source);
    const ranges = [
      [0, size],
      [0, 0],
      [size, size],
      [0, 1],
      [size - 1, size],
      [65_535, 131_073],
      [7, 199_993],
    ] as const;
    for (const [start, end] of ranges) {
      const pieces = await listed(blobs().read(sha256, start, end));
      expect(Math.max(0, ...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(BLOB_PIECE_BYTES);
      expect(Buffer.concat(pieces).equals(bytes.subarray(start, end)), `${start}..${end}`).toBe(true);
    }
  });

  test('pieces are the own memory of whoever reads', async () => {
    const source = sourceOf(noise(100_000));
    await blobs().put(source);
    const pieces = await listed(blobs().read(source.sha256, 0, source.size));
    pieces[1]!.fill(0);
    expect(Buffer.from(pieces[0]!).equals(noise(100_000).subarray(0, pieces[0]!.length))).toBe(true);
    expect((await collect(blobs().read(source.sha256, 0, source.size))).equals(noise(100_000))).toBe(true);
  });

  test('a range beyond the end is an error, never short', async () => {
    const source = sourceOf(bytesOf('short'));
    await blobs().put(source);
    await expect(collect(blobs().read(source.sha256, 0, 6))).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
  });

  test('a read may be left early', async () => {
    const source = sourceOf(noise(MiB));
    await blobs().put(source);
    for await (const piece of blobs().read(source.sha256, 0, source.size)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect((await collect(blobs().read(source.sha256, 5, 9))).length).toBe(4);
  });
}

function deleting(blobs: () => Blobs): void {
  test('a deleted blob is gone, may be deleted again, and may come back', async () => {
    const source = sourceOf(bytesOf('now and then'));
    await blobs().put(source);
    await blobs().delete(source.sha256);
    await blobs().delete(source.sha256);
    expect(await blobs().has(source.sha256)).toBe(false);
    await expect(collect(blobs().read(source.sha256, 0, 1))).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    await blobs().put(source);
    expect(String(await collect(blobs().read(source.sha256, 0, source.size)))).toBe('now and then');
  });

  test('what is not there is set aside without a word', async () => {
    await blobs().setAside(UNKNOWN);
    expect(await blobs().has(UNKNOWN)).toBe(false);
  });

  test('a blob that was set aside is gone, may be set aside again, and may come back', async () => {
    for (const source of [sourceOf(bytesOf('worse now')), sourceOf(noise(20 * MiB)), sourceOf(new Uint8Array())]) {
      await blobs().put(source);
      for (let times = 0; times < 2; times++) await blobs().setAside(source.sha256);
      expect(await blobs().has(source.sha256)).toBe(false);
      await blobs().put(source);
      await blobs().setAside(source.sha256);
      await blobs().put(source);
      const back = await collect(blobs().read(source.sha256, 0, source.size));
      expect(hash('sha256', back)).toBe(source.sha256);
    }
  });

  test('a read that has begun ends well', async () => {
    const bytes = noise(MiB);
    const source = sourceOf(bytes);
    await blobs().put(source);
    const pieces: Uint8Array[] = [];
    for await (const piece of blobs().read(source.sha256, 0, source.size)) {
      if (pieces.length === 0) await blobs().delete(source.sha256);
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(await blobs().has(source.sha256)).toBe(false);
  });

  test('changes of one blob take effect in the order in which they were asked for', async () => {
    const source = sourceOf(noise(MiB));
    const { sha256 } = source;
    await Promise.all([blobs().put(source), blobs().delete(sha256), blobs().put(source)]);
    expect(await blobs().has(sha256)).toBe(true);
    await Promise.all([blobs().put(source), blobs().delete(sha256)]);
    expect(await blobs().has(sha256)).toBe(false);
  });
}

function refusing(blobs: () => Blobs): void {
  test('an unknown hash is missing, also for an empty range', async () => {
    expect(await blobs().has(UNKNOWN)).toBe(false);
    await blobs().delete(UNKNOWN);
    await expect(collect(blobs().read(UNKNOWN, 0, 0))).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });

  test.each(['', 'abc', 'A'.repeat(64), `${'a'.repeat(64)}\n`, `../${'a'.repeat(61)}`, 'g'.repeat(64), 'a'.repeat(65)])(
    'never takes %j for a hash',
    async (sha256) => {
      const refused = { name: 'AssertionError' };
      const source = sourceOf(bytesOf('x'));
      await expect(blobs().put({ ...source, sha256 })).rejects.toMatchObject(refused);
      await expect(blobs().has(sha256)).rejects.toMatchObject(refused);
      await expect(blobs().delete(sha256)).rejects.toMatchObject(refused);
      await expect(collect(blobs().read(sha256, 0, 1))).rejects.toMatchObject(refused);
    },
  );

  test('a range that ends before it begins is an assertion error', async () => {
    const source = sourceOf(bytesOf('x'));
    await blobs().put(source);
    for (const [start, end] of [
      [1, 0],
      [-1, 1],
    ] as const) {
      await expect(collect(blobs().read(source.sha256, start, end))).rejects.toMatchObject({ name: 'AssertionError' });
    }
  });
}
