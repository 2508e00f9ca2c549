/** What mounts forbid, how they nest, and what a write-back mount keeps for its store (platform.md §4). */
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, newStore, type Store, withMounts } from '../../../test/mounting.ts';
import { listPending, type PendingRow } from './known.sql.ts';

forEachEngine('rules of mounts', (engine) => {
  const { now, read } = withMounts(engine);
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });
  const faultOf = async (method: string, params: object, key?: string): Promise<unknown> =>
    (await server.rpc(method, params, key)).error?.data;

  test('nothing at or below a read-only mount changes, by any door, and the store is not asked', async () => {
    await store.put('f', 'x');
    await store.put('d/g', 'y');
    await mount(server, at, { ...store, readonly: true });
    expect(await read(`${at}/f`)).toBe('x');
    await server.ok('write', { path: `${at}-own`, content: 'own' });
    const revision = (await server.ok('list', { path: '/' })).revision;
    // A store that cannot be reached would be 503: so it is not asked.
    await store.remove();
    const path = `${at}/f`;
    for (const [method, params] of [
      ['write', { path, content: 'z' }],
      ['write', { path: `${at}/new/er`, content: 'z' }],
      ['write', { path, content: 'z'.repeat(200_000) }],
      ['write', { path, content: 'z', branch: 'main' }],
      ['append', { path, content: 'z' }],
      ['edit', { path, edits: [['x', 'z']] }],
      ['set_metadata', { path, metadata: {} }],
      ['delete', { path }],
      ['mkdir', { path: `${at}/new` }],
      ['rmdir', { path: `${at}/d` }],
      ['rmdir', { path: `${at}/d`, recursive: true }],
      ['rename', { old_path: path, new_path: `${at}/z` }],
      ['rename', { old_path: path, new_path: `${at}-z` }],
      ['rename', { old_path: `${at}-own`, new_path: `${at}/z` }],
      ['copy', { src_path: `${at}-own`, dst_path: `${at}/z` }],
      [
        'write_batch',
        {
          files: [
            [`${at}-b`, 'z'],
            [path, 'z'],
          ],
        },
      ],
      ['rollback', { path, version: 1 }],
      ['tree_restore', { to: revision, path: at }],
    ] as const) {
      expect([method, await faultOf(method, params)]).toMatchObject([method, { code: 'READ_ONLY', mount_point: at }]);
    }
    const bulk = await server.ok('delete_bulk', { paths: [`${at}-own`, `${at}/f`] });
    expect(bulk).toMatchObject({ [`${at}-own`]: { success: true }, [`${at}/f`]: { error: { code: 'READ_ONLY' } } });
    const moved = await server.ok('rename_bulk', { renames: [[path, `${at}/z`]] });
    expect(moved[path]).toMatchObject({ success: false, error: { code: 'READ_ONLY' } });
    const put = await server.http(`/api/v2/files${path}`, { method: 'PUT', body: 'z' });
    expect([put.status, await put.json()]).toMatchObject([403, { error: { code: 'READ_ONLY' } }]);
    expect((await server.http(`/api/v2/files${path}`, { method: 'DELETE' })).status).toBe(403);
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-length': '5',
      'upload-metadata': `path ${Buffer.from(path).toString('base64')}`,
    };
    expect((await server.http('/api/v2/uploads', { method: 'POST', headers })).status).toBe(403);
    expect(await server.ok('exists', { path: `${at}-b` })).toEqual({ exists: false });
  });

  test('who has no right learns nothing of a mount, not even that it is read-only', async () => {
    await store.put('f', 'x');
    await mount(server, at, { ...store, readonly: true });
    const stranger = await server.addKey({ subject: `stranger${at.slice(1)}` });
    await store.remove();
    for (const [method, params] of [
      ['read', { path: `${at}/f` }],
      ['write', { path: `${at}/f`, content: 'z' }],
      ['list', { path: at }],
      ['list', { path: at, recursive: true }],
      ['rmdir', { path: at, recursive: true }],
      ['get_metadata', { path: `${at}/none` }],
      ['list_versions', { path: `${at}/f` }],
      ['tree_restore', { to: 0, path: at }],
    ] as const) {
      expect([method, await server.fault(method, params, stranger)]).toEqual([method, 'ACCESS_DENIED']);
    }
    expect(await server.ok('glob', { pattern: '**', path: at }, stranger)).toMatchObject({ matches: [] });
    expect(await server.ok('grep', { pattern: 'x', path: '/' }, stranger)).toMatchObject({ matches: [] });
    expect(await server.ok('read_bulk', { paths: [`${at}/f`] }, stranger)).toEqual({ [`${at}/f`]: null });
    expect(await server.ok('exists_batch', { paths: [`${at}/f`] }, stranger)).toEqual({ [`${at}/f`]: false });
    expect(await server.ok('delete_bulk', { paths: [`${at}/f`] }, stranger)).toMatchObject({
      [`${at}/f`]: { error: { code: 'ACCESS_DENIED' } },
    });
  });

  test('who may read a part is shown that part, and no more of the store is asked for', async () => {
    await store.put('a/b/f', 'seen');
    await store.put('a/hidden', 'not seen');
    await mount(server, at, store);
    const key = await server.addKey({ subject: `part${at.slice(1)}`, grants: [['direct_viewer', `${at}/a/b`]] });
    expect((await server.ok('list', { path: at, recursive: true }, key)).files).toEqual([
      `${at}/a`,
      `${at}/a/b`,
      `${at}/a/b/f`,
    ]);
    expect(await server.ok('glob', { pattern: '**', path: '/' }, key)).toMatchObject({ matches: [`${at}/a/b/f`] });
    expect((await server.ok('list', { path: `${at}/a` }, key)).files).toEqual([`${at}/a/b`]);
    expect(await read(`${at}/a/b/f`, key)).toBe('seen');
    const known = await server.sql.read((tx) =>
      tx.all<{ path: string }>('SELECT path FROM mount_files WHERE path LIKE ?', [`${at}/%`]),
    );
    expect(known.map(({ path }) => path)).toEqual([`${at}/a/b/f`]);
  });

  test('of nested mounts the longest point wins, and comes to light again when it goes', async () => {
    const inner = await newStore({ 'in.txt': 'inner' });
    await store.put('sub/out.txt', 'outer');
    await mount(server, at, store);
    expect(await read(`${at}/sub/out.txt`)).toBe('outer');
    await mount(server, `${at}/sub`, inner);
    expect((await server.ok('list', { path: at, recursive: true })).files).toEqual([`${at}/sub`, `${at}/sub/in.txt`]);
    expect(await server.fault('read', { path: `${at}/sub/out.txt` })).toBe('FILE_NOT_FOUND');
    await server.ok('write', { path: `${at}/sub/new`, content: 'n' });
    expect(await inner.names()).toEqual(['in.txt', 'new']);
    await mount(server, `${at}/not/there`, await newStore({ x: 'x' }));
    expect((await server.ok('list', { path: at, recursive: true })).files).toContain(`${at}/not/there/x`);
    for (const path of [at, `${at}/sub`, `${at}/not`]) {
      expect([path, await faultOf('rmdir', { path, recursive: true })]).toMatchObject([
        path,
        { code: 'CONFLICT', reason: 'MOUNT_BELOW' },
      ]);
      expect(await faultOf('rename', { old_path: path, new_path: `${path}-z` })).toMatchObject({
        reason: 'MOUNT_BELOW',
      });
    }
    await server.ok('write', { path: `${at}-dir/own`, content: 'x' });
    await mount(server, `${at}-dir/mnt`, await newStore());
    expect(await faultOf('rename', { old_path: `${at}-dir`, new_path: `${at}-moved` })).toMatchObject({
      reason: 'MOUNT_BELOW',
    });
    expect(await faultOf('rmdir', { path: `${at}-dir`, recursive: true })).toMatchObject({ reason: 'MOUNT_BELOW' });
    expect(await faultOf('rmdir', { path: `${at}-dir` })).toMatchObject({ reason: 'MOUNT_BELOW' });
    const bulk = await server.ok('delete_bulk', { paths: [`${at}-dir`], recursive: true });
    expect(bulk[`${at}-dir`]).toMatchObject({ error: { code: 'CONFLICT' } });
    await server.ok('remove_mount', { mount_point: `${at}/sub` });
    expect(await read(`${at}/sub/out.txt`)).toBe('outer');
    expect(await server.fault('read', { path: `${at}/sub/in.txt` })).toBe('FILE_NOT_FOUND');
    await server.ok('remove_mount', { mount_point: at });
    expect((await server.ok('list', { path: at, recursive: true })).files).toEqual([
      `${at}/not`,
      `${at}/not/there`,
      `${at}/not/there/x`,
    ]);
    // One that is mounted above another later has that one inside.
    await mount(server, at, store);
    expect(await read(`${at}/not/there/x`)).toBe('x');
    expect(await read(`${at}/sub/out.txt`)).toBe('outer');
  });

  const pendingOf = async (): Promise<Partial<PendingRow>[]> => {
    const rows = await server.sql.read(async (tx) => {
      const mounts = await tx.all<{ mount_id: string }>('SELECT mount_id FROM mounts WHERE mount_point = ?', [at]);
      return listPending(tx, mounts[0]?.mount_id ?? '');
    });
    return rows.map(({ path, change, base_tag, base_size }) => ({
      path: path.slice(at.length + 1),
      change,
      base_tag: base_tag === null ? null : 'a tag',
      base_size,
    }));
  };

  test('a write-back mount answers by itself, reads see it at once, and what the store has to get is kept', async () => {
    await store.put('theirs', 'theirs');
    await store.put('gone', 'gone');
    await store.put('dir/x', 'x');
    await mount(server, at, { ...store, write_mode: 'back' });
    expect(await read(`${at}/theirs`)).toBe('theirs');
    await server.ok('write', { path: `${at}/theirs`, content: 'ours' });
    await server.ok('write', { path: `${at}/theirs`, content: 'ours again' });
    await server.ok('write', { path: `${at}/new/file`, content: 'new' });
    await server.ok('delete', { path: `${at}/gone` });
    await server.ok('mkdir', { path: `${at}/made` });
    await server.ok('rename', { old_path: `${at}/dir`, new_path: `${at}/moved` });
    expect(await store.names()).toEqual(['dir/', 'dir/x', 'gone', 'theirs']);
    expect(await store.text('theirs')).toBe('theirs');
    await store.put('theirs', 'changed by them meanwhile');
    await store.put('seen', 'seen');
    expect(await read(`${at}/theirs`)).toBe('ours again');
    expect(await read(`${at}/moved/x`)).toBe('x');
    expect(
      (await server.ok('list', { path: at, recursive: true })).files.map((one) => `${one}`.slice(at.length + 1)),
    ).toEqual(['made', 'moved', 'moved/x', 'new', 'new/file', 'seen', 'theirs']);
    const none = { base_tag: null, base_size: null };
    expect(await pendingOf()).toEqual([
      { path: 'dir', change: 'rmdir', ...none },
      { path: 'dir/x', change: 'delete', base_tag: 'a tag', base_size: 1 },
      { path: 'gone', change: 'delete', base_tag: 'a tag', base_size: 4 },
      { path: 'made', change: 'mkdir', ...none },
      { path: 'moved', change: 'mkdir', ...none },
      { path: 'moved/x', change: 'write', ...none },
      { path: 'new/file', change: 'write', ...none },
      { path: 'theirs', change: 'write', base_tag: 'a tag', base_size: 6 },
    ]);
    const unpushed = { code: 'CONFLICT', reason: 'UNPUSHED_CHANGES', changes: 8 };
    expect(await faultOf('remove_mount', { mount_point: at })).toMatchObject(unpushed);
    const form = { mount_point: at, backend_type: 'local', backend_config: { root_path: store.root } };
    expect(await faultOf('add_mount', form)).toMatchObject(unpushed);
    await server.ok('add_mount', { ...form, force: true });
    expect(await read(`${at}/theirs`)).toBe('changed by them meanwhile');
    expect(await pendingOf()).toEqual([]);
  });

  test.each(['through', 'back'] as const)(
    'while the brick is off, everything below a mount (%s) is 503, and the rest is not',
    async (write_mode) => {
      await store.put('f', 'x');
      await mount(server, at, { ...store, write_mode });
      expect(await read(`${at}/f`)).toBe('x');
      const turn = async (verb: string, brick: string): Promise<void> => {
        expect((await server.http(`/api/v2/bricks/${brick}/${verb}`, { method: 'POST' })).status).toBe(200);
      };
      await turn('unmount', 'sync');
      await turn('unmount', 'mount');
      for (const [method, params] of [
        ['read', { path: `${at}/f` }],
        ['list', { path: at }],
        ['list', { path: '/', recursive: true }],
        ['write', { path: `${at}/f`, content: 'y' }],
        ['write', { path: `${at}/new`, content: 'y' }],
        ['delete', { path: `${at}/f` }],
        ['list_versions', { path: `${at}/f` }],
        ['get_version', { path: `${at}/f`, version: 1 }],
        ['rollback', { path: `${at}/f`, version: 1 }],
        ['diff_versions', { path: `${at}/f`, v1: 1, v2: 1 }],
        ['read', { path: `${at}/f`, as_of: 1 }],
      ] as const) {
        expect([method, await faultOf(method, params)]).toMatchObject([
          method,
          { code: 'UNAVAILABLE', brick: 'mount' },
        ]);
      }
      expect((await server.ok('list', { path: '/' })).files).toContain(at);
      await turn('mount', 'mount');
      await turn('mount', 'sync');
      expect(await read(`${at}/f`)).toBe('x');
    },
  );

  test('the quota counts what is written below a mount, and not what lies there', async () => {
    const zone = `q${at.slice(1)}${engine}`;
    await server.addZone(zone, { max_storage_bytes: 1_000 });
    const inZone = { zone_id: zone };
    await store.put('big', 'x'.repeat(5_000));
    await server.ok('add_mount', {
      ...inZone,
      mount_point: at,
      backend_type: 'local',
      backend_config: { root_path: store.root },
    });
    expect((await server.ok('stat', { ...inZone, path: `${at}/big` })).size).toBe(5_000);
    await server.ok('write', { ...inZone, path: `${at}/f`, content: 'y'.repeat(900) });
    expect(await faultOf('write', { ...inZone, path: `${at}/g`, content: 'y'.repeat(200) })).toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    expect(await faultOf('append', { ...inZone, path: `${at}/big`, content: 'y' })).toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    expect(await store.names()).toEqual(['big', 'f']);
    await server.ok('remove_mount', { ...inZone, mount_point: at });
  });

  test('a zone that ends takes its mounts along, and leaves what lies outside', async () => {
    const zone = `z${at.slice(1)}${engine}`;
    await server.addZone(zone);
    const form = { zone_id: zone, mount_point: at, backend_type: 'local', backend_config: { root_path: store.root } };
    await server.ok('add_mount', form);
    await server.ok('save_mount', form);
    await server.ok('write', { zone_id: zone, path: `${at}/f`, content: 'stays' });
    await server.ok('zone_delete', { zone_id: zone });
    await expect
      .poll(async () => (await server.rpc('zone_get', { zone_id: zone })).error?.data.code, { timeout: 20_000 })
      .toBe('ZONE_NOT_FOUND');
    for (const table of ['mounts', 'saved_mounts', 'mount_files', 'mount_pending', 'mount_intents']) {
      const rows = await server.sql.read((tx) => tx.all(`SELECT 1 AS one FROM ${table} WHERE zone_id = ?`, [zone]));
      expect([table, rows]).toEqual([table, []]);
    }
    expect(await store.text('f')).toBe('stays');
  });
});
