/** list_versions, get_version, read with version, rollback and diff_versions. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { eventsAfter, seqOf, usageOf } from '../../../test/ledger.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  const { counted, real } = await usageOf(server);
  expect(counted).toEqual(real);
  await server.stop();
});

const write = (path: string, content: string, more: object = {}) => server.ok('write', { path, content, ...more });

interface Listed {
  readonly version: number;
  readonly change_reason: string;
  readonly path: string;
  readonly revision: number;
}
const listed = (path: string, more: object = {}): Promise<Listed[]> => server.ok('list_versions', { path, ...more });

describe('list_versions', () => {
  test('lists each version once, whatever was renamed or described between, newest first', async () => {
    const first = await write('/l1/a', 'one', { content_type: 'text/plain' });
    await server.ok('set_metadata', { path: '/l1/a', metadata: { k: 1 } });
    await server.ok('rename', { old_path: '/l1/a', new_path: '/l1/b' });
    const second = await write('/l1/b', 'two');
    await server.ok('set_metadata', { path: '/l1/b', metadata: { k: 2 } });
    const third = await server.ok('append', { path: '/l1/b', content: '!' });
    await server.ok('edit', { path: '/l1/b', edits: [['two', 'zwei']] });
    await server.ok('rollback', { path: '/l1/b', version: 2 });
    const versions = await listed('/l1/b');
    expect(versions.map(({ version, change_reason, path }) => [version, change_reason, path])).toEqual([
      [5, 'rollback', '/l1/b'],
      [4, 'edit', '/l1/b'],
      [3, 'append', '/l1/b'],
      [2, 'write', '/l1/b'],
      [1, 'write', '/l1/a'],
    ]);
    expect(versions.at(-1)).toEqual({
      version: 1,
      etag: first.etag,
      content_hash: first.etag,
      size: 3,
      mime_type: 'text/plain',
      encoding: 'utf-8',
      created_at: first.modified_at,
      created_by: 'admin',
      change_reason: 'write',
      revision: first.revision,
      path: '/l1/a',
    });
    expect(versions[3]?.revision).toBe(second.revision);
    expect(versions[2]?.revision).toBe(third.revision);
  });

  test('comes in pages', async () => {
    for (let n = 0; n < 5; n++) await write('/l2', `${n}`);
    const numbers = async (more: object) => (await listed('/l2', more)).map(({ version }) => version);
    expect(await numbers({ limit: 2 })).toEqual([5, 4]);
    expect(await numbers({ limit: 2, before_version: 4 })).toEqual([3, 2]);
    expect(await numbers({ before_version: 1 })).toEqual([]);
    expect(await server.fault('list_versions', { path: '/l2', limit: 0 })).toBe('INVALID_PARAMS');
  });

  test('shows the history that was, and none of a file that came after', async () => {
    const { revision } = await write('/l3', 'one');
    await write('/l3', 'two');
    expect(await listed('/l3', { as_of: revision })).toHaveLength(1);
    await server.ok('delete', { path: '/l3' });
    expect(await server.fault('list_versions', { path: '/l3' })).toBe('FILE_NOT_FOUND');
    await write('/l3', 'another');
    expect((await listed('/l3')).map(({ version }) => version)).toEqual([1]);
    expect(await listed('/l3', { as_of: revision + 1 })).toHaveLength(2);
  });
});

describe('get_version and read with version', () => {
  test('answer as read does', async () => {
    await write('/g1', 'one', { metadata: { k: 1 } });
    await server.ok('set_metadata', { path: '/g1', metadata: { k: 2 } });
    await write('/g1', 'dHdv', { encoding: 'base64' });
    await write('/g1', 'l'.repeat(70_000));
    for (const method of ['get_version', 'read']) {
      const get = (version: number, more: object = {}) => server.ok(method, { path: '/g1', version, ...more });
      expect(await get(1)).toEqual({ __type__: 'bytes', data: 'b25l' });
      expect(await get(1, { encoding: 'utf-8', offset: 1, count: 1 })).toBe('n');
      expect(await get(2)).toMatchObject({ content: 'dHdv', encoding: 'base64', version: 2, size: 3, path: '/g1' });
      expect(await get(3, { encoding: 'utf-8' })).toBe('l'.repeat(70_000));
      expect(await get(1, { return_metadata: true })).toMatchObject({ version: 1, metadata: { k: 2 }, size: 3 });
    }
  });

  test('find the file under its present name only', async () => {
    await write('/g2/a', 'one');
    await server.ok('rename', { old_path: '/g2/a', new_path: '/g2/b' });
    await write('/g2/b', 'two');
    expect(await server.ok('get_version', { path: '/g2/b', version: 1, return_metadata: true })).toMatchObject({
      path: '/g2/b',
      version: 1,
    });
    expect(await server.fault('get_version', { path: '/g2/a', version: 1 })).toBe('FILE_NOT_FOUND');
  });
});

describe('rollback', () => {
  test('makes a new version with the old content, metadata and representation', async () => {
    await write('/r1', 'b25l', { encoding: 'base64', metadata: { old: true }, content_type: 'x/y' });
    const second = await write('/r1', 'two', { metadata: {} });
    const seq = await seqOf(server);
    const result = await server.ok('rollback', { path: '/r1', version: 1, if_match: second.etag });
    expect(result).toMatchObject({
      path: '/r1',
      version: 3,
      size: 3,
      created: false,
      rolled_back_to: 1,
      content_type: 'x/y',
      encoding: 'base64',
      revision: seq + 1,
    });
    expect(await server.ok('stat', { path: '/r1' })).toMatchObject({ metadata: { old: true }, version: 3 });
    expect(await server.ok('read', { path: '/r1', encoding: 'utf-8' })).toBe('one');
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'write', path: '/r1', data: { via: 'rollback', rolled_back_to: 1, version: 3 } },
    ]);
    await server.ok('rollback', { path: '/r1', version: 2 });
    expect((await server.ok('stat', { path: '/r1' })).metadata).toEqual({});
  });

  test('counts against the quota', async () => {
    await server.addZone('rolls', { max_storage_bytes: 10 });
    await write('/zone/rolls/a', 'x'.repeat(9));
    await write('/zone/rolls/a', '');
    await write('/zone/rolls/b', 'xx');
    expect(await server.fault('rollback', { path: '/zone/rolls/a', version: 1 })).toBe('QUOTA_EXCEEDED');
    await server.ok('delete', { path: '/zone/rolls/b' });
    expect(await server.ok('rollback', { path: '/zone/rolls/a', version: 1 })).toMatchObject({ path: '/zone/rolls/a' });
    expect((await usageOf(server, 'rolls')).counted).toEqual({ files: 1, bytes: 9, tuples: 0 });
  });
});

describe('diff_versions', () => {
  const diff = (path: string, v1: number, v2: number, more: object = {}) =>
    server.ok('diff_versions', { path, v1, v2, ...more });

  test('is a unified diff of the contents', async () => {
    const one = await write('/d1', 'a\nb\nc\nd\ne\nf\ng\nh\n', { metadata: { k: 1 } });
    const two = await write('/d1', 'a\nb\nc\nd\ne\nF\ng\nh\nnew\n');
    expect(await diff('/d1', 1, 2, { context_lines: 1 })).toEqual({
      identical: false,
      binary: false,
      diff: '--- a/d1\n+++ b/d1\n@@ -5,4 +5,5 @@\n e\n-f\n+F\n g\n h\n+new\n',
      additions: 2,
      deletions: 1,
      from: { version: 1, etag: one.etag, size: one.size },
      to: { version: 2, etag: two.etag, size: two.size },
    });
    expect(await diff('/d1', 2, 1)).toMatchObject({ additions: 1, deletions: 2, from: { version: 2 } });
    expect(await diff('/d1', 1, 1)).toMatchObject({ identical: true, binary: false, diff: '', additions: 0 });
  });

  test('of metadata compares values, not their order', async () => {
    await write('/d2', 'x', { metadata: { b: { y: 1, x: 2 }, a: 1 } });
    await write('/d2', 'x', { metadata: { a: 1, b: { x: 2, y: 1 } } });
    await write('/d2', 'x', { metadata: { a: 2, b: { x: 2, y: 1 } } });
    expect(await diff('/d2', 1, 2, { mode: 'metadata' })).toMatchObject({ identical: true, diff: '' });
    const changed = await diff('/d2', 2, 3, { mode: 'metadata', context_lines: 0 });
    expect(changed).toMatchObject({ identical: false, additions: 1, deletions: 1 });
    expect(changed.diff).toContain('-  "a": 1,\n+  "a": 2,\n');
    expect(await diff('/d2', 1, 3)).toMatchObject({ identical: true });
  });

  test('is empty for what is not text, and reads large texts', async () => {
    await write('/d3', '/w==', { encoding: 'base64' });
    await write('/d3', 'text');
    expect(await diff('/d3', 1, 2)).toMatchObject({ identical: false, binary: true, diff: '', additions: 0 });
    expect(await diff('/d3', 1, 1)).toMatchObject({ identical: true, binary: true, diff: '' });
    const big = 'line\n'.repeat(30_000);
    await write('/d3', big);
    await write('/d3', `${big}end\n`);
    expect(await diff('/d3', 3, 4)).toMatchObject({ binary: false, additions: 1, deletions: 0 });
  });

  test('is empty for what is too large', async () => {
    const small = await startTestServer({ environment: { NEXUS_LIMIT_EDIT_BYTES: '10' } });
    await small.ok('write', { path: '/a', content: 'x'.repeat(11) });
    await small.ok('write', { path: '/a', content: 'x'.repeat(10) });
    await small.ok('write', { path: '/a', content: 'y' });
    const of = (v1: number, v2: number) => small.ok('diff_versions', { path: '/a', v1, v2 });
    expect(await of(1, 2)).toMatchObject({ binary: true, diff: '' });
    expect(await of(2, 3)).toMatchObject({ binary: false, additions: 1 });
    await small.stop();
  });
});

test('faults', async () => {
  await write('/f/file', 'x');
  await server.ok('mkdir', { path: '/f/dir' });
  const reader = await server.addKey({ grants: [['direct_viewer', '/f/file']] });
  const stranger = await server.addKey({});
  const seq = await seqOf(server);
  const methods: [string, object][] = [
    ['list_versions', {}],
    ['get_version', { version: 1 }],
    ['diff_versions', { v1: 1, v2: 1 }],
    ['rollback', { version: 1 }],
  ];
  for (const [method, more] of methods) {
    const of = (path: string, key?: string) => server.fault(method, { path, ...more }, key);
    expect(await of('/f/none')).toBe('FILE_NOT_FOUND');
    expect(await of('/f/dir')).toBe('IS_A_DIRECTORY');
    expect(await of('/')).toBe('IS_A_DIRECTORY');
    expect(await of('/f/file/x')).toBe('NOT_A_DIRECTORY');
    expect(await of('/f/file', stranger)).toBe('ACCESS_DENIED');
    expect(await of('/f/none', stranger)).toBe('ACCESS_DENIED');
    expect(await of('/f/..')).toBe('INVALID_PATH');
  }
  expect(await server.fault('rollback', { path: '/f/file', version: 1 }, reader)).toBe('ACCESS_DENIED');
  expect(await server.fault('rollback', { path: '/f/file', version: 1, if_match: 'f'.repeat(64) })).toBe(
    'ETAG_MISMATCH',
  );
  for (const [method, more] of [
    ['get_version', { version: 2 }],
    ['read', { version: 2 }],
    ['rollback', { version: 2 }],
    ['diff_versions', { v1: 1, v2: 2 }],
  ] as const) {
    const { error } = await server.rpc(method, { path: '/f/file', ...more });
    expect(error).toMatchObject({ code: -404, data: { code: 'VERSION_NOT_FOUND', path: '/f/file', version: 2 } });
    expect(error?.message).toContain('not found');
  }
  expect(await server.fault('get_version', { path: '/f/file' })).toBe('INVALID_PARAMS');
  expect(await server.fault('get_version', { path: '/f/file', version: 0 })).toBe('INVALID_PARAMS');
  expect(await seqOf(server)).toBe(seq);
});

test('paths of another zone keep their prefix', async () => {
  await server.addZone('versions');
  const path = '/zone/versions/a';
  await write(path, 'one');
  await write(path, 'two');
  expect((await listed(path)).map((one) => one.path)).toEqual([path, path]);
  expect((await server.ok('diff_versions', { path, v1: 1, v2: 2 })).diff).toContain(`--- a${path}\n+++ b${path}\n`);
  expect(await server.ok('get_version', { path, version: 1, return_metadata: true })).toMatchObject({ path });
});
