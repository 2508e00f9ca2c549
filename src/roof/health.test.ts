/** What degrades the server, and what it says of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer } from '../../test/harness.ts';
import { freshBucket, settingsFor } from '../../test/servers/shared-s3.ts';
import { startTcpProxy } from '../../test/servers/tcp-proxy.ts';

/** Mounting a small file system takes root, which CI has. */
const isRoot = process.getuid?.() === 0;

interface Health {
  readonly status: string;
  readonly components: Readonly<Record<string, { readonly status: string }>>;
}

const healthOf = async (url: string): Promise<Health> =>
  (await (await fetch(`${url}/health/detailed`)).json()) as Health;

forEachEngine('health', (engine) => {
  test('a server with room is healthy, before and after its first write', async () => {
    const server = await startTestServer({ engine });
    const before = await healthOf(server.url);
    await server.ok('write', { path: '/a', content: 'x' });
    expect([before, await healthOf(server.url)]).toMatchObject([{ status: 'healthy' }, { status: 'healthy' }]);
    expect('disk' in before.components).toBe(engine === 'sqlite');
    await server.stop();
  });

  test('the log of events and the queue of jobs are asked by themselves', async () => {
    const server = await startTestServer({ engine });
    const asked = { status: 'healthy', latency_ms: expect.any(Number) };
    expect((await healthOf(server.url)).components).toMatchObject({
      ...{ sql: asked, blobs: asked, events: asked, jobs: asked },
      access: { status: 'healthy' },
    });
    const rename = (from: string, to: string) =>
      server.sql.write('root', (tx) => tx.run(`ALTER TABLE ${from} RENAME TO ${to}`));
    await rename('workers', 'workers_elsewhere');
    expect(await healthOf(server.url)).toMatchObject({
      status: 'unhealthy',
      components: { sql: asked, events: asked, jobs: { status: 'unhealthy' } },
    });
    await rename('workers_elsewhere', 'workers');
    expect((await healthOf(server.url)).status).toBe('healthy');
    await server.stop();
  });

  test('a folder of blobs that is not there any more is unhealthy, and answers neither reads nor writes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-health-'));
    const server = await startTestServer({ engine, directory });
    const large = 'x'.repeat(200_000);
    await server.ok('write', { path: '/a', content: large });
    const blobs = join(directory, 'blobs');
    renameSync(blobs, `${blobs}-elsewhere`);
    mkdirSync(blobs);
    const away = { code: 'UNAVAILABLE', reason: 'blobs' };
    expect((await server.rpc('write', { path: '/b', content: `y${large}` })).error?.data).toMatchObject(away);
    for (const encoding of ['base64', 'utf-8'])
      expect((await server.rpc('read', { path: '/a', encoding })).error?.data).toMatchObject(away);
    expect((await server.http('/api/v2/files/a')).status).toBe(503);
    expect(await healthOf(server.url)).toMatchObject({
      status: 'unhealthy',
      components: { blobs: { status: 'unhealthy' } },
    });
    rmSync(blobs, { recursive: true });
    renameSync(`${blobs}-elsewhere`, blobs);
    expect(await server.ok('read', { path: '/a', encoding: 'utf-8' })).toBeDefined();
    expect((await healthOf(server.url)).status).toBe('healthy');
    await server.stop();
    rmSync(directory, { recursive: true });
  });
});

test.skipIf(!isRoot)('a full disk degrades the server until there is room again', { timeout: 60_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'nexus-health-'));
  const disk = join(home, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m,mode=700', 'tmpfs', disk]);
  const directory = join(disk, 'data');
  mkdirSync(directory, { mode: 0o700 });
  const server = await startTestServer({ engine: 'sqlite', directory });
  try {
    await server.ok('write', { path: '/a', content: 'x' });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'foreign'), Buffer.alloc(bavail * bsize - 64 * 1024));
    let refused: unknown;
    for (let n = 0; n < 200 && refused === undefined; n++) {
      refused = (await server.rpc('write', { path: `/f${n}`, content: `${n}`.repeat(5_000) })).error?.data;
    }
    expect(refused).toMatchObject({ reason: 'disk_full' });
    const full = await fetch(`${server.url}/health`);
    expect([full.status, await full.json()]).toMatchObject([200, { status: 'degraded', healthy: false }]);
    const { components } = await healthOf(server.url);
    expect(components).toMatchObject({ sql: { status: 'healthy' }, disk: { status: 'degraded' } });
    expect(JSON.stringify(components)).not.toContain(home);
    rmSync(join(disk, 'foreign'));
    expect((await healthOf(server.url)).status).toBe('healthy');
    const write = async () => (await server.rpc('write', { path: '/b', content: 'x' })).status;
    await expect.poll(write, { timeout: 20_000 }).toBe(200);
  } finally {
    await server.stop();
    execFileSync('umount', [disk]);
    rmSync(home, { recursive: true });
  }
});

test('a store of blobs that says nothing is told of before whoever asks gives up', { timeout: 60_000 }, async () => {
  const { endpoint, bucket } = await freshBucket();
  const proxy = await startTcpProxy(Number(new URL(endpoint).port));
  const environment = settingsFor({ endpoint: `http://127.0.0.1:${proxy.port}`, bucket });
  const server = await startTestServer({ engine: 'sqlite', environment });
  expect((await healthOf(server.url)).components).toMatchObject({ blobs: { status: 'healthy' } });
  proxy.mute = true;
  const blobs = { status: 'unhealthy', detail: 'no answer within 5 s' };
  expect(await healthOf(server.url)).toMatchObject({
    status: 'unhealthy',
    components: { blobs, sql: { status: 'healthy' } },
  });
  proxy.mute = false;
  proxy.cut();
  await expect.poll(async () => (await healthOf(server.url)).status, { timeout: 20_000 }).toBe('healthy');
  await server.stop();
  await proxy.stop();
});
