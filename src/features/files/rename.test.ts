/** rename: everything that moves, every fault, one event, exact usage. */
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

const write = (path: string, content = 'x', more: object = {}) => server.ok('write', { path, content, ...more });
const text = (path: string) => server.ok('read', { path, encoding: 'utf-8' });

describe('a file', () => {
  test('keeps its id, content, metadata, version and history, and goes from the old path', async () => {
    await write('/r1/a.txt', 'one');
    const second = await write('/r1/a.txt', 'two', { metadata: { k: 1 } });
    const before = await server.ok('stat', { path: '/r1/a.txt' });
    const seq = await seqOf(server);
    const renamed = await server.ok('rename', { old_path: '/r1/a.txt', new_path: '/r1/new/deep/b.txt' });
    expect(renamed).toEqual({
      renamed: true,
      old_path: '/r1/a.txt',
      path: '/r1/new/deep/b.txt',
      revision: seq + 1,
    });
    const after = await server.ok('stat', { path: '/r1/new/deep/b.txt' });
    expect(after).toEqual({ ...before, path: '/r1/new/deep/b.txt', name: 'b.txt', revision: seq + 1 });
    expect(after.version).toBe(second.version);
    expect(await text('/r1/new/deep/b.txt')).toBe('two');
    expect(await server.fault('read', { path: '/r1/a.txt' })).toBe('FILE_NOT_FOUND');
    expect((await server.ok('list', { path: '/r1', recursive: true })).files).toEqual([
      '/r1/new',
      '/r1/new/deep',
      '/r1/new/deep/b.txt',
    ]);
    const history = await server.ok('list_versions', { path: '/r1/new/deep/b.txt' });
    expect(history.map((v: { version: number; path: string }) => [v.version, v.path])).toEqual([
      [2, '/r1/a.txt'],
      [1, '/r1/a.txt'],
    ]);
    const events = await eventsAfter(server, seq);
    expect(events).toMatchObject([{ type: 'rename', path: '/r1/new/deep/b.txt', old_path: '/r1/a.txt', branch: null }]);
    expect(events[0]?.data.subtree).toBeUndefined();
  });

  test('takes the place of a file only with overwrite, whose history ends', async () => {
    const old = await write('/r2/a', 'aaa');
    await write('/r2/b', 'b');
    expect(await server.fault('rename', { old_path: '/r2/a', new_path: '/r2/b' })).toBe('ALREADY_EXISTS');
    const seq = await seqOf(server);
    await server.ok('rename', { old_path: '/r2/a', new_path: '/r2/b', overwrite: true });
    expect(await text('/r2/b')).toBe('aaa');
    expect(await server.ok('list_versions', { path: '/r2/b' })).toMatchObject([{ version: 1, etag: old.etag }]);
    expect(await eventsAfter(server, seq)).toHaveLength(1);
  });

  test('is matched by if_match', async () => {
    const { etag } = await write('/r3/a');
    const wrong = { old_path: '/r3/a', new_path: '/r3/b', if_match: '0'.repeat(64) };
    const { error } = await server.rpc('rename', wrong);
    expect(error?.data).toMatchObject({ code: 'ETAG_MISMATCH', current_etag: etag, path: '/r3/a' });
    await server.ok('rename', { ...wrong, if_match: `"${etag}"` });
  });

  test('onto itself is no change', async () => {
    const { revision } = await write('/r4/a');
    const seq = await seqOf(server);
    const same = await server.ok('rename', { old_path: '/r4/a', new_path: '/r4//a/' });
    expect(same).toEqual({ renamed: false, old_path: '/r4/a', path: '/r4/a', revision });
    expect(await seqOf(server)).toBe(seq);
    expect(await server.fault('rename', { old_path: '/r4/no', new_path: '/r4/no' })).toBe('FILE_NOT_FOUND');
  });
});

describe('a directory', () => {
  test('moves with all that is below it as one event, names of any script included', async () => {
    await write('/d1/é😀/x/1.txt', 'one');
    await write('/d1/é😀/x/2.txt', 'two');
    await write('/d1/é😀0', 'a neighbour');
    await server.ok('mkdir', { path: '/d1/é😀/empty' });
    const seq = await seqOf(server);
    await server.ok('rename', { old_path: '/d1/é😀', new_path: '/d1/moved/😀' });
    expect((await server.ok('list', { path: '/d1', recursive: true })).files).toEqual([
      '/d1/moved',
      '/d1/moved/😀',
      '/d1/moved/😀/empty',
      '/d1/moved/😀/x',
      '/d1/moved/😀/x/1.txt',
      '/d1/moved/😀/x/2.txt',
      '/d1/é😀0',
    ]);
    expect((await server.ok('list', { path: '/d1/moved/😀' })).files).toEqual(['/d1/moved/😀/empty', '/d1/moved/😀/x']);
    expect(await text('/d1/moved/😀/x/2.txt')).toBe('two');
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'rename', path: '/d1/moved/😀', old_path: '/d1/é😀', data: { subtree: true, files: 2 } },
    ]);
  });

  test('goes back to where it was, and history is one', async () => {
    await write('/d2/a/f', 'one');
    await server.ok('rename', { old_path: '/d2/a', new_path: '/d2/b' });
    await write('/d2/b/f', 'two');
    await server.ok('rename', { old_path: '/d2/b', new_path: '/d2/a' });
    const history = await server.ok('list_versions', { path: '/d2/a/f' });
    expect(history.map((v: { version: number; path: string }) => [v.version, v.path])).toEqual([
      [2, '/d2/b/f'],
      [1, '/d2/a/f'],
    ]);
  });

  test('does not take the place of anything, nor does a file take that of a directory', async () => {
    await write('/d3/dir/f');
    await write('/d3/file');
    await server.ok('mkdir', { path: '/d3/empty' });
    for (const new_path of ['/d3/file', '/d3/empty']) {
      const call = { old_path: '/d3/dir', new_path, overwrite: true };
      expect(await server.fault('rename', call)).toBe('ALREADY_EXISTS');
    }
    const onto = { old_path: '/d3/file', new_path: '/d3/empty', overwrite: true };
    expect(await server.fault('rename', onto)).toBe('ALREADY_EXISTS');
  });

  test('is refused where a path below it would be too long or too deep', async () => {
    const deep = `/d4/dir${'/n'.repeat(240)}`;
    await server.ok('mkdir', { path: deep, parents: true });
    const under = { old_path: '/d4/dir', new_path: `/d4/other${'/m'.repeat(20)}` };
    expect(await server.fault('rename', under)).toBe('INVALID_PATH');
    const long = `/d4/long/${'l'.repeat(1000)}/${'l'.repeat(1000)}/${'l'.repeat(1000)}`;
    await server.ok('mkdir', { path: long, parents: true });
    const { error } = await server.rpc('rename', {
      old_path: '/d4/long',
      new_path: `/d4/${'é'.repeat(512)}/${'d'.repeat(100)}`,
    });
    expect(error?.data).toMatchObject({ code: 'INVALID_PATH', reason: expect.stringContaining('4096 bytes') });
  });
});

describe('faults', () => {
  test('come in their order and change nothing', async () => {
    await write('/f/a/x');
    await write('/f/file');
    const reader = await server.addKey({ grants: [['direct_viewer', '/f']] });
    const editor = await server.addKey({ grants: [['direct_editor', '/f/a']] });
    const seq = await seqOf(server);
    const cases: [string, string, string, string?][] = [
      ['/', '/f/b', 'INVALID_PATH'],
      ['/f/a', '/', 'INVALID_PATH'],
      ['/f/a', '/f/a/b/c', 'INVALID_PATH'],
      ['/f/a/../b', '/f/c', 'INVALID_PATH'],
      ['/f/none', '/f/b', 'FILE_NOT_FOUND'],
      ['/f/file/under', '/f/b', 'NOT_A_DIRECTORY'],
      ['/f/a', '/f/file/under', 'NOT_A_DIRECTORY'],
      ['/f/a/x', '/f/a', 'ALREADY_EXISTS'],
      ['/f/a/x', '/f/a/y', 'ACCESS_DENIED', reader],
      ['/f/a/x', '/f/y', 'ACCESS_DENIED', editor],
      ['/f/y', '/f/a/x', 'ACCESS_DENIED', editor],
      ['/f/none', '/f/a/x', 'ACCESS_DENIED', editor],
    ];
    for (const [old_path, new_path, code, key] of cases) {
      expect([old_path, new_path, await server.fault('rename', { old_path, new_path }, key)]).toEqual([
        old_path,
        new_path,
        code,
      ]);
    }
    expect(await server.fault('rename', { old_path: '/f/a' })).toBe('INVALID_PARAMS');
    expect(await seqOf(server)).toBe(seq);
    expect(await server.ok('rename', { old_path: '/f/a/x', new_path: '/f/a/y' }, editor)).toMatchObject({
      renamed: true,
    });
  });
});

describe('grants', () => {
  test('move with the directory and below, and those of an overwritten file stay', async () => {
    await write('/g/old/f', 'secret');
    await write('/g/target', 'old');
    const ofDirectory = await server.addKey({ grants: [['direct_viewer', '/g/old']] });
    const ofFile = await server.addKey({ grants: [['direct_viewer', '/g/old/f']] });
    const ofTarget = await server.addKey({ grants: [['direct_viewer', '/g/target']] });
    await server.ok('rename', { old_path: '/g/old', new_path: '/g/new' });
    expect(await server.ok('read', { path: '/g/new/f', encoding: 'utf-8' }, ofDirectory)).toBe('secret');
    expect(await server.ok('read', { path: '/g/new/f', encoding: 'utf-8' }, ofFile)).toBe('secret');
    await write('/g/old/f', 'another');
    expect(await server.fault('read', { path: '/g/old/f' }, ofDirectory)).toBe('ACCESS_DENIED');
    await server.ok('rename', { old_path: '/g/new/f', new_path: '/g/target', overwrite: true });
    expect(await server.ok('read', { path: '/g/target', encoding: 'utf-8' }, ofTarget)).toBe('secret');
    expect(await server.ok('read', { path: '/g/target', encoding: 'utf-8' }, ofFile)).toBe('secret');
    expect(await server.fault('read', { path: '/g/target' }, ofDirectory)).toBe('ACCESS_DENIED');
  });

  test('move with a name whose characters are pairs of UTF-16 units', async () => {
    await write('/g2/😀😀/below/f', 'x');
    const key = await server.addKey({ grants: [['direct_viewer', '/g2/😀😀/below']] });
    await server.ok('rename', { old_path: '/g2/😀😀', new_path: '/g2/plain' });
    expect(await server.ok('read', { path: '/g2/plain/below/f', encoding: 'utf-8' }, key)).toBe('x');
  });
});

test('a path of another zone keeps its prefix', async () => {
  await server.addZone('renames');
  await server.ok('write', { path: '/zone/renames/a', content: 'x' });
  const call = { old_path: '/zone/renames/a', new_path: '/zone/renames/b' };
  expect(await server.ok('rename', call)).toMatchObject({ old_path: '/zone/renames/a', path: '/zone/renames/b' });
  expect(await server.fault('rename', { old_path: '/zone/renames/b', new_path: '/zone/renames/b/c' })).toBe(
    'INVALID_PATH',
  );
});
