/** write, read and set_metadata: every row of files.md §6 and §7 about them. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { eventsAfter, seqOf, usageOf } from '../../../test/ledger.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_LIMIT_JSON_READ_BYTES: '100000' } });
});
afterAll(async () => {
  const { counted, real } = await usageOf(server);
  expect(counted).toEqual(real);
  await server.stop();
});

const write = (path: string, content: unknown, more: object = {}) => server.ok('write', { path, content, ...more });
const read = (path: string, more: object = {}) => server.ok('read', { path, ...more });
const stat = (path: string) => server.ok('stat', { path });
const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
const marker = (bytes: Uint8Array | string): object => ({
  __type__: 'bytes',
  data: Buffer.from(bytes).toString('base64'),
});

describe('write', () => {
  test('creates a file and the folders above it, and tells all of it', async () => {
    const seq = await seqOf(server);
    const result = await write('/w1/sub/a.json', '{}');
    const at = result.created_at;
    const etag = sha256('{}');
    expect(result).toEqual({
      path: '/w1/sub/a.json',
      etag,
      hash: etag,
      version: 1,
      size: 2,
      created: true,
      created_at: at,
      modified_at: at,
      revision: seq + 1,
      content_type: 'application/json',
      encoding: 'utf-8',
      bytes_written: { path: '/w1/sub/a.json', etag, version: 1, size: 2, modified_at: at },
    });
    expect(await stat('/w1/sub/a.json')).toEqual({
      path: '/w1/sub/a.json',
      name: 'a.json',
      type: 'file',
      is_directory: false,
      size: 2,
      etag,
      hash: etag,
      version: 1,
      content_type: 'application/json',
      mime_type: 'application/json',
      encoding: 'utf-8',
      created_at: at,
      modified_at: at,
      created_by: 'admin',
      modified_by: 'admin',
      revision: seq + 1,
      file_id: expect.any(String),
      metadata: {},
    });
    expect(await stat('/w1/sub')).toMatchObject({
      type: 'directory',
      is_directory: true,
      size: 0,
      etag: null,
      hash: null,
      version: null,
      encoding: null,
      metadata: {},
    });
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'write', path: '/w1/sub/a.json', branch: null, data: { via: 'write', version: 1, etag, size: 2 } },
    ]);
  });

  test('makes the next version, also of equal content, and keeps what makes the file', async () => {
    const key = await server.addKey({ subject: 'bob', role: 'admin' });
    const first = await write('/w2', 'same');
    const second = await server.ok('write', { path: '/w2', content: 'same' }, key);
    expect(second).toMatchObject({ version: 2, etag: first.etag, created: false, created_at: first.created_at });
    expect(second.revision).toBeGreaterThan(first.revision);
    const before = await stat('/w2');
    expect(before).toMatchObject({ created_by: 'admin', modified_by: 'bob' });
    await server.ok('delete', { path: '/w2' });
    expect(await write('/w2', 'same')).toMatchObject({ version: 1, created: true, etag: first.etag });
    expect((await stat('/w2')).file_id).not.toBe(before.file_id);
  });

  test('keeps, clears or replaces metadata', async () => {
    await write('/w3', 'a', { metadata: { size: 'own', deep: { list: [1, null] }, path: '/x' } });
    await write('/w3', 'b');
    expect((await stat('/w3')).metadata).toEqual({ size: 'own', deep: { list: [1, null] }, path: '/x' });
    await write('/w3', 'b', { metadata: null });
    expect(Object.keys((await stat('/w3')).metadata)).toHaveLength(3);
    await write('/w3', 'b', { metadata: { other: 1 } });
    expect((await stat('/w3')).metadata).toEqual({ other: 1 });
    await write('/w3', 'b', { metadata: {} });
    expect((await stat('/w3')).metadata).toEqual({});
  });

  test('refuses integers of metadata that would not come back as they were', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const metadata = { most, least: -most, large: 6.02214076e23, part: 0.1, text: '12345678901234567890' };
    await write('/w3', 'c', { metadata });
    expect((await stat('/w3')).metadata).toEqual(metadata);
    for (const wrong of [{ id: 2 ** 53 }, { deep: [{ id: -(2 ** 60) }] }]) {
      for (const [method, more] of [
        ['write', { content: 'd' }],
        ['set_metadata', {}],
      ] as const) {
        expect(await server.fault(method, { path: '/w3', metadata: wrong, ...more })).toBe('INVALID_PARAMS');
      }
      const files = [{ path: '/w3', content: 'd', metadata: wrong }];
      expect(await server.fault('write_batch', { files })).toBe('INVALID_PARAMS');
    }
    expect((await stat('/w3')).metadata).toEqual(metadata);
  });

  test('takes the content type given, else by the name', async () => {
    expect((await write('/w4.md', 'a')).content_type).toBe('text/markdown');
    expect((await write('/w4.md', 'a', { content_type: 'x/y; z=1' })).content_type).toBe('x/y; z=1');
    expect((await write('/w4', 'a')).content_type).toBe('application/octet-stream');
    expect(await server.fault('write', { path: '/w4', content: 'a', content_type: 'x/y\r\nz: 1' })).toBe(
      'INVALID_PARAMS',
    );
  });

  test('obeys if_match and if_none_match', async () => {
    const { etag } = await write('/w5', 'a');
    const other = sha256('other');
    const fault = async (path: string, more: object) =>
      (await server.rpc('write', { path, content: 'b', ...more })).error;
    expect((await fault('/w5', { if_match: other }))?.data).toMatchObject({
      code: 'ETAG_MISMATCH',
      path: '/w5',
      expected_etag: other,
      current_etag: etag,
    });
    expect((await fault('/w5-none', { if_match: etag }))?.data).toMatchObject({
      code: 'ETAG_MISMATCH',
      current_etag: null,
    });
    expect((await fault('/w5', { if_none_match: true }))?.data.code).toBe('ALREADY_EXISTS');
    expect((await fault('/w5', { if_none_match: '*' }))?.data.code).toBe('ALREADY_EXISTS');
    expect(await fault('/w5', { if_match: `"${etag}"`, if_none_match: false })).toBeNull();
    expect(await fault('/w5-new', { if_none_match: true })).toBeNull();
  });

  test('faults come in their order and change nothing', async () => {
    await server.ok('mkdir', { path: '/w6/dir', parents: true });
    await write('/w6/file', 'x');
    const reader = await server.addKey({ grants: [['direct_viewer', '/w6']] });
    const viewer = await server.addKey({ role: 'viewer', grants: [['direct_editor', '/w6']] });
    const seq = await seqOf(server);
    const cases: [string, object, string, string?][] = [
      ['/', {}, 'INVALID_PATH'],
      ['/w6/a/../b', {}, 'INVALID_PATH'],
      ['/w6/a\u0001', {}, 'INVALID_PATH'],
      ['/w6/dir', {}, 'IS_A_DIRECTORY'],
      ['/w6/dir', { if_match: 'a'.repeat(64) }, 'IS_A_DIRECTORY'],
      ['/w6/dir', { if_none_match: true }, 'IS_A_DIRECTORY'],
      ['/w6/file/x', {}, 'NOT_A_DIRECTORY'],
      ['/w6/file', { content: 'Yg=', encoding: 'base64' }, 'INVALID_PARAMS'],
      ['/w6/file', { content: 'Y g==', encoding: 'base64' }, 'INVALID_PARAMS'],
      ['/w6/file', { content: '\ud800' }, 'INVALID_PARAMS'],
      ['/w6/file', { content: 1 }, 'INVALID_PARAMS'],
      ['/w6/file', { content: null }, 'INVALID_PARAMS'],
      ['/w6/file', { encoding: 'latin1' }, 'INVALID_PARAMS'],
      ['/w6/file', { metadata: [] }, 'INVALID_PARAMS'],
      ['/w6/file', { metadata: { '': 1 } }, 'LIMIT_EXCEEDED'],
      ['/w6/file', { metadata: { k: 'x'.repeat(16 * 1024) } }, 'LIMIT_EXCEEDED'],
      ['/w6/file', { branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ['/w6/file', {}, 'ACCESS_DENIED', reader],
      ['/w6/none', {}, 'ACCESS_DENIED', reader],
      ['/w6/file', {}, 'ACCESS_DENIED', viewer],
    ];
    const { error } = await server.rpc('write', { path: '/w6/file', content: 1 });
    expect(error?.message).toBe('content: Invalid input: expected string, received number');
    for (const [path, more, code, key] of cases) {
      expect([path, more, await server.fault('write', { path, content: 'y', ...more }, key)]).toEqual([
        path,
        more,
        code,
      ]);
    }
    // Keys are counted before any is looked at.
    const keys = Object.fromEntries(Array.from({ length: 65 }, (_, at) => ['k'.repeat(200 + at), 1]));
    const { error: many } = await server.rpc('write', { path: '/w6/file', content: 'y', metadata: keys });
    expect(many?.data).toMatchObject({ limit: 'METADATA_KEYS', maximum: 64, actual: 65 });
    const denied = async (path: string) => (await server.rpc('write', { path, content: 'y' }, reader)).error;
    expect((await denied('/w6/file'))?.data).toMatchObject({ permission: 'write', path: '/w6/file' });
    expect(await seqOf(server)).toBe(seq);
    expect(await read('/w6/file', { encoding: 'utf-8' })).toBe('x');
  });

  test('counts against the quota of the zone', async () => {
    await server.addZone('writes', { max_storage_bytes: 10, max_files: 2, max_file_bytes: 8 });
    const put = (path: string, size: number) =>
      server.rpc('write', { path: `/zone/writes${path}`, content: 'x'.repeat(size) });
    const quota = async (path: string, size: number) => (await put(path, size)).error?.data.quota;
    expect(await quota('/a', 9)).toBe('max_file_bytes');
    expect((await put('/a', 8)).result.path).toBe('/zone/writes/a');
    expect(await quota('/b', 3)).toBe('max_storage_bytes');
    await put('/b', 2);
    expect(await quota('/c', 0)).toBe('max_files');
    expect((await put('/a', 1)).error).toBeNull();
    const full = (await put('/c', 0)).error;
    expect(full?.data).toMatchObject({ code: 'QUOTA_EXCEEDED', limit: 2, used: 2, requested: 1 });
    expect((await usageOf(server, 'writes')).counted).toEqual({ files: 2, bytes: 3, tuples: 0 });
  });
});

describe('read', () => {
  test('answers in the representation that was written', async () => {
    await write('/r/text', 'é');
    await write('/r/bytes', marker('é'));
    await write('/r/binary', marker(new Uint8Array([255])));
    await write('/r/base64', 'w6k=', { encoding: 'base64' });
    await write('/r/empty', '');
    expect(await read('/r/text')).toEqual(marker('é'));
    expect(await read('/r/bytes')).toEqual(marker('é'));
    expect(await read('/r/empty')).toEqual({ __type__: 'bytes', data: '' });
    const { etag, modified_at } = await stat('/r/base64');
    const object = { content: 'w6k=', encoding: 'base64', path: '/r/base64', etag, version: 1, size: 2, modified_at };
    expect(await read('/r/base64')).toEqual(object);
    expect(await read('/r/base64', { encoding: 'base64' })).toEqual(object);
    expect(await read('/r/binary')).toMatchObject({ content: '/w==', encoding: 'base64' });
    expect(await read('/r/base64', { encoding: 'utf-8' })).toBe('é');
    expect(await read('/r/text', { encoding: 'base64' })).toMatchObject({ content: 'w6k=', encoding: 'base64' });
    expect(await read('/r/binary', { encoding: 'bytes' })).toEqual(marker(new Uint8Array([255])));
    expect(await server.fault('read', { path: '/r/binary', encoding: 'utf-8' })).toBe('NOT_TEXT');
    const bulk = await server.rpc('read_bulk', { paths: ['/r/text', '/r/none', '/r/binary'], encoding: 'utf-8' });
    expect(bulk.error).toMatchObject({ code: -400, data: { path: '/r/binary', index: 2 } });
  });

  test('a marker of a time holds one, and the root of another zone has no slash behind it', async () => {
    const content = { __type__: 'datetime', data: 'hello' };
    expect(await server.fault('write', { path: '/r/time', content })).toBe('INVALID_PARAMS');
    await server.ok('zone_create', { zone_id: 'rooted', name: 'Rooted' });
    expect((await server.ok('stat', { path: '/zone/rooted/' })).path).toBe('/zone/rooted');
  });

  test('a key of metadata has its size in characters', async () => {
    const write = (key: string) => server.fault('write', { path: '/r/keyed', content: '', metadata: { [key]: 1 } });
    expect(await write('🌍'.repeat(129))).toBe('LIMIT_EXCEEDED');
    await server.ok('write', { path: '/r/keyed', content: '', metadata: { ['🌍'.repeat(128)]: 1 } });
  });

  test('with return_metadata tells what is known', async () => {
    await write('/r/known.txt', 'abc', { metadata: { k: 1 } });
    const { etag, modified_at } = await stat('/r/known.txt');
    expect(await read('/r/known.txt', { return_metadata: true })).toEqual({
      content: marker('abc'),
      encoding: 'utf-8',
      path: '/r/known.txt',
      etag,
      version: 1,
      size: 3,
      modified_at,
      content_type: 'text/plain',
      metadata: { k: 1 },
    });
  });

  test('takes a range of bytes', async () => {
    await write('/r/range', '0123456789');
    const part = (more: object) => read('/r/range', { encoding: 'utf-8', ...more });
    expect(await part({ offset: 3 })).toBe('3456789');
    expect(await part({ count: 3 })).toBe('012');
    expect(await part({ offset: 3, count: 3 })).toBe('345');
    expect(await part({ offset: 8, count: 10 })).toBe('89');
    expect(await part({ offset: 10 })).toBe('');
    expect(await part({ offset: 99 })).toBe('');
    expect(await part({ count: 0 })).toBe('');
    expect(await read('/r/range', { offset: 5, count: 2 })).toEqual(marker('56'));
    for (const wrong of [{ offset: -1 }, { count: -1 }, { offset: 1.5 }, { count: '1' }]) {
      expect(await server.fault('read', { path: '/r/range', ...wrong })).toBe('INVALID_PARAMS');
    }
  });

  test('a range that cuts a character is no text, wherever the bytes lie', async () => {
    for (const [path, content] of [
      ['/r/cut', 'aé'],
      ['/r/cut-large', `aé${'x'.repeat(70_000)}`],
    ] as const) {
      await write(path, content);
      for (const range of [{ count: 2 }, { offset: 2, count: 5 }]) {
        const { error } = await server.rpc('read', { path, encoding: 'utf-8', ...range });
        // The file is a text: what is wrong is the range.
        expect([error?.data?.code, error?.message]).toEqual([
          'NOT_TEXT',
          'Byte 2 lies inside a character; move the range',
        ]);
      }
      expect(await read(path, { encoding: 'utf-8', count: 3 })).toBe('aé');
      expect(await read(path, { encoding: 'bytes', count: 2 })).toEqual(marker(new Uint8Array([97, 0xc3])));
    }
  });

  test('of more than JSON carries is refused, naming the way', async () => {
    await write('/r/large file', 'x'.repeat(100_001));
    const { error } = await server.rpc('read', { path: '/r/large file' });
    expect(error?.data).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'JSON_READ_BYTES', actual: 100_001 });
    expect(error?.message).toContain('GET /api/v2/files/r/large%20file');
    expect(await read('/r/large file', { encoding: 'utf-8', count: 100_000 })).toHaveLength(100_000);
  });

  test('faults', async () => {
    await write('/r/file', 'x');
    const stranger = await server.addKey({});
    const cases: [string, object, string, string?][] = [
      ['/r/none', {}, 'FILE_NOT_FOUND'],
      ['/r', {}, 'IS_A_DIRECTORY'],
      ['/', {}, 'IS_A_DIRECTORY'],
      ['/r/file/x', {}, 'NOT_A_DIRECTORY'],
      ['/r/..', {}, 'INVALID_PATH'],
      ['/r/file', { branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ['/r/file', { encoding: 'hex' }, 'INVALID_PARAMS'],
      ['/r/file', {}, 'ACCESS_DENIED', stranger],
      ['/r/none', {}, 'ACCESS_DENIED', stranger],
    ];
    for (const [path, more, code, key] of cases) {
      expect([path, await server.fault('read', { path, ...more }, key)]).toEqual([path, code]);
    }
    const { error } = await server.rpc('read', { path: '/r/none' });
    expect(error).toMatchObject({ code: -404, message: 'File not found: /r/none', data: { path: '/r/none' } });
  });
});

describe('set_metadata', () => {
  test('replaces own keys without a new version, with one write event', async () => {
    const { etag, revision } = await write('/s1', 'a', { metadata: { old: 1 } });
    const before = await stat('/s1');
    const seq = await seqOf(server);
    const result = await server.ok('set_metadata', { path: '/s1', metadata: { new: 2 }, if_match: etag });
    expect(result).toEqual({ ...before, metadata: { new: 2 }, revision: seq + 1 });
    expect(result).toEqual(await stat('/s1'));
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'write', path: '/s1', data: { via: 'metadata', version: 1, etag } },
    ]);
    expect((await server.ok('stat', { path: '/s1', as_of: revision })).metadata).toEqual({ old: 1 });
    expect((await server.ok('set_metadata', { path: '/s1', metadata: {} })).metadata).toEqual({});
    expect(await write('/s1', 'b')).toMatchObject({ version: 2 });
  });

  test('faults', async () => {
    await server.ok('mkdir', { path: '/s2/dir', parents: true });
    await write('/s2/file', 'x');
    const reader = await server.addKey({ grants: [['direct_viewer', '/s2']] });
    const seq = await seqOf(server);
    const cases: [string, object, string, string?][] = [
      ['/s2/none', {}, 'FILE_NOT_FOUND'],
      ['/s2/dir', {}, 'IS_A_DIRECTORY'],
      ['/', {}, 'IS_A_DIRECTORY'],
      ['/s2/file/x', {}, 'NOT_A_DIRECTORY'],
      ['/s2/file', { if_match: 'b'.repeat(64) }, 'ETAG_MISMATCH'],
      [
        '/s2/none',
        {
          metadata: Object.fromEntries(
            Array(65)
              .fill(0)
              .map((_, n) => [n, n]),
          ),
        },
        'LIMIT_EXCEEDED',
      ],
      ['/s2/file', { metadata: null }, 'INVALID_PARAMS'],
      ['/s2/file', {}, 'ACCESS_DENIED', reader],
      ['/s2/none', {}, 'ACCESS_DENIED', reader],
    ];
    for (const [path, more, code, key] of cases) {
      expect([path, code, await server.fault('set_metadata', { path, metadata: {}, ...more }, key)]).toEqual([
        path,
        code,
        code,
      ]);
    }
    expect(await seqOf(server)).toBe(seq);
  });

  test('takes keys of any name', async () => {
    await write('/s3', 'x');
    const metadata = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toString": 3, "😀": 4}');
    await server.ok('set_metadata', { path: '/s3', metadata });
    const answer = await server.http('/api/nfs/stat', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"params":{"path":"/s3"}}',
    });
    const body = await answer.text();
    expect(body).toContain('"metadata":{"__proto__":{"a":1},"constructor":2,"toString":3,"😀":4}');
  });
});
