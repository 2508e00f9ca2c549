/** Mounts of a zone: what they are, who may do what with them, saved ones (platform.md §4.1). */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, newStore, type Store, withMounts } from '../../../test/mounting.ts';

forEachEngine('mounts', (engine) => {
  const { now, read, glob } = withMounts(engine);
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });

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

  test('the root mount is found at its path, as it stands or escaped', async () => {
    const [root] = await server.ok('list_mounts');
    for (const path of ['at/', 'at', 'at//', 'at/%2F', 'at/%2f/']) {
      const answer = await server.http(`/api/v2/mounts/${path}`);
      expect([path, answer.status, await answer.json()]).toEqual([path, 200, root]);
      const removed = await server.http(`/api/v2/mounts/${path}`, { method: 'DELETE' });
      expect([path, removed.status, await removed.json()]).toMatchObject([
        path,
        409,
        { error: { code: 'CONFLICT', data: { reason: 'ROOT_MOUNT' } } },
      ]);
    }
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
      `${tmpdir()}/../etc`,
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
    await mount(server, at, { ...store, readonly: true });
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
