/** Uploads as clients see them: files at the end, permissions, zones, locks, quotas, expiry, what ends in between. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { BYTES, base64, someBytes, TusClient } from '../../../../test/tus/client.ts';
import { type Half, halfPatch } from '../../../../test/tus/half.ts';
import { tusOf } from '../../../../test/tus/ours.ts';
import { eventually } from '../../../../test/tus/row.ts';
import { systemSteps } from '../../../roof/system.ts';
import { endUploads } from '../../../roof/uploads.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const codeOf = (body: string): string => (JSON.parse(body) as { error: { code: string } }).error.code;
const target = (path: string, more = ''): Record<string, string> => ({
  'upload-metadata': `path ${base64(path)}${more}`,
});
const MiB = 1024 * 1024;

forEachEngine('uploads', (engine) => {
  let server: TestServer;
  let admin: TusClient;
  let n = 0;
  const fresh = (): string => `/up/${n++}.bin`;

  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_UPLOADS_PER_CALLER: '60' } });
    admin = clientOf(ADMIN_KEY);
  });
  afterAll(() => server.stop());

  const clientOf = (key: string, more: Record<string, string> = {}): TusClient => tusOf(server, key, more);

  const content = async (path: string, zone = 'root'): Promise<Buffer> => {
    const answer = await server.http(`/api/v2/files${path}`, { headers: { 'x-nexus-zone-id': zone } });
    expect(answer.status).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  };

  const idOf = (url: string): string => url.split('/').at(-1) ?? '';
  const change = (url: string, sets: string): Promise<unknown> =>
    server.sql.write('root', (tx) => tx.run(`UPDATE uploads SET ${sets} WHERE upload_id = ?`, [idOf(url)]));
  const storage = async (zone_id: string): Promise<number | undefined> =>
    (await server.ok('zone_get', { zone_id })).usage.storage_bytes;

  describe('what becomes of them', () => {
    test.each([0, 1, 5, 65_536, 65_537, 3 * MiB])(
      '%i bytes are the file, with one event and its metadata',
      async (size) => {
        const path = fresh();
        const bytes = someBytes(size);
        const metadata = target(path, `,filetype ${base64('text/x-own')},note ${base64('ü')}`);
        const url = await admin.begin(size, metadata);
        const answer = await admin.patch(url, { offset: 0, body: bytes });
        expect(answer.status).toBe(204);
        if (size > 0) expect(answer.headers).toMatchObject({ etag: `"${sha256(bytes)}"`, 'x-nexus-version': '1' });
        expect((await content(path)).equals(bytes)).toBe(true);
        const file = await server.ok('get_metadata', { path });
        expect(file).toMatchObject({ content_type: 'text/x-own', metadata: { note: 'ü' }, size, version: 1 });
        const log = await server.http(`/api/v2/events?path_pattern=${path}`);
        const { events } = (await log.json()) as { events: { type: string; data: object }[] };
        expect(events).toMatchObject([{ type: 'write', data: { via: 'upload', size } }]);
      },
    );

    test('many chunks, small and large, with a checksum or without, are one content', async () => {
      const path = fresh();
      const bytes = someBytes(700_000);
      const url = await admin.begin(bytes.length, target(path));
      for (let at = 0, size = 1; at < bytes.length; at += size, size = Math.min(size * 5, 200_000)) {
        const body = bytes.subarray(at, at + size);
        const sum = createHash('md5').update(body).digest('base64');
        const headers: Record<string, string> = size % 2 ? {} : { 'upload-checksum': `md5 ${sum}` };
        expect((await admin.patch(url, { offset: at, body, headers })).headers['upload-offset']).toBe(
          String(at + body.length),
        );
      }
      expect((await content(path)).equals(bytes)).toBe(true);
    });

    test('without a path it lies in a folder of its own', async () => {
      const url = await admin.begin(0, { 'upload-metadata': `filename ${base64('a b.txt')}` });
      expect(await content(`/uploads/${idOf(url)}/a%20b.txt`)).toHaveLength(0);
      const unnamed = { 'upload-metadata': `filename ${base64('./')}` };
      for (const given of [{}, unnamed]) {
        expect(await content(`/uploads/${idOf(await admin.begin(0, given))}/file`)).toHaveLength(0);
      }
    });

    test('a file that somebody else made meanwhile gets its next version', async () => {
      const path = fresh();
      const url = await admin.begin(3, target(path));
      await server.ok('write', { path, content: 'other' });
      expect(
        (await admin.patch(url, { offset: 0, body: Buffer.from('mine').subarray(0, 3) })).headers['x-nexus-version'],
      ).toBe('2');
      expect((await content(path)).toString()).toBe('min');
    });

    test.each([3, 100_000])(
      'a directory made in its place refuses it, the %i bytes stay, and an empty PATCH tries again',
      async (size) => {
        const path = fresh();
        const bytes = someBytes(size);
        const url = await admin.begin(size, target(path));
        await server.ok('mkdir', { path, parents: true });
        const refused = await admin.patch(url, { offset: 0, body: bytes });
        expect([refused.status, codeOf(refused.body)]).toEqual([409, 'IS_A_DIRECTORY']);
        expect(await admin.offset(url)).toBe(size);
        const shown = await server.http(`/api/v2/uploads/${idOf(url)}`);
        expect(await shown.json()).toMatchObject({ status: 'failed', upload_offset: size });
        await server.ok('rmdir', { path });
        expect((await admin.patch(url, { offset: size, body: Buffer.alloc(0) })).status).toBe(204);
        expect((await content(path)).equals(bytes)).toBe(true);
      },
    );

    test('partials of every size are one file in the order in which they are named, repeats too', async () => {
      const path = fresh();
      const parts = [someBytes(10), someBytes(100_000), someBytes(0)];
      const urls: string[] = [];
      for (const part of parts) {
        const url = await admin.begin(part.length, { 'upload-concat': 'partial' });
        await admin.patch(url, { offset: 0, body: part });
        urls.push(url);
      }
      const named = [urls[1], urls[0], urls[2], urls[1]].join(' ');
      const made = await admin.create({ 'upload-concat': `final;${named}`, ...target(path) });
      expect(made.status).toBe(201);
      const whole = Buffer.concat([parts[1], parts[0], parts[2], parts[1]] as Buffer[]);
      expect((await content(path)).equals(whole)).toBe(true);
      expect(made.headers.etag).toBe(`"${sha256(whole)}"`);
      const open = await admin.begin(5, { 'upload-concat': 'partial' });
      const early = await admin.create({ 'upload-concat': `final;${open}` });
      expect([early.status, codeOf(early.body)]).toEqual([409, 'CONFLICT']);
      const single = await admin.begin(5);
      expect((await admin.create({ 'upload-concat': `final;${single}` })).status).toBe(400);
    });
  });

  describe('who may', () => {
    test('a target that the caller may not write is 403, whether or not it is there', async () => {
      const key = await server.addKey({ grants: [['direct_editor', '/mine']] });
      const client = clientOf(key);
      for (const path of ['/secret/a', '/up']) {
        expect((await client.create({ 'upload-length': '1', ...target(path) })).status).toBe(403);
      }
      expect((await client.create({ 'upload-length': '1', ...target('/mine/a') })).status).toBe(201);
      const elsewhere = await client.create({ 'upload-length': '1', ...target('/zone/other/a') });
      expect([elsewhere.status, String(elsewhere.body)]).toEqual([400, expect.stringContaining('"/zone/other/a"')]);
      expect((await clientOf(await server.addKey({ role: 'viewer' })).create({ 'upload-length': '1' })).status).toBe(
        403,
      );
      expect((await new TusClient(admin.url).create({ 'upload-length': '1' })).status).toBe(401);
    });

    test('a right that went meanwhile is asked for again at the end', async () => {
      const subject = `gone-${engine}`;
      const client = clientOf(await server.addKey({ subject }));
      const { tuple_id } = await server.ok('rebac_create', {
        subject: ['user', subject],
        relation: 'direct_editor',
        object: ['file', '/lent'],
      });
      const url = await client.begin(3, target('/lent/a'));
      await server.ok('rebac_delete', { tuple_id });
      expect((await client.patch(url, { offset: 0, body: someBytes(3) })).status).toBe(403);
      expect(await admin.offset(url)).toBe(3);
    });

    test('an upload is seen by who began it and by admins of its zone, and by nobody in another zone', async () => {
      await server.addZone(`other-${engine}`);
      const [ada, bob, far] = await Promise.all([
        server.addKey({ grants: [['direct_editor', '/shared']] }),
        server.addKey({ grants: [['direct_editor', '/shared']] }),
        server.addKey({ zone_id: `other-${engine}`, role: 'admin' }),
      ]);
      const url = await clientOf(ada).begin(3, target('/shared/a'));
      for (const key of [bob, far]) {
        expect((await clientOf(key).head(url)).status).toBe(404);
        expect((await clientOf(key).patch(url, { offset: 0, body: someBytes(3) })).status).toBe(404);
        expect((await clientOf(key).send({ method: 'DELETE', url })).status).toBe(404);
        const listed = await server.http('/api/v2/uploads', { headers: { authorization: `Bearer ${key}` } });
        expect(JSON.stringify(await listed.json())).not.toContain(idOf(url));
      }
      expect((await clientOf(ada, { 'x-agent-id': 'other-agent' }).head(url)).status).toBe(404);
      expect((await clientOf(ada).head(url)).status).toBe(200);
      expect((await admin.patch(url, { offset: 0, body: someBytes(3) })).status).toBe(204);
    });

    test('the zone of an upload need not be named again', async () => {
      await server.addZone(`named-${engine}`);
      const url = await clientOf(ADMIN_KEY, { 'x-nexus-zone-id': `named-${engine}` }).begin(3, target('/a'));
      expect((await admin.patch(url, { offset: 0, body: Buffer.from('abc') })).status).toBe(204);
      expect((await content('/a', `named-${engine}`)).toString()).toBe('abc');
    });
  });

  describe('limits', () => {
    test('an announced length over the quota is 507, and one that is passed on the way fails at the end', async () => {
      const zone = `small-${engine}`;
      await server.addZone(zone, { max_storage_bytes: 1000 });
      const client = clientOf(ADMIN_KEY, { 'x-nexus-zone-id': zone });
      expect((await client.create({ 'upload-length': '1001' })).status).toBe(507);
      await server.ok('write', { zone_id: zone, path: '/b', content: 'x'.repeat(200) });
      const url = await client.begin(800, target('/a'));
      await server.ok('zone_update', { zone_id: zone, limits: { max_storage_bytes: 900 } });
      const bytes = someBytes(800);
      const refused = await client.patch(url, { offset: 0, body: bytes });
      expect([refused.status, codeOf(refused.body)]).toEqual([507, 'QUOTA_EXCEEDED']);
      expect(await storage(zone)).toBe(1000);
      await server.ok('delete', { zone_id: zone, path: '/b' });
      expect((await client.patch(url, { offset: 800, body: Buffer.alloc(0) })).status).toBe(204);
      expect(await storage(zone)).toBe(800);
    });

    test('of uploads that are not complete a caller may have so many', async () => {
      const client = clientOf(await server.addKey({ grants: [['direct_editor', '/many']] }));
      for (let i = 0; i < 60; i++) await client.begin(1, target(`/many/${i}`));
      const refused = await client.create({ 'upload-length': '1', ...target('/many/x') });
      expect([refused.status, codeOf(refused.body)]).toEqual([429, 'TOO_MANY']);
      expect(refused.headers['retry-after']).toBeDefined();
    });

    test.each([
      [{ 'upload-length': '1', 'upload-metadata': `a ${'A'.repeat(4096)}` }, 400],
      [{ 'upload-length': '1', 'upload-metadata': `path ${base64('/a/../b')}` }, 400],
      [{ 'upload-length': '1', 'upload-metadata': `path ${base64('/')}` }, 400],
      [{ 'upload-length': '1', 'upload-metadata': 'path /w==' }, 400],
      [{ 'upload-length': '1', 'upload-concat': 'other' }, 400],
      [{ 'upload-concat': 'final;' }, 400],
      [{ 'upload-concat': 'final;/api/v2/uploads/none' }, 404],
      [{ 'upload-length': '99999999999999999' }, 413],
      [{ 'upload-length': '1e3' }, 400],
    ])('%j is %i', async (headers, status) => {
      expect((await admin.create(headers as Record<string, string>)).status).toBe(status);
    });

    test('a creation with a wrong checksum creates nothing, small or large', async () => {
      const before = await server.sql.read((tx) => tx.get('SELECT COUNT(*) AS n FROM uploads'));
      for (const size of [5, 200_000]) {
        const headers = {
          'upload-length': String(size),
          'content-type': BYTES,
          'upload-checksum': `sha1 ${'A'.repeat(27)}=`,
        };
        expect((await admin.create(headers, someBytes(size))).status).toBe(460);
      }
      expect(await server.sql.read((tx) => tx.get('SELECT COUNT(*) AS n FROM uploads'))).toEqual(before);
    });

    test('crc32c is four bytes, the first the highest', async () => {
      const body = Buffer.from('123456789');
      const headers = { 'upload-checksum': `crc32c ${Buffer.from('e3069283', 'hex').toString('base64')}` };
      expect((await admin.patch(await admin.begin(9), { offset: 0, body, headers })).status).toBe(204);
    });

    test('an announced trailer that does not come is 400, and nothing counts', async () => {
      const url = await admin.begin(5);
      const headers = { 'upload-offset': '0', 'content-type': BYTES, trailer: 'Upload-Checksum' };
      const answer = await admin.send({ method: 'PATCH', url, headers, body: someBytes(5), trailers: {} });
      expect([answer.status, await admin.offset(url)]).toEqual([400, 0]);
    });
  });

  describe('two at once', () => {
    const half = (url: string, size: number, first: Buffer): Promise<Half> =>
      halfPatch(server, { url: new URL(url, server.url).href, size, first });

    test('a second PATCH asks the first to stop: its bytes count, and its connection ends', async () => {
      const bytes = someBytes(MiB);
      const path = fresh();
      const url = await admin.begin(bytes.length, target(path));
      const first = await half(url, bytes.length, bytes.subarray(0, 300_000));
      const second = await admin.patch(url, { offset: 0, body: bytes });
      expect([second.status, codeOf(second.body)]).toEqual([409, 'CONFLICT']);
      await first.closed;
      const offset = await admin.offset(url);
      expect(offset).toBeGreaterThan(0);
      expect((await admin.patch(url, { offset, body: bytes.subarray(offset) })).status).toBe(204);
      expect((await content(path)).equals(bytes)).toBe(true);
    });

    test('a DELETE asks the first to stop too, and then it is gone', async () => {
      const url = await admin.begin(MiB);
      const first = await half(url, MiB, someBytes(300_000));
      expect((await admin.send({ method: 'DELETE', url })).status).toBe(204);
      await first.closed;
      expect((await admin.head(url)).status).toBe(410);
      expect((await admin.patch(url, { offset: 0, body: someBytes(1) })).status).toBe(410);
    });

    test('of two that begin at one offset, one writes', async () => {
      const url = await admin.begin(20);
      const bytes = [someBytes(10), someBytes(10)] as const;
      const answers = await Promise.all(bytes.map((body) => admin.patch(url, { offset: 0, body })));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
    });

    test('a lock that ran out is taken, and whoever had it writes no more', async () => {
      const bytes = someBytes(400_000);
      const path = fresh();
      const url = await admin.begin(bytes.length, target(path));
      const first = await half(url, bytes.length, someBytes(200_000));
      await change(url, 'lock_until = 0');
      expect((await admin.patch(url, { offset: 0, body: bytes })).status).toBe(204);
      await first.closed;
      expect((await content(path)).equals(bytes)).toBe(true);
      expect(await admin.offset(url)).toBe(bytes.length);
    });

    test('what is ended by its zone in between is no file', async () => {
      const zone = `ends-${engine}`;
      await server.addZone(zone);
      const url = await clientOf(ADMIN_KEY, { 'x-nexus-zone-id': zone }).begin(MiB, target('/a'));
      const first = await half(url, MiB, someBytes(300_000));
      await server.ok('zone_delete', { zone_id: zone });
      await first.closed;
      await eventually(async () => {
        const row = await server.sql.read((tx) => tx.get('SELECT 1 AS there FROM uploads WHERE zone_id = ?', [zone]));
        expect(row).toBeUndefined();
      });
      expect((await admin.head(url)).status).toBe(404);
    });
  });

  describe('their end', () => {
    const parts = () => ({
      step: systemSteps(server.running.server.runner),
      blobs: server.running.server.blobs,
      clock: { now: () => Date.now() },
      signal: new AbortController().signal,
    });

    test('what has expired is 410, loses its bytes, and is 404 seven days later', async () => {
      const url = await admin.begin(MiB);
      const headers = { 'upload-offset': '0', 'content-type': BYTES, 'content-length': String(MiB) };
      await admin.send({ method: 'PATCH', url, headers, body: someBytes(MiB), breakAt: 500_000 });
      await eventually(async () => expect(await admin.offset(url)).toBeGreaterThan(0));
      const { stage } = server.running.server.blobs;
      expect(await stage.list(Date.now() + 1000)).toContain(idOf(url));
      await eventually(async () => {
        await change(url, 'expires_at = 1');
        expect((await admin.head(url)).status).toBe(410);
      });
      await endUploads(parts());
      expect(await stage.list(Date.now() + 1000)).not.toContain(idOf(url));
      await endUploads(parts());
      expect((await admin.head(url)).status).toBe(404);
    });

    test('one that is over is that also for a body whose checksum is wrong, unless it is so small that it is judged first', async () => {
      const url = await admin.begin(MiB);
      expect((await admin.send({ method: 'DELETE', url })).status).toBe(204);
      const headers = { 'upload-checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` };
      for (const [size, status] of [
        [100, 460],
        [65_536, 460],
        [65_537, 410],
        [67_282, 410],
        [200_000, 410],
      ] as const) {
        for (let times = 0; times < 3; times++) {
          expect((await admin.patch(url, { offset: 0, body: someBytes(size), headers })).status, `${size}`).toBe(
            status,
          );
        }
      }
    });

    test('a complete one answers for a day; to delete it leaves the file', async () => {
      const path = fresh();
      const url = await admin.begin(3, target(path));
      await admin.patch(url, { offset: 0, body: Buffer.from('abc') });
      expect((await admin.head(url)).headers).toMatchObject({ 'upload-offset': '3', 'upload-length': '3' });
      expect((await admin.send({ method: 'DELETE', url })).status).toBe(204);
      expect((await admin.head(url)).status).toBe(410);
      expect((await content(path)).toString()).toBe('abc');
    });
  });

  test('people list and read uploads without a word of the protocol', async () => {
    const url = await admin.begin(7, target('/for/people', `,own ${base64('x')}`));
    const one = await server.http(`/api/v2/uploads/${idOf(url)}`);
    const shown = (await one.json()) as object;
    expect(shown).toMatchObject({
      upload_id: idOf(url),
      id: idOf(url),
      path: '/for/people',
      upload_length: 7,
      upload_offset: 0,
      status: 'open',
      metadata: { own: 'x' },
    });
    const page = await server.http('/api/v2/uploads?limit=1');
    expect(await page.json()).toMatchObject({ uploads: [shown], has_more: true });
    const wrong = await server.http('/api/v2/uploads', { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('tus-resumable')]).toEqual([405, '1.0.0']);
  });
});
