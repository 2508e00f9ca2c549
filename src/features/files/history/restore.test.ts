/** tree_restore: a place of the tree becomes what it was, by new versions. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('restores', (engine) => {
  let server: TestServer;
  let zone_id: string;
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    zone_id = `restore-${++zones}`;
    await server.addZone(zone_id);
  });

  const write = (path: string, content: string, more: object = {}): Promise<unknown> =>
    server.ok('write', { zone_id, path, content, ...more });
  const now = async (): Promise<number> => (await server.ok('list', { zone_id })).revision;
  const tree = async (branch = 'main'): Promise<Record<string, unknown>> => {
    const { files } = await server.ok('list', { zone_id, path: '/', recursive: true, branch });
    return server.ok('read_bulk', { zone_id, paths: files.map(String), branch, encoding: 'utf-8' });
  };

  test('what was changed, deleted and added comes back, goes back and goes away', async () => {
    await write('/r/a', 'a1', { metadata: { k: 1 } });
    await write('/r/sub/b', 'b1');
    await write('/r/same', 's');
    const then = await now();
    const before = await tree();
    await write('/r/a', 'a2', { metadata: {} });
    await server.ok('rmdir', { zone_id, path: '/r/sub', recursive: true });
    await write('/r/new/c', 'c1');
    const changed = await tree();
    const preview = await server.ok('tree_restore', { zone_id, to: then, path: '/r', preview: true });
    expect(preview).toMatchObject({
      written: 2,
      removed: 1,
      unchanged: 1,
      directories_made: 1,
      directories_removed: 1,
    });
    expect(await tree()).toEqual(changed);
    const done = await server.ok('tree_restore', { zone_id, to: then, path: '/r' });
    expect(done).toEqual({ ...preview, revision: preview.revision + 1 });
    expect(await tree()).toEqual(before);
    expect(await server.ok('stat', { zone_id, path: '/r/a' })).toMatchObject({ version: 3, metadata: { k: 1 } });
    expect(await server.ok('stat', { zone_id, path: '/r/sub/b' })).toMatchObject({ version: 1 });
    const [version] = await server.ok('list_versions', { zone_id, path: '/r/a' });
    expect(version).toMatchObject({ change_reason: 'restore', version: 3, revision: done.revision });
    const event = await server.sql.read((tx) =>
      tx.get<{ type: string; path: string; data: string }>(
        'SELECT type, path, data FROM events WHERE zone_id = ? AND seq = ?',
        [zone_id, done.revision],
      ),
    );
    expect({ ...event, data: JSON.parse(event?.data ?? '') }).toEqual({
      type: 'write',
      path: '/r',
      data: { user_zone_id: 'root', via: 'restore', subtree: true, to: then, files: 2, removed: 1 },
    });
    expect(await server.ok('tree_restore', { zone_id, to: done.revision - 1 })).toMatchObject({
      written: 2,
      removed: 1,
    });
    expect(await tree()).toEqual(changed);
    expect(await server.ok('tree_restore', { zone_id, to: await now() })).toMatchObject({ written: 0, removed: 0 });
  });

  test('only the named place changes, and the folders above it are made again', async () => {
    await write('/a/b/c', 'c');
    await write('/a/b/d', 'd');
    const then = await now();
    await server.ok('rmdir', { zone_id, path: '/a', recursive: true });
    expect(await server.ok('tree_restore', { zone_id, to: then, path: '/a/b/c' })).toMatchObject({ written: 1 });
    expect(await tree()).toEqual({ '/a': null, '/a/b': null, '/a/b/c': 'c' });
    await server.ok('tree_restore', { zone_id, to: 0 });
    expect(await tree()).toEqual({});
    expect(await server.fault('tree_restore', { zone_id, to: 0, path: '/a' })).toBe('FILE_NOT_FOUND');
    await write('/a', 'a file in the way');
    expect(await server.fault('tree_restore', { zone_id, to: then, path: '/a/b' })).toBe('NOT_A_DIRECTORY');
  });

  test('directories where files are, and files where directories are', async () => {
    await write('/x/inner', 'inner');
    await write('/y', 'y');
    const then = await now();
    await server.ok('rmdir', { zone_id, path: '/x', recursive: true });
    await write('/x', 'x');
    await server.ok('delete', { zone_id, path: '/y' });
    await write('/y/other', 'other');
    expect(await server.ok('tree_restore', { zone_id, to: then })).toMatchObject({
      written: 2,
      removed: 2,
      directories_made: 1,
      directories_removed: 1,
      unchanged: 0,
    });
    expect(await tree()).toEqual({ '/x': null, '/x/inner': 'inner', '/y': 'y' });
  });

  test('a snapshot of a branch comes to the branch that is named', async () => {
    await write('/f', 'main');
    await server.ok('tree_branch_create', { zone_id, name: 'dev' });
    await write('/f', 'dev', { branch: 'dev' });
    await write('/g', 'dev', { branch: 'dev' });
    await server.ok('tree_snapshot_create', { zone_id, name: 'good', branch: 'dev' });
    await server.ok('delete', { zone_id, path: '/f', branch: 'dev' });
    await server.ok('tree_restore', { zone_id, to: 'good', branch: 'dev' });
    expect(await tree('dev')).toEqual({ '/f': 'dev', '/g': 'dev' });
    expect(await tree()).toEqual({ '/f': 'main' });
    await server.ok('tree_restore', { zone_id, to: 'good' });
    expect(await tree()).toEqual({ '/f': 'dev', '/g': 'dev' });
  });

  test('write is asked on every path that changes, and grants end with what is removed', async () => {
    await write('/p/a', 'a');
    await write('/p/b', 'b');
    const then = await now();
    await write('/p/a', 'a2');
    const part = await server.addKey({
      zone_id,
      grants: [
        ['direct_editor', '/p/a'],
        ['direct_editor', '/p/new'],
      ],
    });
    const read = await server.addKey({ zone_id, grants: [['direct_viewer', '/p']] });
    expect(await server.fault('tree_restore', { to: then }, read)).toBe('ACCESS_DENIED');
    expect(await server.fault('tree_restore', { to: then, path: '/elsewhere' }, part)).toBe('ACCESS_DENIED');
    expect(await server.ok('tree_restore', { to: then }, part)).toMatchObject({ written: 1 });
    await write('/p/b', 'b2');
    await write('/p/new', 'new');
    const denied = await server.rpc('tree_restore', { to: then, path: '/p' }, part);
    expect(denied.error?.data).toMatchObject({ code: 'ACCESS_DENIED', permission: 'write', path: '/p' });
    await server.ok('tree_restore', { zone_id, to: then });
    expect(await server.fault('write', { path: '/p/new', content: 'x' }, part)).toBe('ACCESS_DENIED');
    await server.ok('write', { path: '/p/a', content: 'x' }, part);
  });

  test('what may not be read is not counted, to guests neither', async () => {
    for (const path of ['/pub/a', '/pub/b', '/pub/hidden/no', '/priv/x', '/y']) await write(path, 'c');
    const to = await now();
    const key = await server.addKey({
      zone_id,
      grants: [
        ['direct_editor', '/pub/a'],
        ['direct_viewer', '/pub/b'],
      ],
    });
    await server.addZone(`${zone_id}-b`);
    const guest = await server.addKey({ zone_id: `${zone_id}-b`, subject: 'gus' });
    await server.ok('share_with_user', {
      zone_id,
      path: '/pub/a',
      relation: 'editor',
      user_id: 'gus',
      user_zone_id: `${zone_id}-b`,
    });
    const unchanged = async (path: string, by: string): Promise<number> =>
      (await server.ok('tree_restore', { to, path, preview: true }, by)).unchanged;
    expect(await unchanged('/', key)).toBe(2);
    expect(await unchanged('/pub', key)).toBe(2);
    expect(await unchanged(`/zone/${zone_id}/`, guest)).toBe(1);
    expect(await unchanged(`/zone/${zone_id}/pub`, guest)).toBe(1);
    expect((await server.ok('tree_restore', { zone_id, to, preview: true })).unchanged).toBe(5);
  });

  test('limits of the zone hold, and usage is what list adds up', async () => {
    await write('/big', 'x'.repeat(100));
    const then = await now();
    await server.ok('delete', { zone_id, path: '/big' });
    await write('/small', 'xx');
    const limit = (bytes: number): Promise<unknown> =>
      server.sql.write(zone_id, (tx) =>
        tx.run('UPDATE zones SET limits = ? WHERE zone_id = ?', [`{"max_storage_bytes":${bytes}}`, zone_id]),
      );
    await limit(50);
    expect(await server.fault('tree_restore', { zone_id, to: then })).toBe('QUOTA_EXCEEDED');
    await limit(100);
    await server.ok('tree_restore', { zone_id, to: then });
    const row = await server.sql.read((tx) =>
      tx.get('SELECT used_files AS files, used_storage_bytes AS bytes FROM zones WHERE zone_id = ?', [zone_id]),
    );
    expect({ ...row }).toEqual({ files: 1, bytes: 100 });
  });

  test('over REST; to what never was', async () => {
    await write('/f', 'one');
    const then = await now();
    await write('/f', 'two');
    const answer = await server.http('/api/v2/tree/restore', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-nexus-zone-id': zone_id },
      body: JSON.stringify({ to: then }),
    });
    expect(await answer.json()).toMatchObject({ written: 1, removed: 0, unchanged: 0 });
    expect(await server.fault('tree_restore', { zone_id, to: 'never' })).toBe('SNAPSHOT_NOT_FOUND');
    expect(await server.fault('tree_restore', { zone_id, to: 10_000 })).toBe('INVALID_PARAMS');
    expect(await server.fault('tree_restore', { zone_id })).toBe('INVALID_PARAMS');
    const left = await server.sql.read((tx) => tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM tree_plans'));
    expect(left?.n).toBe(0);
  });
});
