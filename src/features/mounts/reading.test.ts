/** What a mount shows: the store as it is in this very call (platform.md §4.2). */
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, type Store, withMounts } from '../../../test/mounting.ts';

forEachEngine('reading through mounts', (engine) => {
  const { now, read, glob, events, seq, usage } = withMounts(engine);
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });

  test('every read asks the store: what another program does shows in the next call', async () => {
    await mount(server, at, store);
    expect(await glob(at)).toEqual([]);
    await store.put('a/b.txt', 'one line\n');
    expect(await glob(at)).toEqual(['a', 'a/b.txt']);
    expect(await read(`${at}/a/b.txt`)).toBe('one line\n');
    const first = await server.ok('get_metadata', { path: `${at}/a/b.txt` });
    expect(first).toMatchObject({ version: 1, size: 9, encoding: 'utf-8', content_type: 'text/plain' });
    await store.put('a/b.txt', 'two lines\nof text\n');
    const second = await server.ok('stat', { path: `${at}/a/b.txt` });
    expect(second).toMatchObject({ version: 2, size: 18, file_id: first.file_id });
    expect(second.etag).not.toBe(first.etag);
    const found = await server.ok('grep', { pattern: 'of', path: at });
    expect([...found.matches]).toMatchObject([{ path: `${at}/a/b.txt`, line: 2 }]);
    await store.take('a/b.txt');
    expect(await server.ok('exists', { path: `${at}/a/b.txt` })).toEqual({ exists: false });
    expect(await server.fault('read', { path: `${at}/a/b.txt` })).toBe('FILE_NOT_FOUND');
    expect((await server.ok('list', { path: at, recursive: true })).files).toEqual([`${at}/a`]);
    await store.take('a');
    expect(await server.fault('list', { path: `${at}/a` })).toBe('FILE_NOT_FOUND');
    expect((await server.ok('list', { path: at })).files).toEqual([]);
  });

  test('an empty directory that another program made is listed and removed like any other', async () => {
    await mount(server, at, store);
    await store.put('one/deep/x', '');
    await store.take('one/deep/x');
    await store.put('two/x', '');
    await store.take('two/x');
    expect((await server.ok('list', { path: `${at}/two` })).files).toEqual([]);
    expect((await server.ok('list', { path: `${at}/one/deep`, recursive: true })).files).toEqual([]);
    await server.ok('rmdir', { path: `${at}/two` });
    await server.ok('rmdir', { path: `${at}/one`, recursive: true });
    expect((await server.ok('list', { path: at, recursive: true })).files).toEqual([]);
  });

  test('a hash that an earlier list had no time for is known by a later one, and that is no change', async () => {
    for (let n = 0; n < 6; n++) await store.put(`f${n}`, `content ${n}`);
    await mount(server, at, store);
    const etags = async (): Promise<(string | null)[]> =>
      (await server.ok('list', { path: at })).entries.map(({ etag }) => etag);
    const known = await etags();
    expect(new Set(known).size).toBe(6);
    await server.sql.write('root', (tx) =>
      tx.run("UPDATE file_states SET etag = '', blob_id = NULL WHERE parent = ?", [at]),
    );
    const before = await seq();
    await expect.poll(etags, { timeout: 30_000 }).toEqual(known);
    expect(await seq()).toBe(before);
    expect(await server.ok('stat', { path: `${at}/f0` })).toMatchObject({ version: 1, etag: known[0] });
  });

  test('each page of a list has the hash of each of its files, however many an earlier page had no time for', async () => {
    for (let n = 0; n < 7; n++) await store.put(n < 5 ? `f${n}` : `d/f${n}`, `content ${n}`);
    await mount(server, at, store);
    const paged = async (recursive: boolean): Promise<(string | null)[]> => {
      const etags: (string | null)[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await server.ok('list', { path: at, recursive, limit: 2, cursor });
        // What no time was left for is as it is here.
        await server.sql.write('root', (tx) =>
          tx.run("UPDATE file_states SET etag = '', blob_id = NULL WHERE path LIKE ? AND kind = 'f'", [`${at}/%`]),
        );
        etags.push(...page.entries.filter(({ type }) => type === 'file').map(({ etag }) => etag));
        if (page.next_cursor === null) return etags;
        cursor = page.next_cursor;
      }
    };
    await paged(true);
    const before = await seq();
    for (const recursive of [false, true]) {
      const etags = await paged(recursive);
      expect(new Set(etags).size).toBe(recursive ? 7 : 5);
      for (const etag of etags) expect(etag).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(await seq()).toBe(before);
  });

  test('equal content is no new version, whatever its time', async () => {
    await store.put('f', 'same');
    await mount(server, at, store);
    const first = await server.ok('stat', { path: `${at}/f` });
    await store.take('f');
    await store.put('f', 'same');
    expect(await server.ok('stat', { path: `${at}/f` })).toEqual(first);
  });

  test('a file becomes a directory, and a directory a file', async () => {
    await store.put('x', 'file');
    await mount(server, at, store);
    expect(await read(`${at}/x`)).toBe('file');
    await store.take('x');
    await store.put('x/y', 'below');
    expect(await read(`${at}/x/y`)).toBe('below');
    await store.take('x');
    await store.put('x', 'again');
    expect(await read(`${at}/x`)).toBe('again');
    expect(await server.fault('read', { path: `${at}/x/y` })).toBe('NOT_A_DIRECTORY');
    expect(await glob(at)).toEqual(['x']);
  });

  test('large files and odd bytes come as they are, also over HTTP', async () => {
    const text = 'é'.repeat(200_000);
    await store.put('large', text);
    await mount(server, at, store);
    const answer = await server.http(`/api/v2/files${at}/large`, { headers: { range: 'bytes=2-5' } });
    expect([answer.status, await answer.text()]).toEqual([206, 'éé']);
    expect((await server.http(`/api/v2/files${at}/large`)).headers.get('content-length')).toBe('400000');
    expect(await read(`${at}/large`)).toBe(text);
  });

  test('a list tells pages of one moment', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await store.put(name, name);
    await mount(server, at, store);
    const first = await server.ok('list', { path: at, limit: 2 });
    expect(first.files).toEqual([`${at}/a`, `${at}/b`]);
    await store.put('bb', 'new');
    await store.take('d');
    const cursor = first.next_cursor ?? '';
    expect((await server.ok('list', { path: at, cursor })).files).toEqual([`${at}/c`, `${at}/d`]);
    expect((await server.ok('list', { path: at })).files).toEqual(['a', 'b', 'bb', 'c'].map((name) => `${at}/${name}`));
  });

  test('what others put there is told as events, counts nothing, and reads of the same change nothing', async () => {
    await mount(server, at, store);
    const before = (await usage()) ?? { bytes: -1, files: -1 };
    const from = await seq();
    await store.put('one', 'x');
    await read(`${at}/one`);
    await read(`${at}/one`);
    expect(await events(from)).toMatchObject([{ type: 'write', path: `${at}/one`, data: { via: 'sync', version: 1 } }]);
    await store.put('two', 'x');
    await store.put('three', 'x');
    await glob(at);
    const together = (await events(from)).slice(1);
    expect(together).toMatchObject([{ type: 'write', path: at, data: { via: 'sync', subtree: true, files: 2 } }]);
    expect(await usage()).toEqual(before);
  });

  test('versions, the past and branches are nothing that a store knows', async () => {
    await store.put('f', 'x');
    await mount(server, at, store);
    await read(`${at}/f`);
    const snapshot = await server.ok('tree_snapshot_create', { name: `s${at.slice(1)}` });
    await server.ok('tree_branch_create', { name: `b${at.slice(1)}` });
    const path = `${at}/f`;
    for (const [method, params] of [
      ['list_versions', { path }],
      ['get_version', { path, version: 1 }],
      ['read', { path, version: 1 }],
      ['rollback', { path, version: 1 }],
      ['diff_versions', { path, v1: 1, v2: 1 }],
      ['read', { path, as_of: snapshot.revision }],
      ['read', { path, branch: `b${at.slice(1)}` }],
      ['write', { path, content: 'y', branch: `b${at.slice(1)}` }],
      ['tree_restore', { to: snapshot.revision, path }],
      ['tree_snapshot_create', { path }],
    ] as const) {
      const { error } = await server.rpc(method, params);
      expect([method, error?.data.code, error?.message]).toEqual([
        method,
        'INVALID_PARAMS',
        expect.stringContaining('local'),
      ]);
    }
    await store.put('g', 'new since');
    await read(`${at}/g`);
    // What is mounted is left alone by what is about the past of the whole tree.
    const before = await seq();
    const restored = await server.ok('tree_restore', { to: snapshot.revision });
    expect(restored).toMatchObject({ written: 0, removed: 0 });
    expect(await glob(at)).toEqual(['f', 'g']);
    expect((await server.ok('list', { path: '/', recursive: true, as_of: before })).files).not.toContain(path);
    const diff = await server.ok('tree_diff', { from: snapshot.revision });
    expect(JSON.stringify(diff.changes)).not.toContain(path);
    await server.ok('tree_branch_delete', { name: `b${at.slice(1)}` });
  });
});
