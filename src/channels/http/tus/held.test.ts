/** Uploads that somebody holds and does not give back, and uploads that were begun without a length. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { BYTES, base64, someBytes, type TusClient } from '../../../../test/tus/client.ts';
import { halfPatch } from '../../../../test/tus/half.ts';
import { tusOf } from '../../../../test/tus/ours.ts';
import { eventually } from '../../../../test/tus/row.ts';

const codeOf = (body: string): string => (JSON.parse(body) as { error: { code: string } }).error.code;
const DEFERRED = { 'upload-defer-length': '1' };

forEachEngine('uploads that wait', (engine) => {
  let server: TestServer;
  let admin: TusClient;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_FILE_BYTES: '2000000' } });
    admin = clientOf({});
  });
  afterAll(() => server.stop());

  const clientOf = (more: Record<string, string>): TusClient => tusOf(server, ADMIN_KEY, more);
  const lock = (url: string, until: string): Promise<unknown> =>
    server.sql.write('root', (tx) =>
      tx.run(`UPDATE uploads SET token = token + 1, lock_until = ${until} WHERE upload_id = ?`, [
        url.split('/').at(-1)!,
      ]),
    );
  const begin = async (client: TusClient, headers: Record<string, string>): Promise<string> =>
    (await client.create(headers)).headers.location ?? '';

  test('without a length it ends at the most that a file may have, also in small pieces', async () => {
    const url = await begin(admin, { ...DEFERRED, 'upload-metadata': `path ${base64('/endless')}` });
    const received = 1_999_995;
    const id = url.split('/').at(-1)!;
    await server.sql.write('root', (tx) =>
      tx.run('UPDATE uploads SET received = ? WHERE upload_id = ?', [received, id]),
    );
    const refused = await admin.patch(url, { offset: received, body: someBytes(6) });
    expect([refused.status, codeOf(refused.body)]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(await admin.offset(url)).toBe(received);
  });

  test('a final that is refused is not there: nobody could try it again', async () => {
    await server.ok('mkdir', { path: '/folder' });
    for (const size of [10, 100_000]) {
      const part = await admin.begin(size, { 'upload-concat': 'partial' });
      await admin.patch(part, { offset: 0, body: someBytes(size) });
      const named = { 'upload-concat': `final;${part}`, 'upload-metadata': `path ${base64('/folder')}` };
      const refused = await admin.create(named);
      expect([refused.status, codeOf(refused.body)]).toEqual([409, 'IS_A_DIRECTORY']);
    }
    expect(await server.sql.read((tx) => tx.all("SELECT kind FROM uploads WHERE path = '/folder'"))).toEqual([]);
  });

  test('one whose file is refused with its creation says where it is, and is tried again there', async () => {
    for (const size of [10, 100_000]) {
      const path = `/taken-${size}`;
      await server.ok('mkdir', { path });
      const body = someBytes(size);
      const named = { 'upload-metadata': `path ${base64(path)}`, 'content-type': BYTES };
      const refused = await admin.create({ 'upload-length': String(size), ...named }, body);
      expect([refused.status, codeOf(refused.body)]).toEqual([409, 'IS_A_DIRECTORY']);
      const url = refused.headers.location ?? '';
      expect(url).toMatch(/^\/api\/v2\/uploads\/[0-9a-f-]{36}$/);
      await server.ok('rmdir', { path });
      expect((await admin.patch(url, { offset: size, body: Buffer.alloc(0) })).status).toBe(204);
      expect((await server.ok('stat', { path })).size).toBe(size);
    }
  });

  test('what an upload is to have counts to the storage of its zone until it is a file, or is gone', async () => {
    const zone_id = `spoken-${engine}`;
    await server.addZone(zone_id, { max_storage_bytes: 100 });
    const client = clientOf({ 'x-nexus-zone-id': zone_id });
    const used = async () => (await server.ok('zone_get', { zone_id })).usage.storage_bytes;
    const write = (size: number) => server.rpc('write', { zone_id, path: '/f', content: 'x'.repeat(size) });
    const named = (path: string) => ({ 'upload-metadata': `path ${base64(path)}` });
    const begun = await Promise.all([1, 2, 3].map((n) => client.create({ 'upload-length': '60', ...named(`/u${n}`) })));
    expect(begun.map(({ status }) => status).sort()).toEqual([201, 507, 507]);
    const url = begun.find(({ status }) => status === 201)?.headers.location ?? '';
    expect(await used()).toBe(60);
    expect((await write(41)).error).toMatchObject({ data: { quota: 'max_storage_bytes', used: 60, requested: 41 } });
    expect((await write(40)).error).toBeNull();
    // Without a length, what has come.
    await server.ok('delete', { zone_id, path: '/f' });
    const open = await begin(client, { ...DEFERRED, ...named('/open') });
    expect((await client.patch(open, { offset: 0, body: someBytes(30) })).status).toBe(204);
    expect(await used()).toBe(90);
    expect((await client.patch(open, { offset: 30, body: someBytes(11) })).status).toBe(507);
    expect((await client.patch(open, { offset: 30, body: someBytes(10) })).status).toBe(204);
    expect((await client.patch(url, { offset: 0, body: someBytes(60) })).status).toBe(204);
    expect(await used()).toBe(100);
    await client.send({ method: 'DELETE', url: open });
    expect(await used()).toBe(60);
    expect((await write(40)).error).toBeNull();
  });

  test('whoever holds it and does not hear is waited for, and then it is 423; HEAD does not wait', async () => {
    const bytes = someBytes(100_000);
    const url = await admin.begin(bytes.length, { 'upload-metadata': `path ${base64('/held')}` });
    expect((await admin.patch(url, { offset: 0, body: bytes.subarray(0, 10) })).status).toBe(204);
    // A node that is alive and hangs.
    await lock(url, `${Date.now() + 3_600_000}`);
    const order: string[] = [];
    const told = async (name: string, asked: Promise<{ status: number }>): Promise<unknown> => {
      const { status } = await asked;
      order.push(name);
      return status;
    };
    const [small, large, ended] = [
      admin.patch(url, { offset: 10, body: bytes.subarray(10, 20) }),
      admin.patch(url, { offset: 10, body: bytes.subarray(10) }),
      admin.send({ method: 'DELETE', url }),
    ];
    expect(
      await Promise.all([
        told('PATCH', small),
        told('PATCH', large),
        told('DELETE', ended),
        told('HEAD', admin.head(url)),
      ]),
    ).toEqual([423, 423, 423, 200]);
    expect(order[0]).toBe('HEAD');
    for (const { headers, body } of [await small, await large, await ended]) {
      expect([headers['retry-after'], headers['tus-resumable'], codeOf(body)]).toEqual(['1', '1.0.0', 'LOCKED']);
    }
    expect(await admin.offset(url)).toBe(10);
    await lock(url, '0');
    const { status, headers } = await admin.patch(url, { offset: 10, body: bytes.subarray(10) });
    expect([status, headers['upload-offset']]).toEqual([204, '100000']);
  }, 30_000);

  test.each([
    [400, 1_000],
    [40_000, 100_000],
    [800_000, 2_000_000],
  ])('what came of a body that comes no further counts soon: %i of %i bytes', async (came, size) => {
    const url = await admin.begin(size);
    const bytes = someBytes(size);
    const half = await halfPatch(server, { url: server.url + url, size, first: bytes.subarray(0, came) });
    await expect.poll(() => admin.offset(url), { timeout: 20_000 }).toBe(came);
    half.socket.write(bytes.subarray(came));
    await expect.poll(() => admin.offset(url), { timeout: 20_000 }).toBe(size);
    half.socket.destroy();
  });

  test('a PATCH that waits goes on as soon as the holder has given it back', async () => {
    const url = await admin.begin(10);
    await lock(url, `${Date.now() + 3_600_000}`);
    const waiting = admin.patch(url, { offset: 0, body: someBytes(10) });
    await eventually(async () => {
      const row = await server.sql.read((tx) =>
        tx.get<{ wanted: number; token: number }>('SELECT wanted, token FROM uploads WHERE upload_id = ?', [
          url.split('/').at(-1)!,
        ]),
      );
      expect(row?.wanted).toBe(row?.token);
    });
    await lock(url, 'NULL');
    expect((await waiting).status).toBe(204);
  });

  test('a length that comes late is held to the size of files and to the quota of the zone when it comes', async () => {
    const zone = `late-${engine}`;
    await server.addZone(zone, { max_storage_bytes: 1_000 });
    const client = clientOf({ 'x-nexus-zone-id': zone });
    const url = await begin(client, { ...DEFERRED, 'upload-metadata': `path ${base64('/late')}` });
    expect((await client.patch(url, { offset: 0, body: someBytes(400) })).status).toBe(204);
    for (const [length, status, code] of [
      ['2000001', 413, 'BODY_TOO_LARGE'],
      ['1001', 507, 'QUOTA_EXCEEDED'],
      ['399', 400, 'BAD_HEADER'],
      ['x', 400, 'BAD_HEADER'],
    ] as const) {
      const asked = { offset: 400, body: someBytes(10), headers: { 'upload-length': length } };
      const refused = await client.patch(url, asked);
      expect([refused.status, codeOf(refused.body)]).toEqual([status, code]);
      const { headers } = await client.head(url);
      expect([headers['upload-offset'], headers['upload-defer-length']]).toEqual(['400', '1']);
    }
    const named = { offset: 400, body: someBytes(10), headers: { 'upload-length': '1000' } };
    expect((await client.patch(url, named)).status).toBe(204);
    expect((await client.head(url)).headers).toMatchObject({ 'upload-offset': '410', 'upload-length': '1000' });
    const other = { offset: 410, body: someBytes(0), headers: { 'upload-length': '999' } };
    expect((await client.patch(url, other)).status).toBe(400);
    // Nobody takes the room that it is to have.
    expect(await server.fault('write', { zone_id: zone, path: '/other', content: 'x' })).toBe('QUOTA_EXCEEDED');
    expect((await client.patch(url, { offset: 410, body: someBytes(590) })).status).toBe(204);
    expect((await client.patch(url, { offset: 1_000, body: someBytes(0) })).status).toBe(204);
    expect((await server.ok('zone_get', { zone_id: zone })).usage).toMatchObject({ storage_bytes: 1_000, files: 1 });
    const told = await server.sql.read((tx) =>
      tx.all("SELECT type FROM events WHERE zone_id = ? AND path = '/late'", [zone]),
    );
    expect(told).toEqual([{ type: 'write' }]);
  });

  test('bytes of an upload without a length do not go beyond the room that there is', async () => {
    const zone = `endless-${engine}`;
    await server.addZone(zone, { max_storage_bytes: 100_000 });
    const client = clientOf({ 'x-nexus-zone-id': zone });
    const url = await begin(client, DEFERRED);
    let at = 0;
    let status = 204;
    for (; status === 204 && at < 1_000_000; at = await client.offset(url)) {
      status = (await client.patch(url, { offset: at, body: someBytes(50_000) })).status;
    }
    expect([status, at]).toEqual([507, 100_000]);
    const large = await begin(admin, DEFERRED);
    const refused = await admin.patch(large, { offset: 0, body: someBytes(2_000_001) });
    expect([refused.status, codeOf(refused.body)]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('small uploads that end at once, some of them in one place, are each a version of their own', async () => {
    const bodies = Array.from({ length: 20 }, () => someBytes(100));
    const pathOf = (n: number): string => `/crowd/of/${n % 10}`;
    const urls: string[] = [];
    for (const n of bodies.keys()) {
      urls.push(await admin.begin(100, { 'upload-metadata': `path ${base64(pathOf(n))}` }));
    }
    const ended = await Promise.all(bodies.map((body, n) => admin.patch(urls[n] ?? '', { offset: 0, body })));
    expect(ended.map(({ status }) => status)).toEqual(Array(20).fill(204));
    for (let n = 0; n < 10; n++) {
      const versions = [ended[n], ended[n + 10]].map((one) => Number(one?.headers['x-nexus-version']));
      expect(versions.toSorted()).toEqual([1, 2]);
      const newest = bodies[versions[0] === 2 ? n : n + 10];
      const content = await (await server.http(`/api/v2/files${pathOf(n)}`)).arrayBuffer();
      expect(Buffer.from(content).equals(newest ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test('bytes that come with the creation and no length are kept, and its length, equal to them, completes it', async () => {
    const body = someBytes(300_000);
    const headers = { ...DEFERRED, 'content-type': BYTES, 'upload-metadata': `path ${base64('/with')}` };
    const made = await admin.create(headers, body);
    expect([made.status, made.headers['upload-offset']]).toEqual([201, '300000']);
    const url = made.headers.location ?? '';
    const asked = { offset: 300_000, body: someBytes(0), headers: { 'upload-length': '300000' } };
    const done = await admin.patch(url, asked);
    expect([done.status, done.headers['x-nexus-version']]).toEqual([204, '1']);
    const content = await (await server.http('/api/v2/files/with')).arrayBuffer();
    expect(Buffer.from(content).equals(body)).toBe(true);
  });
});
