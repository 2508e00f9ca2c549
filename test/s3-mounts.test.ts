/** Buckets as mounts of a whole server: what users do below one, what another program sees of it, and what is refused. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from './harness.ts';
import { S3_USER, s3Request } from './servers/s3.ts';
import { startSayingS3 } from './servers/saying-s3.ts';
import { freshBucket } from './servers/shared-s3.ts';
import { startTcpProxy, type TcpProxy } from './servers/tcp-proxy.ts';

forEachEngine('a bucket', (engine) => {
  let server: TestServer;
  let proxy: TcpProxy;
  let at: { endpoint: string; bucket: string };
  const lines: string[] = [];

  beforeAll(async () => {
    at = await freshBucket();
    proxy = await startTcpProxy(Number(new URL(at.endpoint).port));
    server = await startTestServer({
      engine,
      environment: { NEXUS_OUTBOUND_ALLOW: '["127.0.0.1"]', NEXUS_LOG_LEVEL: 'debug' },
      log: (...line) => lines.push(JSON.stringify(line)),
    });
  });
  afterAll(async () => {
    await server.stop();
    await proxy.stop();
  });

  const config = (more: object = {}) => ({
    bucket: at.bucket,
    region: 'us-east-1',
    prefix: 'below',
    endpoint: `http://127.0.0.1:${proxy.port}`,
    access_key_id: S3_USER.accessKeyId,
    secret_access_key: S3_USER.secretAccessKey,
    ...more,
  });
  const mount = (mount_point: string, more?: object) =>
    server.rpc('add_mount', { mount_point, backend_type: 's3', backend_config: config(more) });
  /** As another program. */
  const theirs = (method: 'GET' | 'PUT', key: string, body?: string): Promise<Response> =>
    s3Request(at.endpoint, { method, path: `/${at.bucket}/below/${key}`, ...(body ? { body } : {}) });

  test('is mounted, read through and written through, and nobody is shown its secret', async () => {
    const { result, error } = await mount('/cloud');
    expect(error).toBeNull();
    expect(result).toMatchObject({ backend_type: 's3', state: 'active', backend_config: { secret_access_key: '***' } });
    await server.ok('write', { path: '/cloud/a/ours.txt', content: 'of ours' });
    expect(await (await theirs('GET', 'a/ours.txt')).text()).toBe('of ours');
    await theirs('PUT', 'a/theirs.txt', 'needle of theirs');
    expect(await server.ok('read', { path: '/cloud/a/theirs.txt', encoding: 'utf-8' })).toBe('needle of theirs');
    const { files } = await server.ok('list', { path: '/cloud', recursive: true });
    expect([...files].sort()).toEqual(['/cloud/a', '/cloud/a/ours.txt', '/cloud/a/theirs.txt']);
    const { matches } = await server.ok('grep', { pattern: 'needle', path: '/cloud' });
    expect(matches).toMatchObject([{ path: '/cloud/a/theirs.txt' }]);
    await server.ok('mkdir', { path: '/cloud/empty' });
    expect((await theirs('GET', 'empty/')).status).toBe(200);
    await server.ok('delete', { path: '/cloud/a/ours.txt' });
    expect((await theirs('GET', 'a/ours.txt')).status).toBe(404);
    const { result: mounts, body } = await server.rpc('list_mounts');
    expect(mounts).toHaveLength(2);
    expect(JSON.stringify(body)).not.toContain(S3_USER.secretAccessKey);
  });

  test('takes and gives large files', async () => {
    const bytes = randomBytes(17_000_000);
    const put = await server.http('/api/v2/files/cloud/large', { method: 'PUT', body: bytes });
    expect(put.status).toBe(201);
    const got = await server.http('/api/v2/files/cloud/large');
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Buffer.from(await (await theirs('GET', 'large')).arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('that is away is 503, and nothing is changed by then', async () => {
    proxy.shut = true;
    proxy.cut();
    const [read, write] = await Promise.all([
      server.http('/api/v2/files/cloud/a/theirs.txt'),
      server.http('/api/v2/files/cloud/a/new.txt', { method: 'PUT', body: 'new' }),
    ]);
    expect([read.status, write.status]).toEqual([503, 503]);
    expect(read.headers.get('retry-after')).toEqual(expect.any(String));
    proxy.shut = false;
    await expect
      .poll(async () => (await server.http('/api/v2/files/cloud/a/theirs.txt')).status, { timeout: 20_000 })
      .toBe(200);
    expect((await server.http('/api/v2/files/cloud/a/new.txt')).status).toBe(404);
  });

  test.each<[string, object, object]>([
    ['an address that is not open', { endpoint: 'http://127.0.0.2:9000' }, { code: 'ACCESS_DENIED' }],
    ['the metadata of a cloud', { endpoint: 'http://169.254.169.254' }, { code: 'ACCESS_DENIED' }],
    ['an unknown field', { root_path: '/etc' }, { code: 'INVALID_PARAMS' }],
  ])('at %s is refused, and nothing is added', async (_, more, data) => {
    expect((await mount('/refused', more)).error).toMatchObject({ data });
    expect(await server.ok('has_mount', { mount_point: '/refused' })).toBe(false);
  });

  test.each([
    [403, 'SignatureDoesNotMatch'],
    [404, 'NoSuchBucket'],
  ])('whose store answers %i %s once it is mounted is 503, behind a restart too', async (status, code) => {
    const directory = await mkdtemp(join(tmpdir(), 'nexus-shut-'));
    const saying = await startSayingS3();
    const options = { engine, directory, environment: { NEXUS_OUTBOUND_ALLOW: '["127.0.0.1"]' } };
    let nexus = await startTestServer(options);
    const backend_config = { ...config(), bucket: 'says', endpoint: saying.endpoint };
    const form = { mount_point: '/m', backend_type: 's3', backend_config };
    await nexus.ok('add_mount', form);
    saying.says = { status, code };
    for (const behind of ['the mount', 'a restart']) {
      for (const method of ['read', 'list']) {
        expect([behind, method, await nexus.fault(method, { path: '/m/f' })]).toEqual([behind, method, 'UNAVAILABLE']);
      }
      expect(await nexus.ok('get_mount', { mount_point: '/m' })).toMatchObject({ state: 'unreachable' });
      await nexus.stop();
      nexus = await startTestServer(options);
    }
    const { error } = await nexus.rpc('add_mount', { ...form, mount_point: '/other' });
    expect(error?.data).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'backend_config' }] });
    await nexus.stop();
    await saying.stop();
    await rm(directory, { recursive: true });
  });

  test('whose secret is wrong is refused without showing it; no line of the log has a secret', async () => {
    const { error } = await mount('/wrong', { secret_access_key: 'a-wrong-secret' });
    expect(error?.message).toContain('SignatureDoesNotMatch');
    expect(JSON.stringify(error)).not.toContain('a-wrong-secret');
    expect(lines.length).toBeGreaterThan(0);
    expect(
      lines.filter((line) => line.includes('wrong-secret') || line.includes(`"${S3_USER.secretAccessKey}"`)),
    ).toEqual([]);
  });
});
