/**
 * Servers that keep their blobs in S3: two on one PostgreSQL are one Nexus, and one whose store is away says so and goes on
 * with what needs none. Suites of other tests run there with `BLOBS=s3`.
 */
import { hash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../src/engines/process/system-clock.ts';
import { collectBlobs } from '../src/roof/collect.ts';
import { systemSteps } from '../src/roof/system.ts';
import { startTestServer, type TestServer } from './harness.ts';
import { s3Request } from './servers/s3.ts';
import { freshDatabase } from './servers/shared-postgres.ts';
import { freshBucket, settingsFor } from './servers/shared-s3.ts';
import { startTcpProxy, type TcpProxy } from './servers/tcp-proxy.ts';
import { base64, type TusClient } from './tus/client.ts';
import { tusOf } from './tus/ours.ts';

/** More than one part. */
const LARGE = 18_000_000;

const put = (node: TestServer, path: string, body: Buffer): Promise<Response> =>
  node.http(`/api/v2/files${path}`, { method: 'PUT', body });

describe('two servers', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let nodes: TestServer[];
  let first: TestServer;
  let second: TestServer;
  beforeAll(async () => {
    database = await freshDatabase();
    const environment = { ...settingsFor(await freshBucket()), NEXUS_DATABASE_URL: database.url };
    nodes = await Promise.all([startTestServer({ environment }), startTestServer({ environment })]);
    [first, second] = nodes as [TestServer, TestServer];
  }, 60_000);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await database.drop();
  });

  test('what one wrote the other reads, whole and in ranges', async () => {
    const bytes = randomBytes(LARGE);
    expect((await put(first, '/large', bytes)).status).toBe(201);
    const whole = await second.http('/api/v2/files/large');
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const range = await second.http('/api/v2/files/large', { headers: { range: 'bytes=16777200-16777230' } });
    expect(range.status).toBe(206);
    expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(16_777_200, 16_777_231))).toBe(true);
    // The same content on the other node is there already.
    expect((await put(second, '/same', bytes)).status).toBe(201);
    expect(await first.ok('get_metadata', { path: '/same' })).toMatchObject({ size: LARGE });
  });

  test('a backup that one makes the other lists and verifies, at the place that both have', async () => {
    await put(first, '/kept', randomBytes(300_000));
    const made = (await (await first.http('/api/v2/backups', { method: 'POST' })).json()) as { id: string };
    const listed = (await (await second.http('/api/v2/backups')).json()) as { destination: string; backups: object[] };
    expect(listed.destination).toMatch(/^s3:.*\/backups\?/);
    expect(listed.backups).toMatchObject([{ id: made.id, status: 'succeeded' }]);
    const verified = await second.http(`/api/v2/backups/${made.id}/verify`, { method: 'POST' });
    expect([verified.status, await verified.json()]).toMatchObject([200, { id: made.id }]);
  });

  test('an upload that goes to both in turn is one content', async () => {
    const bytes = randomBytes(LARGE);
    const [here, there] = nodes.map((one) => tusOf(one)) as [TusClient, TusClient];
    const url = await here.begin(LARGE, { 'upload-metadata': `path ${base64('/turns')}` });
    let offset = 0;
    for (const [client, size] of [
      [here, 9_000_000],
      [there, 100_000],
      [here, 300_000],
      [there, LARGE - 9_400_000],
    ] as const) {
      expect(await client.offset(url)).toBe(offset);
      const { status } = await client.patch(url, { offset, body: bytes.subarray(offset, offset + size) });
      expect(status).toBe(204);
      offset += size;
    }
    const whole = await first.http('/api/v2/files/turns');
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
  });
});

describe('one server', () => {
  let proxy: TcpProxy;
  let server: TestServer;
  let at: { endpoint: string; bucket: string };
  beforeAll(async () => {
    at = await freshBucket();
    proxy = await startTcpProxy(Number(new URL(at.endpoint).port));
    const environment = settingsFor({ ...at, endpoint: `http://127.0.0.1:${proxy.port}` });
    server = await startTestServer({ environment });
  });
  afterAll(async () => {
    await server.stop();
    await proxy.stop();
  });

  test('keeps large contents in the bucket, under their hashes, and takes away what nothing names any more', async () => {
    const contents = [randomBytes(100_000), randomBytes(100_000)];
    const [gone, kept] = contents.map((bytes) => hash('sha256', bytes)) as [string, string];
    await Promise.all(contents.map((bytes, n) => put(server, `/c${n}`, bytes)));
    const inBucket = async (sha256: string): Promise<number> =>
      (await s3Request(at.endpoint, { method: 'GET', path: `/${at.bucket}/blobs/blobs/${sha256}` })).status;
    expect([await inBucket(gone), await inBucket(kept)]).toEqual([200, 200]);
    await server.sql.write('root', async (tx) => {
      await tx.run("DELETE FROM file_states WHERE path = '/c0'");
      await tx.run('UPDATE blobs SET touched_at = 0');
    });
    const { blobs, runner } = server.running.server;
    const { signal } = new AbortController();
    // The server's own job may be at it just now, and have been first.
    const collected = await collectBlobs({ step: systemSteps(runner), blobs, clock: systemClock, signal });
    expect(collected).toBeLessThanOrEqual(1);
    await expect.poll(() => inBucket(gone), { timeout: 10_000 }).toBe(404);
    expect(await inBucket(kept)).toBe(200);
    expect((await server.http('/api/v2/files/c1')).status).toBe(200);
  });

  test('whose store is away answers 503 with a time to come again, and does all that needs no store', async () => {
    const kept = randomBytes(200_000);
    expect((await put(server, '/kept', kept)).status).toBe(201);
    proxy.shut = true;
    proxy.cut();
    const answers = await Promise.all([
      server.http('/api/v2/files/kept'),
      put(server, '/new', randomBytes(200_000)),
      server.http('/health'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    for (const answer of answers.slice(0, 2)) {
      expect(answer.headers.get('retry-after')).toBe('5');
      expect(await answer.json()).toMatchObject({ error: { code: 'UNAVAILABLE', data: { reason: 'blobs' } } });
    }
    expect((await put(server, '/small', randomBytes(1000))).status).toBe(201);
    expect((await server.ok('list', { path: '/' })).files).toEqual(['/c1', '/kept', '/small']);
    proxy.shut = false;
    const again = await server.http('/api/v2/files/kept');
    expect(Buffer.from(await again.arrayBuffer()).equals(kept)).toBe(true);
    expect((await server.http('/health')).status).toBe(200);
  });
});
