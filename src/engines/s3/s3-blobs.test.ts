/** Blobs and their stage on a real S3 server: the suites of the ports, and what only such a store has. */
import { hash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3_USER, s3Request } from '../../../test/servers/s3.ts';
import { freshBucket } from '../../../test/servers/shared-s3.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { blobsContract, bytesOf, collect, sourceOf } from '../../ports/blobs.contract.ts';
import type { BlobSource, Blobs } from '../../ports/blobs.ts';
import type { Outbound } from '../../ports/outbound.ts';
import { stageContract } from '../../ports/stage.contract.ts';
import { openOutbound } from '../network/outbound.ts';
import { placeOf, type S3Place } from './place.ts';
import { openS3Blobs } from './s3-blobs.ts';

const MiB = 1024 * 1024;
const trusted = (): Outbound => openOutbound({ allow: undefined, pins: [], ca: '' });

const shared = once(freshBucket);

for (const contract of [blobsContract, stageContract]) {
  contract('s3', async () => {
    const place = placeOf({ ...(await shared()), prefix: randomUUID() }, S3_USER);
    return { open: () => openS3Blobs(place, trusted()), remove: async () => undefined };
  });
}

/** One bucket for places that differ by their prefixes: making one takes longer than most tests. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Bytes without a pattern that could hide a part in the wrong place. */
function counting(size: number): Buffer {
  const words = new Uint32Array(size / 4);
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
  return Buffer.from(words.buffer);
}

describe('in parts', () => {
  let endpoint: string;
  let place: S3Place;
  let blobs: Blobs;
  beforeAll(async () => {
    const { bucket, ...at } = await freshBucket();
    endpoint = at.endpoint;
    place = placeOf({ bucket, endpoint }, S3_USER);
    blobs = await openS3Blobs(place, trusted());
  });
  afterAll(() => blobs.close());

  const asked = async (query: string): Promise<string> =>
    (await s3Request(endpoint, { method: 'GET', path: `/${place.bucket}?${query}` })).text();

  test('a blob of more than 16 MiB is one object, read by ranges across its parts', async () => {
    const bytes = counting(36 * MiB);
    const source = sourceOf(bytes);
    await blobs.put(source);
    expect(await asked('list-type=2')).toContain(`<Key>blobs/${source.sha256}</Key>`);
    for (const [start, end] of [
      [0, 10],
      [16 * MiB - 5, 16 * MiB + 5],
      [31 * MiB, 36 * MiB],
    ] as const) {
      expect((await collect(blobs.read(source.sha256, start, end))).equals(bytes.subarray(start, end))).toBe(true);
    }
    expect(hash('sha256', await collect(blobs.read(source.sha256, 0, source.size)))).toBe(source.sha256);
    await blobs.put({ ...source, read: () => Promise.reject(new Error('it is there')) as never });
    await blobs.delete(source.sha256);
    expect(await blobs.has(source.sha256)).toBe(false);
  });

  test.each<[string, (source: BlobSource) => BlobSource]>([
    [
      'whose last byte lies',
      (source) => ({ ...source, read: (start, end) => lying(source.read(start, end), end === source.size) }),
    ],
    [
      'that breaks off',
      (source) => ({ ...source, read: (start, end) => broken(source.read(start, end), end === source.size) }),
    ],
    [
      'that ends early',
      (source) => ({ ...source, read: (start, end) => source.read(start, Math.min(end, source.size - 1)) }),
    ],
  ])('a source %s leaves nothing, no part either', async (_, worse) => {
    const source = sourceOf(counting(20 * MiB));
    await expect(blobs.put(worse(source))).rejects.toThrow(/is not the blob|the client went away/);
    expect(await blobs.has(source.sha256)).toBe(false);
    expect(await asked('uploads=')).not.toContain('<Upload>');
  });

  test('a segment becomes a blob from chunks that are large, small, cut and written over', async () => {
    const bytes = counting(20 * MiB);
    const write = async (at: number, to: number, ...syncs: number[]): Promise<void> => {
      const writer = await blobs.stage.open('act', 's', at);
      for (let from = at; from < to; ) {
        const end = Math.min(to, ...syncs.filter((one) => one > from), from + MiB);
        await writer.write([bytes.subarray(from, end)]);
        if (syncs.includes(end)) await writer.sync();
        from = end;
      }
      await writer.sync();
      await writer.close();
    };
    await write(0, 9 * MiB, 100, 200_000);
    // What a writer before held behind its place counts no more, also within a chunk.
    await write(8 * MiB + 100, 19 * MiB, 17 * MiB);
    await write(18 * MiB, 20 * MiB);
    const blob = { size: bytes.length, sha256: hash('sha256', bytes) };
    expect(hash('sha256', await collect(blobs.stage.read('act', 's', { start: 0, end: blob.size })))).toBe(blob.sha256);
    await blobs.stage.adopt('act', 's', blob);
    expect(hash('sha256', await collect(blobs.read(blob.sha256, 0, blob.size)))).toBe(blob.sha256);
    await blobs.stage.remove('act');
    expect(await asked('list-type=2&prefix=stage/')).toContain('<KeyCount>0</KeyCount>');
  });

  test('a chunk that comes late, when its writer has been given up, counts for nothing', async () => {
    const write = async (at: number, text: string): Promise<void> => {
      const writer = await blobs.stage.open('late', 's', at);
      await writer.write([bytesOf(text)]);
      await writer.sync();
      await writer.close();
    };
    await write(0, 'abcd');
    await write(4, 'efghij');
    const digits = (number: number): string => String(number).padStart(16, '0');
    for (const at of [4, 6, 9]) {
      const path = `/${place.bucket}/stage/late/s/${digits(at)}-${digits(Date.now() - 60_000)}`;
      expect((await s3Request(endpoint, { method: 'PUT', path, body: 'XYZ'.repeat(at) })).status).toBe(200);
    }
    expect(String(await collect(blobs.stage.read('late', 's', { start: 0, end: 10 })))).toBe('abcdefghij');
    await expect(collect(blobs.stage.read('late', 's', { start: 0, end: 11 }))).rejects.toMatchObject({
      code: 'STAGE_MISSING',
    });
    await write(8, 'kl');
    expect(String(await collect(blobs.stage.read('late', 's', { start: 0, end: 10 })))).toBe('abcdefghkl');
  });

  test('parts that a crash left are given back a day later', async () => {
    const path = `/${place.bucket}/blobs/left?uploads=`;
    expect((await fetchAs('POST', path)).status).toBe(200);
    await blobs.stage.list(Date.now());
    expect(await asked('uploads=')).toContain('<Upload>');
    await blobs.stage.list(Date.now() + 2 * 86_400_000);
    expect(await asked('uploads=')).not.toContain('<Upload>');
  });

  const fetchAs = (method: 'POST', path: string): Promise<Response> => s3Request(endpoint, { method, path });
});

async function* lying(pieces: AsyncIterable<Uint8Array>, isLast: boolean): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) yield isLast ? piece.map((byte) => byte ^ 1) : piece;
}

async function* broken(pieces: AsyncIterable<Uint8Array>, isLast: boolean): AsyncIterable<Uint8Array> {
  yield* pieces;
  if (isLast) throw new Error('the client went away');
}

describe('behind a bad connection', () => {
  const away = { code: 'UNAVAILABLE', data: { reason: 'blobs', retry_after: 5 } };
  let proxy: TcpProxy;
  let place: S3Place;
  beforeAll(async () => {
    const { endpoint, bucket } = await freshBucket();
    proxy = await startTcpProxy(Number(new URL(endpoint).port));
    place = placeOf({ bucket, endpoint: `http://127.0.0.1:${proxy.port}` }, S3_USER);
  });
  afterAll(() => proxy.stop());

  /** Gives up soon. */
  const opened = (silence = 10_000): Promise<Blobs> => openS3Blobs(place, trusted(), { silence, patience: 500 });

  test('what got no answer is sent again', async () => {
    const blobs = await openS3Blobs(place, trusted());
    const source = sourceOf(bytesOf('sent twice'));
    let lost = 0;
    proxy.judge = (packet) => (packet.includes('PUT /') && lost++ === 0 ? 'lose the answer' : 'pass');
    await blobs.put(source);
    expect(proxy.lostAnswers).toBe(1);
    lost = 0;
    proxy.judge = (packet) => (packet.includes('GET /') && lost++ < 2 ? 'lose' : 'pass');
    expect(String(await collect(blobs.read(source.sha256, 0, source.size)))).toBe('sent twice');
    expect(lost).toBe(3);
    proxy.judge = () => 'pass';
    await blobs.close();
  });

  test('a read goes on where its connection broke', async () => {
    const blobs = await openS3Blobs(place, trusted());
    const bytes = counting(8 * MiB);
    const source = sourceOf(bytes);
    await blobs.put(source);
    const pieces: Uint8Array[] = [];
    let came = 0;
    let cuts = 0;
    for await (const piece of blobs.read(source.sha256, 0, source.size)) {
      pieces.push(piece);
      came += piece.length;
      if (came > 2 * MiB * (cuts + 1) && cuts < 2) {
        cuts++;
        proxy.cut();
      }
    }
    expect(cuts).toBe(2);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    await blobs.close();
  });

  test.each<[string, number, () => void]>([
    [
      'that is gone',
      10_000,
      () => {
        proxy.shut = true;
        proxy.cut();
      },
    ],
    [
      'that says nothing',
      3_000,
      () => {
        proxy.mute = true;
      },
    ],
  ])('a store %s is UNAVAILABLE for every call, and there again afterwards', async (_, silence, worsen) => {
    const blobs = await opened(silence);
    const source = sourceOf(bytesOf('kept'));
    const other = sourceOf(bytesOf('other'));
    await blobs.put(source);
    const writer = await blobs.stage.open('act', 's', 0);
    await writer.write([bytesOf('staged')]);
    worsen();
    const calls = [
      blobs.put(other),
      blobs.has(source.sha256),
      blobs.delete(sourceOf(bytesOf('to delete')).sha256),
      collect(blobs.read(source.sha256, 0, source.size)),
      writer.sync(),
      blobs.stage.open('act', 't', 0),
      collect(blobs.stage.read('act', 't', { start: 0, end: 1 })),
      blobs.stage.adopt('act', 't', sourceOf(bytesOf('to adopt'))),
      blobs.stage.remove('act'),
      blobs.stage.list(1),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: away });
    }
    await expect(writer.sync()).rejects.toMatchObject(away);
    await writer.close();
    [proxy.shut, proxy.mute] = [false, false];
    proxy.cut();
    // While it counts as away there is one try, which may meet a connection that has just been cut.
    await expect.poll(() => blobs.has(source.sha256).catch(() => false)).toBe(true);
    expect(String(await collect(blobs.read(source.sha256, 0, source.size)))).toBe('kept');
    await blobs.put(other);
    expect(await blobs.has(other.sha256)).toBe(true);
    await blobs.close();
  });

  test('it can be opened while the store is away, but not on a bucket that is not there or not ours', async () => {
    await expect(openS3Blobs({ ...place, bucket: 'no-such-bucket' }, trusted())).rejects.toThrow(
      `bucket no-such-bucket at 127.0.0.1:${proxy.port}: NoSuchBucket`,
    );
    const credentials = { ...S3_USER, secretAccessKey: 'another-secret' };
    const refused = openS3Blobs({ ...place, credentials }, trusted());
    await expect(refused).rejects.toThrow('SignatureDoesNotMatch');
    await expect(refused).rejects.not.toThrow('another-secret');
    proxy.shut = true;
    proxy.cut();
    const blobs = await opened();
    await expect(blobs.has('0'.repeat(64))).rejects.toMatchObject(away);
    proxy.shut = false;
    expect(await blobs.has('0'.repeat(64))).toBe(false);
    await blobs.close();
  });
});
