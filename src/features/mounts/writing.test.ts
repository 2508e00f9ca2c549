/** How changes reach a store before they are answered (platform.md §4.2). */
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, type Store, withMounts } from '../../../test/mounting.ts';

forEachEngine('writing through mounts', (engine) => {
  const { now, read, glob, events, seq, usage } = withMounts(engine);
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });

  test('each change is in the store when it is answered, with one event', async () => {
    await mount(server, at, store);
    const from = await seq();
    const steps: (readonly [string, object])[] = [
      ['write', { path: `${at}/a/b`, content: 'one' }],
      ['append', { path: `${at}/a/b`, content: ' two' }],
      ['edit', { path: `${at}/a/b`, edits: [['two', 'three']] }],
      ['copy', { src_path: `${at}/a/b`, dst_path: `${at}/c` }],
      ['copy', { src_path: `${at}/a`, dst_path: `${at}/d`, recursive: true }],
      ['mkdir', { path: `${at}/e/f`, parents: true }],
      ['rename', { old_path: `${at}/c`, new_path: `${at}/e/f/c` }],
      ['rename', { old_path: `${at}/d`, new_path: `${at}/e/d` }],
      ['delete', { path: `${at}/a/b` }],
      ['rmdir', { path: `${at}/a` }],
      ['set_metadata', { path: `${at}/e/f/c`, metadata: { k: 'v' } }],
    ];
    for (const [method, params] of steps) await server.ok(method, params);
    expect(await store.names()).toEqual(['e/', 'e/d/', 'e/d/b', 'e/f/', 'e/f/c']);
    expect(await store.text('e/d/b')).toBe('one three');
    expect(await store.text('e/f/c')).toBe('one three');
    expect((await events(from)).map(({ type }) => type)).toEqual([
      'write',
      'write',
      'write',
      'write',
      'write',
      'mkdir',
      'rename',
      'rename',
      'delete',
      'rmdir',
      'write',
    ]);
    expect(await server.ok('stat', { path: `${at}/e/f/c` })).toMatchObject({ metadata: { k: 'v' }, version: 1 });
    await server.ok('rmdir', { path: `${at}/e`, recursive: true });
    expect(await store.names()).toEqual([]);
  });

  test('what was written reads as it was written, and counts; what others had there never did', async () => {
    await store.put('theirs', 'their bytes');
    await mount(server, at, store);
    const before = (await usage()) ?? { bytes: -1, files: -1 };
    const written = await server.ok('write', { path: `${at}/ours`, content: 'our bytes' });
    expect(await server.ok('stat', { path: `${at}/ours` })).toMatchObject({ version: 1, etag: written.etag });
    expect(await usage()).toEqual({ bytes: before.bytes + 9, files: before.files + 1 });
    await server.ok('write', { path: `${at}/theirs`, content: 'four' });
    expect(await server.ok('stat', { path: `${at}/theirs` })).toMatchObject({ version: 2, size: 4 });
    expect(await usage()).toEqual({ bytes: before.bytes + 13, files: before.files + 2 });
    await store.put('ours', 'changed by others');
    await read(`${at}/ours`);
    expect(await usage()).toEqual({ bytes: before.bytes + 4, files: before.files + 1 });
    await server.ok('delete', { path: `${at}/ours` });
    await server.ok('rename', { old_path: `${at}/theirs`, new_path: `${at}/moved` });
    await server.ok('delete', { path: `${at}/moved` });
    expect(await usage()).toEqual(before);
    await server.ok('write', { path: `${at}/left`, content: 'x' });
    await server.ok('remove_mount', { mount_point: at });
    expect(await usage()).toEqual(before);
    expect(await store.text('left')).toBe('x');
  });

  test('conditions are judged by what the store has now', async () => {
    await store.put('f', 'one');
    await mount(server, at, store);
    const { etag } = await server.ok('stat', { path: `${at}/f` });
    await store.put('f', 'two');
    const path = `${at}/f`;
    expect(await server.fault('write', { path, content: 'x', if_match: etag })).toBe('ETAG_MISMATCH');
    expect(await server.fault('write', { path, content: 'x', if_none_match: '*' })).toBe('ALREADY_EXISTS');
    expect(await server.fault('mkdir', { path })).toBe('ALREADY_EXISTS');
    expect(await server.fault('write', { path: `${path}/below`, content: 'x' })).toBe('NOT_A_DIRECTORY');
    expect(await server.fault('mkdir', { path: `${at}/no/ne` })).toBe('PARENT_NOT_FOUND');
    await store.put('d/x', 'x');
    expect(await server.fault('write', { path: `${at}/d`, content: 'x' })).toBe('IS_A_DIRECTORY');
    expect(await server.fault('rmdir', { path: `${at}/d` })).toBe('DIRECTORY_NOT_EMPTY');
    expect(await store.names()).toEqual(['d/', 'd/x', 'f']);
  });

  test('PUT, DELETE, batches and uploads reach the store too', async () => {
    await mount(server, at, store);
    const put = await server.http(`/api/v2/files${at}/put`, { method: 'PUT', body: 'p'.repeat(100_000) });
    expect(put.status).toBe(201);
    await server.ok('write_batch', {
      files: [
        [`${at}/b/1`, 'one'],
        [`${at}/b/2`, 'two'],
      ],
    });
    const upload = await server.http('/api/v2/uploads', {
      method: 'POST',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-length': '5',
        'upload-metadata': `path ${Buffer.from(`${at}/up`).toString('base64')}`,
        'content-type': 'application/offset+octet-stream',
      },
      body: 'bytes',
    });
    expect(upload.status).toBe(201);
    expect(await store.names()).toEqual(['b/', 'b/1', 'b/2', 'put', 'up']);
    expect(await store.text('up')).toBe('bytes');
    expect(await store.text('put')).toBe('p'.repeat(100_000));
    const renamed = await server.ok('rename_bulk', { renames: [[`${at}/b/1`, `${at}/b/3`]] });
    expect(renamed[`${at}/b/1`]).toMatchObject({ success: true });
    await server.ok('delete_bulk', { paths: [`${at}/b`, `${at}/up`], recursive: true });
    expect((await server.http(`/api/v2/files${at}/put`, { method: 'DELETE' })).status).toBe(204);
    expect(await store.names()).toEqual([]);
  });

  test('a rename does not cross the border of a mount, a copy does', async () => {
    await store.put('f', 'in the store');
    await mount(server, at, store);
    await server.ok('write', { path: `${at}-own`, content: 'own' });
    expect(await server.fault('rename', { old_path: `${at}/f`, new_path: `${at}-f` })).toBe('INVALID_PARAMS');
    expect(await server.fault('rename', { old_path: `${at}-own`, new_path: `${at}/own` })).toBe('INVALID_PARAMS');
    await server.ok('copy', { src_path: `${at}/f`, dst_path: `${at}-f` });
    expect(await read(`${at}-f`)).toBe('in the store');
    await server.ok('copy', { src_path: `${at}-own`, dst_path: `${at}/own` });
    expect(await store.text('own')).toBe('own');
    for (const path of [`${at}-own`, `${at}-f`]) await server.ok('delete', { path });
  });

  test('of callers who write at once, each is a version, and the store has the last', async () => {
    await mount(server, at, store);
    const path = `${at}/f`;
    const done = await Promise.all(Array.from({ length: 6 }, (_, n) => server.ok('append', { path, content: `${n}` })));
    expect(done.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(await store.text('f'))].sort().join('')).toBe('012345');
    expect(await read(path)).toBe(await store.text('f'));
    const made = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        server.rpc('write', { path: `${at}/new`, content: `${n}`, if_none_match: '*' }),
      ),
    );
    expect(made.filter(({ error }) => !error)).toHaveLength(1);
    expect(await read(`${at}/new`)).toBe(await store.text('new'));
  });

  test('what a store shows to nobody is in the way, which is said at once', async () => {
    await symlink('/usr', join(store.root, 'out'));
    await store.put('f', 'x');
    await store.put('f2', 'y');
    await symlink('f2', join(store.root, 'link'));
    await mount(server, at, store);
    for (const [method, params] of [
      ['mkdir', { path: `${at}/out` }],
      ['mkdir', { path: `${at}/out/below`, parents: true }],
      ['write', { path: `${at}/out`, content: 'x' }],
      ['write', { path: `${at}/out/below`, content: 'x' }],
      ['rename', { old_path: `${at}/f`, new_path: `${at}/out`, overwrite: true }],
    ] as const) {
      expect([method, await server.fault(method, params)]).toEqual([method, 'INVALID_PARAMS']);
    }
    expect(await server.fault('list', { path: `${at}/out` })).toBe('FILE_NOT_FOUND');
    await server.ok('rename', { old_path: `${at}/f`, new_path: `${at}/link`, overwrite: true });
    expect([await read(`${at}/link`), await read(`${at}/f2`)]).toEqual(['x', 'y']);
  });

  test('a root that was taken away is 503, never an empty directory', async () => {
    await store.put('f', 'x');
    await mount(server, at, store);
    await glob(at);
    await rm(store.root, { recursive: true });
    for (const [method, params] of [
      ['read', { path: `${at}/f` }],
      ['list', { path: at }],
      ['glob', { pattern: '**', path: '/' }],
      ['write', { path: `${at}/g`, content: 'x' }],
      ['delete', { path: `${at}/f` }],
    ] as const) {
      expect([method, await server.fault(method, params)]).toEqual([method, 'UNAVAILABLE']);
    }
    expect(await server.ok('get_mount', { mount_point: at })).toMatchObject({
      status: 'unreachable',
      last_error: expect.stringContaining('root'),
    });
    await store.put('f', 'back');
    expect(await read(`${at}/f`)).toBe('back');
    expect(await server.ok('get_mount', { mount_point: at })).toMatchObject({ state: 'active' });
  });
});
