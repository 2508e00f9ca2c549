/** delete, mkdir, rmdir, list, exists, is_directory and get_metadata: every row of files.md §7 and §9 about them. */
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

const write = (path: string, content = 'x') => server.ok('write', { path, content });
const files = async (
  path: string,
  more: { recursive?: boolean; as_of?: number; limit?: number } = {},
): Promise<readonly string[]> => (await server.ok('list', { path, ...more })).files;

/** Each call has to fail as it says, and the zone to stay as it was. */
async function allFail(cases: readonly (readonly [string, object, string, string?])[]): Promise<void> {
  const seq = await seqOf(server);
  for (const [method, params, code, key] of cases) {
    expect([method, params, await server.fault(method, params, key)]).toEqual([method, params, code]);
  }
  expect(await seqOf(server)).toBe(seq);
}

describe('delete', () => {
  test('ends a file, and leaves its folder', async () => {
    const { etag } = await write('/x1/sub/f');
    const seq = await seqOf(server);
    expect(await server.ok('delete', { path: '/x1/sub/f', if_match: etag })).toEqual({
      deleted: true,
      path: '/x1/sub/f',
      revision: seq + 1,
    });
    expect(await files('/x1', { recursive: true })).toEqual(['/x1/sub']);
    expect(await eventsAfter(server, seq)).toMatchObject([{ type: 'delete', path: '/x1/sub/f', branch: null }]);
    expect(await server.ok('read', { path: '/x1/sub/f', as_of: seq, encoding: 'utf-8' })).toBe('x');
  });

  test('ends the grants on exactly that path', async () => {
    await write('/x2/a/f');
    const onFile = await server.addKey({ grants: [['direct_viewer', '/x2/a/f']] });
    const onFolder = await server.addKey({ grants: [['direct_viewer', '/x2/a']] });
    await server.ok('delete', { path: '/x2/a/f' });
    await write('/x2/a/f');
    expect(await server.fault('read', { path: '/x2/a/f' }, onFile)).toBe('ACCESS_DENIED');
    expect(await server.ok('read', { path: '/x2/a/f', encoding: 'utf-8' }, onFolder)).toBe('x');
  });

  test('faults', async () => {
    await write('/x3/dir/f');
    const reader = await server.addKey({ grants: [['direct_viewer', '/x3']] });
    await allFail([
      ['delete', { path: '/' }, 'INVALID_PATH'],
      ['delete', { path: '/' }, 'INVALID_PATH', reader],
      ['delete', { path: '/x3/none' }, 'FILE_NOT_FOUND'],
      ['delete', { path: '/x3/dir' }, 'IS_A_DIRECTORY'],
      ['delete', { path: '/x3/dir/f/g' }, 'NOT_A_DIRECTORY'],
      ['delete', { path: '/x3/dir/f', if_match: 'c'.repeat(64) }, 'ETAG_MISMATCH'],
      ['delete', { path: '/x3/dir/f' }, 'ACCESS_DENIED', reader],
      ['delete', { path: '/x3/none' }, 'ACCESS_DENIED', reader],
      ['delete_file', {}, 'INVALID_PARAMS'],
    ]);
  });
});

describe('mkdir', () => {
  test('makes a directory, with parents those above too, as one event', async () => {
    const seq = await seqOf(server);
    const deep = { path: '/m1/a/b', parents: true };
    expect(await server.ok('mkdir', deep)).toEqual({ created: true, path: '/m1/a/b', revision: seq + 1 });
    expect(await server.ok('mkdir', deep)).toEqual({ created: false, path: '/m1/a/b', revision: seq + 1 });
    expect(await server.ok('mkdir', { path: '/m1/c', exist_ok: true })).toMatchObject({ created: true });
    expect(await server.ok('mkdir', { path: '/m1/c', exist_ok: true })).toMatchObject({ created: false });
    expect(await server.ok('mkdir', { path: '/', exist_ok: true })).toMatchObject({ created: false, path: '/' });
    expect(await files('/m1', { recursive: true })).toEqual(['/m1/a', '/m1/a/b', '/m1/c']);
    expect((await eventsAfter(server, seq)).map(({ type, path }) => [type, path])).toEqual([
      ['mkdir', '/m1/a/b'],
      ['mkdir', '/m1/c'],
    ]);
  });

  test('faults', async () => {
    await write('/m2/file');
    const reader = await server.addKey({ grants: [['direct_viewer', '/m2']] });
    await allFail([
      ['mkdir', { path: '/m2/none/a' }, 'PARENT_NOT_FOUND'],
      ['mkdir', { path: '/m2' }, 'ALREADY_EXISTS'],
      ['mkdir', { path: '/' }, 'ALREADY_EXISTS'],
      ['mkdir', { path: '/m2/file' }, 'ALREADY_EXISTS'],
      ['mkdir', { path: '/m2/file', parents: true, exist_ok: true }, 'ALREADY_EXISTS'],
      ['mkdir', { path: '/m2/file/a', parents: true }, 'NOT_A_DIRECTORY'],
      ['mkdir', { path: '/m2/a' }, 'ACCESS_DENIED', reader],
      ['mkdir', { path: '/m2/file' }, 'ACCESS_DENIED', reader],
      ['mkdir', { path: '/m2/..' }, 'INVALID_PATH'],
    ]);
    const { error } = await server.rpc('mkdir', { path: '/m2/none/a/b' });
    expect(error).toMatchObject({ code: -404, data: { path: '/m2/none/a' } });
  });
});

describe('rmdir', () => {
  test('removes an empty directory, with recursive all that is below', async () => {
    for (const path of ['/y1/a/f', '/y1/a/b/g', '/y1/a0']) await write(path);
    await server.ok('mkdir', { path: '/y1/empty' });
    const seq = await seqOf(server);
    expect(await server.ok('rmdir', { path: '/y1/empty' })).toEqual({
      removed: true,
      path: '/y1/empty',
      files: 0,
      directories: 1,
      revision: seq + 1,
    });
    expect(await server.ok('rmdir', { path: '/y1/a', recursive: true })).toEqual({
      removed: true,
      path: '/y1/a',
      files: 2,
      directories: 2,
      revision: seq + 2,
    });
    expect(await files('/y1')).toEqual(['/y1/a0']);
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'rmdir', path: '/y1/empty', data: {} },
      { type: 'rmdir', path: '/y1/a', data: { subtree: true, files: 2 } },
    ]);
    expect(await files('/y1/a', { as_of: seq, recursive: true })).toEqual(['/y1/a/b', '/y1/a/b/g', '/y1/a/f']);
  });

  test('ends the grants on it and below it', async () => {
    await write('/y2/a/b/f');
    const inside = await server.addKey({ grants: [['direct_viewer', '/y2/a/b']] });
    const above = await server.addKey({ grants: [['direct_viewer', '/y2']] });
    await server.ok('rmdir', { path: '/y2/a', recursive: true });
    await write('/y2/a/b/f');
    expect(await server.fault('read', { path: '/y2/a/b/f' }, inside)).toBe('ACCESS_DENIED');
    expect(await server.ok('exists', { path: '/y2/a/b/f' }, above)).toEqual({ exists: true });
  });

  test('faults', async () => {
    await write('/y3/dir/f');
    const reader = await server.addKey({ grants: [['direct_viewer', '/y3']] });
    await allFail([
      ['rmdir', { path: '/' }, 'INVALID_PATH'],
      ['rmdir', { path: '/', recursive: true }, 'INVALID_PATH'],
      ['rmdir', { path: '/y3/dir' }, 'DIRECTORY_NOT_EMPTY'],
      ['rmdir', { path: '/y3/none' }, 'FILE_NOT_FOUND'],
      ['rmdir', { path: '/y3/dir/f' }, 'NOT_A_DIRECTORY'],
      ['rmdir', { path: '/y3/dir/f/g' }, 'NOT_A_DIRECTORY'],
      ['rmdir', { path: '/y3/dir', recursive: true }, 'ACCESS_DENIED', reader],
      ['rmdir', { path: '/y3/none' }, 'ACCESS_DENIED', reader],
    ]);
  });
});

describe('exists, is_directory and get_metadata', () => {
  test('look, and tell a missing thing as missing', async () => {
    await write('/e/file');
    const looks: [string, boolean, boolean][] = [
      ['/e/file', true, false],
      ['/e', true, true],
      ['/', true, true],
      ['/e/none', false, false],
      ['/e/file/x', false, false],
    ];
    for (const [path, exists, is_directory] of looks) {
      expect(await server.ok('exists', { path })).toEqual({ exists });
      expect(await server.ok('is_directory', { path })).toEqual({ is_directory });
    }
    expect(await server.ok('get_metadata', { path: '/' })).toMatchObject({
      path: '/',
      type: 'directory',
      size: 0,
      created_at: '1970-01-01T00:00:00.000Z',
      revision: 0,
      metadata: {},
    });
  });

  test('faults', async () => {
    await write('/e/file');
    const stranger = await server.addKey({});
    await allFail([
      ['stat', { path: '/e/none' }, 'FILE_NOT_FOUND'],
      ['stat', { path: '/e/file/x' }, 'NOT_A_DIRECTORY'],
      ['stat', { path: '/', branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ['exists', { path: '/', branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ...['stat', 'exists', 'is_directory'].flatMap((method): [string, object, string, string?][] => [
        [method, { path: '/e/file' }, 'ACCESS_DENIED', stranger],
        [method, { path: '/e/none' }, 'ACCESS_DENIED', stranger],
        [method, { path: '/' }, 'ACCESS_DENIED', stranger],
        [method, { path: '/e/..' }, 'INVALID_PATH'],
        [method, { path: 1 }, 'INVALID_PARAMS'],
      ]),
    ]);
  });
});

describe('list', () => {
  const names = ['/l/a.b', '/l/a/x', '/l/a/y/z', '/l/b', '/l/é', '/l/😀'];
  beforeAll(async () => {
    for (const path of names) await write(path);
  });

  test('is in byte order of the whole path, with directories', async () => {
    expect(await files('/l')).toEqual(['/l/a', '/l/a.b', '/l/b', '/l/é', '/l/😀']);
    expect(await files('/l', { recursive: true })).toEqual([
      '/l/a',
      '/l/a.b',
      '/l/a/x',
      '/l/a/y',
      '/l/a/y/z',
      '/l/b',
      '/l/é',
      '/l/😀',
    ]);
    const { entries, has_more, next_cursor, revision } = await server.ok('list', { path: '/l' });
    expect(entries[0]).toEqual({
      path: '/l/a',
      name: 'a',
      type: 'directory',
      is_directory: true,
      size: 0,
      etag: null,
      modified_at: expect.any(String),
    });
    expect([has_more, next_cursor, revision]).toEqual([false, null, await seqOf(server)]);
    const detailed = await server.ok('list', { path: '/l', details: true });
    expect(detailed.files).toEqual(detailed.entries);
    expect(detailed.files[1]).toEqual(await server.ok('stat', { path: '/l/a.b' }));
  });

  test('pages show one moment of the tree', async () => {
    for (const recursive of [false, true]) {
      const whole = await files('/l', { recursive });
      const seen: string[] = [];
      let page = await server.ok('list', { path: '/l', recursive, limit: 2 });
      const { revision } = page;
      for (;;) {
        seen.push(...page.files);
        expect(page.revision).toBe(revision);
        await write('/l/aa');
        await server.ok('delete', { path: '/l/b' });
        if (!page.has_more) break;
        page = await server.ok('list', { path: '/l', cursor: page.next_cursor, limit: 2 });
        await server.ok('delete', { path: '/l/aa' });
        await write('/l/b');
      }
      expect(seen).toEqual(whole);
      await server.ok('delete', { path: '/l/aa' });
      await write('/l/b');
    }
  });

  test('shows what may be read and what leads to it', async () => {
    const key = await server.addKey({
      grants: [
        ['direct_viewer', '/l/a/y'],
        ['direct_viewer', '/l/é'],
      ],
    });
    const of = async (path: string, more: object = {}) => (await server.ok('list', { path, ...more }, key)).files;
    expect(await of('/')).toEqual(['/l']);
    expect(await of('/l')).toEqual(['/l/a', '/l/é']);
    expect(await of('/l/a')).toEqual(['/l/a/y']);
    expect(await of('/l', { recursive: true })).toEqual(['/l/a', '/l/a/y', '/l/a/y/z', '/l/é']);
    await allFail([
      ['list', { path: '/l/a/none' }, 'ACCESS_DENIED', key],
      ['list', { path: '/none' }, 'ACCESS_DENIED', key],
      ['list', { path: '/l/b' }, 'ACCESS_DENIED', key],
      ['list', { path: '/l/a/y/none' }, 'FILE_NOT_FOUND', key],
      ['list', { path: '/l/é' }, 'NOT_A_DIRECTORY', key],
    ]);
  });

  test('faults', async () => {
    const { next_cursor: cursor } = await server.ok('list', { path: '/l', limit: 1 });
    await allFail([
      ['list', { path: '/l/none' }, 'FILE_NOT_FOUND'],
      ['list', { path: '/l/b' }, 'NOT_A_DIRECTORY'],
      ['list', { path: '/l/b/c' }, 'NOT_A_DIRECTORY'],
      ['list', { path: '/l', limit: 0 }, 'INVALID_PARAMS'],
      ['list', { path: '/l', cursor: 'x' }, 'INVALID_CURSOR'],
      ['list', { path: '/', cursor }, 'INVALID_CURSOR'],
      ['list', { path: '/l', cursor, recursive: true }, 'INVALID_CURSOR'],
      ['list', { path: '/l', cursor, details: true }, 'INVALID_CURSOR'],
      ['list', { path: '/l', cursor, as_of: 1 }, 'INVALID_CURSOR'],
    ]);
    expect(await files('/l', { limit: 1_000_000_000 })).not.toHaveLength(0);
  });

  test('a path of another zone keeps its prefix', async () => {
    await server.addZone('lists');
    await write('/zone/lists/a/b');
    const { entries } = await server.ok('list', { path: '/zone/lists', recursive: true, details: true });
    expect(entries.map(({ path }: { path: string }) => path)).toEqual(['/zone/lists/a', '/zone/lists/a/b']);
    expect(await files('/zone/root/l', { limit: 1 })).toEqual(['/l/a']);
    const { next_cursor: cursor } = await server.ok('list', { path: '/', recursive: true, limit: 1 });
    expect(await server.fault('list', { path: '/zone/lists', cursor })).toBe('INVALID_CURSOR');
  });
});
