/** The calls on many paths: every row of the table, faults with their index, events, usage, permission in one statement. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { eventsAfter, seqOf, usageOf } from '../../../test/ledger.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    environment: { NEXUS_LIMIT_BATCH_ITEMS: '50', NEXUS_LIMIT_BATCH_READ_BYTES: '200000' },
  });
});
afterAll(async () => {
  const { counted, real } = await usageOf(server);
  expect(counted).toEqual(real);
  await server.stop();
});

const write = (path: string, content: string, more: object = {}) => server.ok('write', { path, content, ...more });
const text = (path: string): Promise<string> => server.ok('read', { path, encoding: 'utf-8' });
const many = (length: number): string[] => Array.from({ length }, (_, n) => `/many/${n}`);

describe('write_batch', () => {
  test('writes all in one transaction with one event each, and shares the folders it makes', async () => {
    await write('/wb/old', 'before', { metadata: { kept: true } });
    const seq = await seqOf(server);
    const results = await server.ok('write_batch', {
      files: [
        ['/wb/new/deep/a.md', 'a'],
        { path: 'wb/new/deep//b', content: 'Yg==', encoding: 'base64', metadata: { k: 1 }, content_type: 'x/y' },
        ['/wb/old', 'after'],
        ['/wb/bytes', { __type__: 'bytes', data: '/w==' }],
        { path: '/wb/nulls', content: 'n', encoding: null, metadata: null, if_match: null, if_none_match: true },
      ],
    });
    expect(results).toMatchObject([
      { path: '/wb/new/deep/a.md', version: 1, created: true, revision: seq + 1, content_type: 'text/markdown' },
      { path: '/wb/new/deep/b', size: 1, encoding: 'base64', revision: seq + 2, content_type: 'x/y' },
      { path: '/wb/old', version: 2, created: false, revision: seq + 3 },
      { path: '/wb/bytes', encoding: 'base64', revision: seq + 4 },
      { path: '/wb/nulls', revision: seq + 5 },
    ]);
    expect((await server.ok('list', { path: '/wb', recursive: true })).files).toEqual([
      '/wb/bytes',
      '/wb/new',
      '/wb/new/deep',
      '/wb/new/deep/a.md',
      '/wb/new/deep/b',
      '/wb/nulls',
      '/wb/old',
    ]);
    expect(await server.ok('stat', { path: '/wb/old' })).toMatchObject({ metadata: { kept: true } });
    expect((await server.ok('stat', { path: '/wb/new/deep/b' })).metadata).toEqual({ k: 1 });
    const events = await eventsAfter(server, seq);
    expect(events.map(({ type, path }) => [type, path])).toEqual(
      results.map(({ path }: { path: string }) => ['write', path]),
    );
  });

  test('is all or nothing, and the fault names the item', async () => {
    await write('/wn/file', 'x');
    await server.ok('mkdir', { path: '/wn/dir' });
    const key = await server.addKey({ grants: [['direct_editor', '/wn/dir']] });
    const seq = await seqOf(server);
    const good = ['/wn/good', 'g'];
    const cases: [unknown[], string, number | undefined, string?][] = [
      [[good, ['/wn/dir', 'x']], 'IS_A_DIRECTORY', 1],
      [[good, ['/wn/file/under', 'x']], 'NOT_A_DIRECTORY', 1],
      [[good, ['/wn/good/under', 'x']], 'NOT_A_DIRECTORY', 1],
      [[['/wn/good/under', 'x'], good], 'IS_A_DIRECTORY', 1],
      [[good, { path: '/wn/file', content: 'y', if_none_match: true }], 'ALREADY_EXISTS', 1],
      [[good, { path: '/wn/file', content: 'y', if_match: 'e'.repeat(64) }], 'ETAG_MISMATCH', 1],
      [[good, ['/wn/../x', 'x']], 'INVALID_PATH', 1],
      [[good, ['/', 'x']], 'INVALID_PATH', 1],
      [[['/wn/dir/a', 'x'], good], 'ACCESS_DENIED', 1, key],
      [[good, ['/wn//good/', 'again']], 'INVALID_PARAMS', undefined],
      [[good, ['/wn/other']], 'INVALID_PARAMS', undefined],
      [[good, { path: '/wn/other', content: '=', encoding: 'base64' }], 'INVALID_PARAMS', undefined],
      [[good, { path: '/wn/other', content: 'x', metadata: { ['k'.repeat(200)]: 1 } }], 'LIMIT_EXCEEDED', 1],
      [many(51).map((path) => [path, '']), 'LIMIT_EXCEEDED', undefined],
    ];
    for (const [files, code, index, as] of cases) {
      const { error } = await server.rpc('write_batch', { files }, as);
      expect([files, error?.data.code, error?.data.index]).toEqual([files, code, index]);
    }
    const { error } = await server.rpc('write_batch', { files: [good, ['/wn/other', '\udc00']] });
    expect(error?.data.issues[0]?.path).toBe('files.1.content');
    expect(await seqOf(server)).toBe(seq);
    expect(await server.ok('exists', { path: '/wn/good' })).toEqual({ exists: false });
  });

  test('of nothing is nothing', async () => {
    const seq = await seqOf(server);
    expect(await server.ok('write_batch', { files: [] })).toEqual([]);
    expect(await seqOf(server)).toBe(seq);
  });

  test('takes large content, and the same content twice', async () => {
    const big = 'b'.repeat(100_000);
    const files = [
      ['/wl/1', big],
      ['/wl/2', big],
      ['/wl/3', 's'],
      ['/wl/4', 's'],
    ];
    const results = await server.ok('write_batch', { files });
    expect(results[0]?.etag).toBe(results[1]?.etag);
    expect(await text('/wl/2')).toBe(big);
    expect(await text('/wl/4')).toBe('s');
  });

  test('counts against the quota as a whole', async () => {
    await server.addZone('batches', { max_storage_bytes: 10, max_files: 3 });
    const batch = (files: unknown) => server.rpc('write_batch', { files }, undefined);
    await server.ok('write', { path: '/zone/batches/a', content: '123456789' });
    const shifted = await batch([
      ['/zone/batches/b', '123456789'],
      ['/zone/batches/a', '1'],
    ]);
    expect(shifted.result).toMatchObject([{ path: '/zone/batches/b' }, { path: '/zone/batches/a' }]);
    expect(
      (
        await batch([
          ['/zone/batches/c', ''],
          ['/zone/batches/d', ''],
        ])
      ).error?.data,
    ).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quota: 'max_files',
      used: 2,
      requested: 2,
    });
    expect((await usageOf(server, 'batches')).counted).toEqual({ files: 2, bytes: 10, tuples: 0 });
  });
});

describe('the reading ones', () => {
  let key: string;
  beforeAll(async () => {
    await write('/rb/open/text', 'é');
    await write('/rb/open/b64', 'Yg==', { encoding: 'base64' });
    await write('/rb/open/large', 'l'.repeat(70_000));
    await write('/rb/shut/secret', 's');
    key = await server.addKey({ role: 'viewer', grants: [['direct_viewer', '/rb/open']] });
  });

  const paths = ['/rb/open/text', 'rb//open/b64', '/rb/open', '/rb/open/none', '/rb/shut/secret', '/rb/shut/none', '/'];

  test('read_bulk gives values as read does, and null for what is missing, a directory or not permitted', async () => {
    const as = (encoding?: string) => server.ok('read_bulk', { paths, encoding }, key);
    const stored = await as();
    expect(Object.keys(stored)).toEqual(['/rb/open/text', '/rb/open/b64', ...paths.slice(2)]);
    expect(stored).toMatchObject({
      '/rb/open/text': { __type__: 'bytes', data: 'w6k=' },
      '/rb/open/b64': { content: 'Yg==', encoding: 'base64', path: '/rb/open/b64', version: 1 },
      '/rb/open': null,
      '/rb/open/none': null,
      '/rb/shut/secret': null,
      '/rb/shut/none': null,
      '/': null,
    });
    expect(await as('utf-8')).toMatchObject({ '/rb/open/text': 'é', '/rb/open/b64': 'b' });
    const large = await server.ok('read_bulk', { paths: ['/rb/open/large'], encoding: 'utf-8' });
    expect(large['/rb/open/large']).toBe('l'.repeat(70_000));
  });

  test('exists_batch and stat_bulk follow the same rule', async () => {
    expect(await server.ok('exists_batch', { paths }, key)).toEqual({
      '/rb/open/text': true,
      '/rb/open/b64': true,
      '/rb/open': true,
      '/rb/open/none': false,
      '/rb/shut/secret': false,
      '/rb/shut/none': false,
      '/': false,
    });
    const stats = await server.ok('metadata_batch', { paths }, key);
    expect(stats['/rb/open/text']).toEqual(await server.ok('stat', { path: '/rb/open/text' }));
    expect(stats['/rb/open']).toEqual(await server.ok('stat', { path: '/rb/open' }));
    expect(stats).toMatchObject({ '/rb/open/none': null, '/rb/shut/secret': null, '/': null });
    expect(await server.ok('stat_bulk', { paths: ['/'] })).toEqual({ '/': await server.ok('stat', { path: '/' }) });
  });

  test('read the tree as it was', async () => {
    const { revision } = await write('/rb/then', 'old');
    await write('/rb/then', 'new');
    await server.ok('delete', { path: '/rb/then' });
    const then = { paths: ['/rb/then'], as_of: revision };
    expect(await server.ok('read_bulk', { ...then, encoding: 'utf-8' })).toEqual({ '/rb/then': 'old' });
    expect(await server.ok('exists_batch', then)).toEqual({ '/rb/then': true });
    expect(await server.ok('exists_batch', { paths: ['/rb/then'] })).toEqual({ '/rb/then': false });
  });

  test('have their limits', async () => {
    for (const method of ['read_bulk', 'exists_batch', 'stat_bulk']) {
      expect(await server.fault(method, { paths: many(51) })).toBe('LIMIT_EXCEEDED');
      const { error } = await server.rpc(method, { paths: ['/a', '/b/..'] });
      expect(error?.data).toMatchObject({ code: 'INVALID_PATH', index: 1 });
      expect(await server.fault(method, {})).toBe('INVALID_PARAMS');
      expect((await server.rpc(method, { paths: Array(3_000).fill(1) })).error?.data).toMatchObject({
        issues: [{ path: 'paths.0' }],
        has_more: true,
      });
      expect(await server.ok(method, { paths: [] })).toEqual({});
    }
    for (const n of [1, 2, 3]) await write(`/rb/sum/${n}`, 'x'.repeat(70_000));
    const paths = ['/rb/sum/1', '/rb/sum/2', '/rb/sum/3'];
    const { error } = await server.rpc('read_bulk', { paths });
    expect(error?.data).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'BATCH_READ_BYTES', actual: 210_000 });
    expect(Object.keys(await server.ok('read_bulk', { paths: paths.slice(1) }))).toHaveLength(2);
  });
});

describe('delete_bulk', () => {
  test('deletes each path by itself, directories only with recursive', async () => {
    for (const path of ['/db/a', '/db/dir/x', '/db/dir/sub/y', '/db/file']) await write(path, 'x');
    const key = await server.addKey({ grants: [['direct_editor', '/db']] });
    const paths = ['/db/a', '/db/dir', '/db/none', '/db/file/under', '/other', '/', '/db/dir/x', '/db/a'];
    const seq = await seqOf(server);
    const flat = await server.ok('delete_bulk', { paths }, key);
    expect(Object.keys(flat)).toEqual(paths.slice(0, -1));
    const codes = Object.entries<{ success: boolean; error?: { code: string } }>(flat).map(([path, one]) => [
      path,
      one.success ? 'ok' : one.error?.code,
    ]);
    expect(codes).toEqual([
      ['/db/a', 'ok'],
      ['/db/dir', 'IS_A_DIRECTORY'],
      ['/db/none', 'FILE_NOT_FOUND'],
      ['/db/file/under', 'NOT_A_DIRECTORY'],
      ['/other', 'ACCESS_DENIED'],
      ['/', 'INVALID_PATH'],
      ['/db/dir/x', 'ok'],
    ]);
    expect(flat['/db/none']?.error?.message).toBe('File not found: /db/none');
    expect((await eventsAfter(server, seq)).map(({ type, path }) => [type, path])).toEqual([
      ['delete', '/db/a'],
      ['delete', '/db/dir/x'],
    ]);
    const deep = await server.ok('delete_bulk', {
      paths: ['/db/dir', '/db/dir/sub/y', '/db/dir/sub'],
      recursive: true,
    });
    expect(deep).toMatchObject({
      '/db/dir': { success: true },
      '/db/dir/sub/y': { success: false, error: { code: 'FILE_NOT_FOUND' } },
      '/db/dir/sub': { success: false, error: { code: 'FILE_NOT_FOUND' } },
    });
    expect((await eventsAfter(server, seq)).at(-1)).toMatchObject({ type: 'rmdir', path: '/db/dir' });
    expect((await server.ok('list', { path: '/db' })).files).toEqual(['/db/file']);
    expect(await server.fault('delete_bulk', { paths: many(51) })).toBe('LIMIT_EXCEEDED');
  });

  test('ends the grants on what it removes', async () => {
    await write('/dg/a', 'x');
    const key = await server.addKey({ grants: [['direct_editor', '/dg/a']] });
    expect(await server.ok('delete_bulk', { paths: ['/dg/a'] }, key)).toEqual({ '/dg/a': { success: true } });
    await write('/dg/a', 'another');
    expect(await server.fault('read', { path: '/dg/a' }, key)).toBe('ACCESS_DENIED');
  });
});

describe('rename_bulk', () => {
  test('renames in order, each by itself', async () => {
    for (const name of ['a', 'b', 'dir/x', 'into/x']) await write(`/mb/${name}`, name);
    const seq = await seqOf(server);
    const outcome = await server.ok('rename_bulk', {
      renames: [
        ['/mb/b', '/mb/c'],
        ['/mb//a', '/mb/b'],
        ['/mb/none', '/mb/n'],
        ['/mb/into', '/mb/into/itself'],
        ['/mb/c', '/mb/dir/x'],
        ['/mb/dir', '/mb/moved'],
        ['/', '/mb/root'],
        ['/mb/moved/x', '/mb/moved/x'],
      ],
    });
    expect(outcome).toEqual({
      '/mb/b': { success: true, new_path: '/mb/c' },
      '/mb/a': { success: true, new_path: '/mb/b' },
      '/mb/none': failed('FILE_NOT_FOUND', '/mb/n'),
      '/mb/into': failed('INVALID_PATH', '/mb/into/itself'),
      '/mb/c': failed('ALREADY_EXISTS', '/mb/dir/x'),
      '/mb/dir': { success: true, new_path: '/mb/moved' },
      '/': failed('INVALID_PATH', '/mb/root'),
      '/mb/moved/x': { success: true, new_path: '/mb/moved/x' },
    });
    expect(await text('/mb/b')).toBe('a');
    expect(await text('/mb/moved/x')).toBe('dir/x');
    expect((await eventsAfter(server, seq)).map(({ type, old_path, path }) => [type, old_path, path])).toEqual([
      ['rename', '/mb/b', '/mb/c'],
      ['rename', '/mb/a', '/mb/b'],
      ['rename', '/mb/dir', '/mb/moved'],
    ]);
  });

  const failed = (code: string, new_path: string) => ({
    success: false,
    new_path,
    error: { code, message: expect.any(String) },
  });

  test('asks for write on both sides, and a grant that went along is no longer there', async () => {
    await write('/mg/mine', 'x');
    await write('/mg/inbox/y', 'y');
    const key = await server.addKey({
      grants: [
        ['direct_editor', '/mg/mine'],
        ['direct_editor', '/mg/inbox'],
      ],
    });
    const renames = [
      ['/mg/inbox/y', '/mg/other'],
      ['/mg/mine', '/mg/inbox/mine'],
      ['/mg/inbox/y', '/mg/mine'],
    ];
    const outcome = await server.ok('rename_bulk', { renames: renames.slice(0, 2) }, key);
    expect(outcome).toMatchObject({
      '/mg/inbox/y': failed('ACCESS_DENIED', '/mg/other'),
      '/mg/mine': { success: true },
    });
    await server.ok('rename', { old_path: '/mg/inbox/mine', new_path: '/mg/mine' });
    expect(await server.ok('rename_bulk', { renames: renames.slice(1) }, key)).toMatchObject({
      '/mg/mine': { success: true },
      '/mg/inbox/y': failed('ACCESS_DENIED', '/mg/mine'),
    });
  });

  test('refuses a list that it could not answer', async () => {
    const twice = [
      ['/a', '/b'],
      ['/a/', '/c'],
    ];
    expect(await server.fault('rename_bulk', { renames: twice })).toBe('INVALID_PARAMS');
    expect(await server.fault('rename_bulk', { renames: [['/a']] })).toBe('INVALID_PARAMS');
    expect(await server.fault('rename_bulk', { renames: many(51).map((path) => [path, `${path}x`]) })).toBe(
      'LIMIT_EXCEEDED',
    );
  });
});
