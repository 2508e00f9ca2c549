/** Mounts of local stores: what they are, what they show, and how changes reach the store (platform.md §4.1, §4.2). */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { mount, newStore, type Store } from '../../../test/mounting.ts';

forEachEngine('mounts', (engine) => {
  let server: TestServer;
  let store: Store;
  let at: string;
  let count = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    store = await newStore();
    at = `/m${count++}`;
  });
  afterEach(async () => {
    await server.rpc('remove_mount', { mount_point: at, force: true });
    await store.remove();
  });

  const read = (path: string, key?: string): Promise<unknown> => server.ok('read', { path, encoding: 'utf-8' }, key);
  const glob = async (path: string): Promise<string[]> => {
    const { matches } = await server.ok('glob', { pattern: '**', path, include_directories: true });
    return [...matches].map((one) => one.slice(at.length + 1)).filter((one) => one !== '');
  };
  const events = async (after: number): Promise<{ type: string; path: string; data: Record<string, unknown> }[]> => {
    const answer = await server.http(`/api/v2/events/replay?since_revision=${after}&limit=1000`);
    return ((await answer.json()) as { events: never[] }).events;
  };
  const seq = async (): Promise<number> => (await server.ok('list', { path: '/' })).revision;
  const usage = async (): Promise<{ bytes: number; files: number }> => {
    const row = await server.sql.read((tx) =>
      tx.get<{ bytes: number; files: number }>(
        "SELECT used_storage_bytes AS bytes, used_files AS files FROM zones WHERE zone_id = 'root'",
      ),
    );
    return row ?? { bytes: -1, files: -1 };
  };

  describe('of a zone', () => {
    test('a mount is answered whole, listed, found, and gone when it is removed', async () => {
      const added = await mount(server, at, store);
      expect(added).toMatchObject({
        mount_point: at,
        path: at,
        backend_type: 'local',
        type: 'local',
        backend_config: { root_path: store.root },
        readonly: false,
        priority: 0,
        write_mode: 'through',
        sync_interval_seconds: 0,
        conflict_strategy: null,
        status: 'active',
        state: 'active',
        last_error: null,
        owner: 'user:admin',
        description: '',
        saved: false,
        zone_id: 'root',
      });
      const all = await server.ok('list_mounts');
      expect(all[0]).toMatchObject({ mount_point: '/', backend_type: 'nexus' });
      expect(all.slice(1)).toEqual([added]);
      expect(await server.ok('get_mount', { mount_point: at })).toEqual(added);
      expect(await server.ok('has_mount', { mount_point: at })).toBe(true);
      const rest = await server.http(`/api/v2/mounts/at/${encodeURIComponent(at)}`);
      expect(await rest.json()).toEqual(added);
      expect(await (await server.http(`/api/v2/mounts/at${at}`)).json()).toEqual(added);
      expect(await (await server.http('/api/v2/mounts')).json()).toEqual({
        mounts: all,
        next_cursor: null,
        has_more: false,
      });
      expect(await server.ok('remove_mount', { mount_point: at })).toBe(true);
      expect(await server.ok('remove_mount', { mount_point: at })).toBe(false);
      expect(await server.ok('get_mount', { mount_point: at })).toBeNull();
      expect(await server.ok('has_mount', { mount_point: at })).toBe(false);
      expect(await server.ok('exists', { path: at })).toEqual({ exists: false });
      expect((await server.http(`/api/v2/mounts/at${at}`)).status).toBe(404);
      expect((await server.http(`/api/v2/mounts/at${at}`, { method: 'DELETE' })).status).toBe(404);
    });

    test('the root mount is neither replaced nor removed', async () => {
      const config = { backend_type: 'local', backend_config: { root_path: store.root } };
      for (const method of ['add_mount', 'save_mount', 'remove_mount', 'delete_connector']) {
        const { error } = await server.rpc(method, { mount_point: '/', ...config });
        expect(error?.data, method).toMatchObject({ code: 'CONFLICT', reason: 'ROOT_MOUNT' });
      }
    });

    test('a wrong configuration is told by field, and nothing is added', async () => {
      const wrong = async (backend_config: object, backend_type = 'local'): Promise<unknown> => {
        const { error } = await server.rpc('add_mount', { mount_point: at, backend_type, backend_config });
        expect(error?.data.code).toBe('INVALID_PARAMS');
        return error?.data.issues;
      };
      expect(await wrong({})).toMatchObject([{ path: 'backend_config.root_path' }]);
      expect(await wrong({ root_path: 'relative' })).toMatchObject([{ path: 'backend_config.root_path' }]);
      expect(await wrong({ root_path: store.root, colour: 1 })).toMatchObject([{ path: 'backend_config.colour' }]);
      expect(await wrong({}, 'tape')).toMatchObject([
        { path: 'backend_type', message: expect.stringContaining('local') },
      ]);
      expect(await server.ok('has_mount', { mount_point: at })).toBe(false);
    });

    test('a root outside of the allowed ones is refused, the data directory too', async () => {
      for (const root_path of [
        '/etc',
        '/',
        server.config.DATA_DIR,
        join(server.config.DATA_DIR, 'blobs'),
        '/tmp/../etc',
      ]) {
        const { error } = await server.rpc('add_mount', {
          mount_point: at,
          backend_type: 'local',
          backend_config: { root_path },
        });
        expect(error?.data.code, root_path).toBe('ACCESS_DENIED');
      }
    });

    test('files of Nexus below a mount point stay seen', async () => {
      await server.ok('write', { path: `${at}/own`, content: 'x' });
      const config = { backend_type: 'local', backend_config: { root_path: store.root } };
      expect(await server.fault('add_mount', { mount_point: at, ...config })).toBe('DIRECTORY_NOT_EMPTY');
      expect(await server.fault('add_mount', { mount_point: `${at}/own`, ...config })).toBe('NOT_A_DIRECTORY');
      await server.ok('delete', { path: `${at}/own` });
      await mount(server, at, store);
      await server.ok('remove_mount', { mount_point: at });
      expect(await server.ok('is_directory', { path: at })).toEqual({ is_directory: true });
      await server.ok('rmdir', { path: at });
    });

    test('adding again swaps the store, roots that hold one another are refused', async () => {
      await store.put('deep/one', '1');
      await mount(server, at, store);
      expect(await glob(at)).toEqual(['deep', 'deep/one']);
      const other = await newStore({ two: '2' });
      await mount(server, at, other);
      expect(await glob(at)).toEqual(['two']);
      expect(await server.ok('list_mounts')).toHaveLength(2);
      await mount(server, at, store);
      const overlap = {
        mount_point: `${at}x`,
        backend_type: 'local',
        backend_config: { root_path: join(store.root, 'deep') },
      };
      const { error } = await server.rpc('add_mount', overlap);
      expect(error?.data).toMatchObject({ code: 'CONFLICT', reason: 'ROOT_OVERLAP' });
      await mount(server, at, store, { readonly: true });
      await server.ok('add_mount', { ...overlap, readonly: true });
      expect(await read(`${at}x/one`)).toBe('1');
      await server.ok('remove_mount', { mount_point: `${at}x` });
      await other.remove();
    });

    test('who adds a mount owns its point, until it is removed', async () => {
      const owners = async (): Promise<unknown[]> =>
        (await server.ok('rebac_list_tuples', {
          object: ['file', at],
          relation: 'direct_owner',
        })) as unknown as unknown[];
      await mount(server, at, store);
      expect(JSON.stringify(await owners())).toContain('"admin"');
      await server.ok('remove_mount', { mount_point: at });
      expect(JSON.stringify(await owners())).not.toContain('"admin"');
    });

    test('saved mounts are kept, loaded and forgotten', async () => {
      const form = {
        mount_point: at,
        backend_type: 'local',
        backend_config: { root_path: store.root },
        readonly: true,
      };
      const saved = await server.ok('save_mount', form);
      expect(saved).toMatchObject({ mount_point: at, readonly: true, saved: true });
      expect(await server.ok('has_mount', { mount_point: at })).toBe(false);
      await server.ok('save_mount', { ...form, description: 'again' });
      expect(await server.ok('list_saved_mounts')).toMatchObject([{ mount_point: at, description: 'again' }]);
      expect(await server.ok('load_mount', { mount_point: at })).toMatchObject({ readonly: true, saved: true });
      expect(await server.fault('write', { path: `${at}/a`, content: 'x' })).toBe('READ_ONLY');
      expect(await server.ok('delete_saved_mount', { mount_point: at })).toBe(true);
      expect(await server.ok('delete_saved_mount', { mount_point: at })).toBe(false);
      expect(await server.ok('has_mount', { mount_point: at })).toBe(true);
      expect(await server.fault('load_mount', { mount_point: at })).toBe('MOUNT_NOT_FOUND');
      await server.ok('save_mount', form);
      const removed = await server.ok('delete_connector', { mount_point: at });
      expect(removed).toEqual({ removed: true, mount_point: at, credentials_deleted: false });
      expect(await server.ok('list_saved_mounts')).toEqual([]);
      expect(await server.ok('has_mount', { mount_point: at })).toBe(false);
    });

    test('connectors say what they take and can', async () => {
      const [local] = await server.ok('list_connectors', { category: 'local' });
      expect(local).toMatchObject({
        type: 'local',
        name: 'local',
        backend_type: 'local',
        category: 'local',
        user_scoped: false,
      });
      expect(local?.config_schema).toMatchObject({ properties: { root_path: { type: 'string' } } });
      expect(local?.capabilities).toMatchObject({ rename: true });
      expect(await server.ok('list_connectors', { category: 'none' })).toEqual([]);
    });

    test('only a root admin mounts what reaches the host', async () => {
      await server.addZone('tenant');
      const admin = await server.addKey({ zone_id: 'tenant', subject: 'boss', role: 'admin' });
      const operator = await server.addKey({ subject: 'op', role: 'operator' });
      const form = { mount_point: at, backend_type: 'local', backend_config: { root_path: store.root } };
      expect(await server.fault('add_mount', form, admin)).toBe('ACCESS_DENIED');
      expect(await server.fault('save_mount', form, admin)).toBe('ACCESS_DENIED');
      expect(await server.fault('add_mount', form, operator)).toBe('ACCESS_DENIED');
      expect(await server.fault('remove_mount', { mount_point: at }, operator)).toBe('ACCESS_DENIED');
      await mount(server, at, store);
      expect(await server.ok('list_mounts', {}, operator)).toMatchObject([{ mount_point: '/' }]);
      expect(await server.ok('get_mount', { mount_point: at }, operator)).toBeNull();
      const reader = await server.addKey({ subject: 'reader', grants: [['direct_viewer', at]] });
      expect(await server.ok('list_mounts', {}, reader)).toMatchObject([{ mount_point: '/' }, { mount_point: at }]);
    });
  });

  describe('read-through', () => {
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
      expect((await server.ok('list', { path: at })).files).toEqual(
        ['a', 'b', 'bb', 'c'].map((name) => `${at}/${name}`),
      );
    });

    test('what others put there is told as events, counts nothing, and reads of the same change nothing', async () => {
      await mount(server, at, store);
      const before = await usage();
      const from = await seq();
      await store.put('one', 'x');
      await read(`${at}/one`);
      await read(`${at}/one`);
      expect(await events(from)).toMatchObject([
        { type: 'write', path: `${at}/one`, data: { via: 'sync', version: 1 } },
      ]);
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

  describe('write-through', () => {
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
      const before = await usage();
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
      const done = await Promise.all(
        Array.from({ length: 6 }, (_, n) => server.ok('append', { path, content: `${n}` })),
      );
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
});
