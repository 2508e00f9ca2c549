/** tree_merge: three-way by content, path by path; conflicts are told, and settled as asked. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('merges', (engine) => {
  let server: TestServer;
  let zone_id: string;
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());
  /** Each test has a zone with a few files and a branch `dev` of them. */
  beforeEach(async () => {
    zone_id = `merge-${++zones}`;
    await server.addZone(zone_id);
    for (const name of ['a', 'b', 'c']) await server.ok('write', { zone_id, path: `/m/${name}`, content: name });
    await server.ok('tree_branch_create', { zone_id, name: 'dev' });
  });

  const write = (path: string, content: string, branch = 'main'): Promise<unknown> =>
    server.ok('write', { zone_id, path, content, branch });
  const remove = (path: string, branch = 'main'): Promise<unknown> => server.ok('delete', { zone_id, path, branch });
  const tree = async (branch = 'main'): Promise<Record<string, unknown>> => {
    const { files } = await server.ok('list', { zone_id, path: '/', recursive: true, branch });
    return server.ok('read_bulk', { zone_id, paths: files.map(String), branch, encoding: 'utf-8' });
  };
  const conflicts = async (params: object = {}): Promise<unknown> => {
    const { error } = await server.rpc('tree_merge', { zone_id, branch: 'dev', ...params });
    expect(error?.data.code).toBe('MERGE_CONFLICT');
    return error?.data.conflicts;
  };
  const etag = async (path: string, branch = 'main'): Promise<string | null> =>
    (await server.ok('stat', { zone_id, path, branch })).etag;

  test('what one side changed is taken, what both changed alike is no conflict', async () => {
    await write('/m/a', 'theirs', 'dev');
    await write('/m/new/deep', 'new', 'dev');
    await remove('/m/b', 'dev');
    await write('/m/c', 'both', 'dev');
    await write('/m/c', 'both');
    await write('/m/ours', 'ours');
    const preview = await server.ok('tree_merge', { zone_id, branch: 'dev', preview: true });
    expect(preview).toMatchObject({ merged: false, written: 2, removed: 1, directories_made: 1, conflicts: [] });
    const merged = await server.ok('tree_merge', { zone_id, branch: 'dev' });
    expect(merged).toEqual({ ...preview, merged: true, revision: preview.revision + 1 });
    expect(await tree()).toEqual({
      '/m': null,
      '/m/a': 'theirs',
      '/m/c': 'both',
      '/m/new': null,
      '/m/new/deep': 'new',
      '/m/ours': 'ours',
    });
    const [version] = await server.ok('list_versions', { zone_id, path: '/m/a' });
    expect(version).toMatchObject({ version: 2, change_reason: 'merge' });
    expect(await server.ok('stat', { zone_id, path: '/m/new/deep' })).toMatchObject({ version: 1 });
    const event = await server.sql.read((tx) =>
      tx.get<{ type: string; path: string; data: string }>(
        'SELECT type, path, data FROM events WHERE zone_id = ? AND seq = ?',
        [zone_id, merged.revision],
      ),
    );
    expect({ ...event, data: JSON.parse(event?.data ?? '') }).toEqual({
      type: 'write',
      path: '/',
      data: { user_zone_id: 'root', via: 'merge', subtree: true, from: 'dev', files: 2, removed: 1 },
    });
  });

  test('changed differently, deleted and changed, made differently: conflicts, and nothing changes', async () => {
    await write('/m/a', 'theirs', 'dev');
    await write('/m/a', 'ours');
    await remove('/m/b', 'dev');
    await write('/m/b', 'ours too');
    await write('/m/c', 'theirs too', 'dev');
    await remove('/m/c');
    await write('/m/d', 'one', 'dev');
    await write('/m/d', 'other');
    await write('/m/clean', 'clean', 'dev');
    const before = await tree();
    const dev = { a: await etag('/m/a', 'dev'), c: await etag('/m/c', 'dev'), d: await etag('/m/d', 'dev') };
    const { revision } = await server.ok('tree_snapshot_create', { zone_id });
    const base = await server.ok('tree_diff', { zone_id, from: 0, to: 3 });
    const [a, b, c] = base.changes.filter(({ to }) => to?.type === 'file').map(({ to }) => to?.etag);
    expect(await conflicts()).toEqual([
      { path: '/m/a', base: a, ours: await etag('/m/a'), theirs: dev.a },
      { path: '/m/b', base: b, ours: await etag('/m/b'), theirs: null },
      { path: '/m/c', base: c, ours: null, theirs: dev.c },
      { path: '/m/d', base: null, ours: await etag('/m/d'), theirs: dev.d },
    ]);
    expect(await tree()).toEqual(before);
    expect(revision).toBeGreaterThan(0);
    const preview = await server.ok('tree_merge', { zone_id, branch: 'dev', preview: true });
    expect(preview.conflicts).toHaveLength(4);
    expect(preview).toMatchObject({ merged: false, written: 1, removed: 0 });
    const ours = await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'ours' });
    expect(ours).toMatchObject({ merged: true, written: 1, removed: 0 });
    expect(ours.conflicts).toHaveLength(4);
    expect(await tree()).toEqual({ ...before, '/m/clean': 'clean' });
    // What was settled is settled: the next merge begins where this one ended.
    expect(await server.ok('tree_merge', { zone_id, branch: 'dev' })).toMatchObject({ merged: true, written: 0 });
  });

  test('theirs takes the branch, deletions too', async () => {
    await write('/m/a', 'theirs', 'dev');
    await write('/m/a', 'ours');
    await remove('/m/b', 'dev');
    await write('/m/b', 'ours too');
    const merged = await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'theirs' });
    expect(merged).toMatchObject({ written: 1, removed: 1 });
    expect(await tree()).toEqual({ '/m': null, '/m/a': 'theirs', '/m/c': 'c' });
  });

  test('a file here and a directory there', async () => {
    await remove('/m/a', 'dev');
    await write('/m/a/inner', 'inner', 'dev');
    await write('/m/a', 'ours');
    expect(await conflicts()).toMatchObject([{ path: '/m/a', ours: await etag('/m/a'), theirs: 'directory' }]);
    await server.ok('tree_branch_create', { zone_id, name: 'keep' });
    expect(await server.ok('tree_merge', { zone_id, branch: 'dev', into: 'keep', strategy: 'ours' })).toMatchObject({
      written: 0,
    });
    expect(await tree('keep')).toEqual(await tree());
    await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'theirs' });
    expect(await tree()).toMatchObject({ '/m/a': null, '/m/a/inner': 'inner' });
  });

  test('a file in the place of a directory in which something was added', async () => {
    await write('/m/dir/x', 'x', 'dev');
    await server.ok('tree_merge', { zone_id, branch: 'dev' });
    await server.ok('rmdir', { zone_id, path: '/m/dir', recursive: true, branch: 'dev' });
    await write('/m/dir', 'now a file', 'dev');
    await write('/m/dir/y', 'added');
    expect(await conflicts()).toEqual([
      { path: '/m/dir', base: 'directory', ours: 'directory', theirs: await etag('/m/dir', 'dev') },
    ]);
    await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'theirs' });
    expect(await tree()).toMatchObject({ '/m/dir': 'now a file' });
    expect(await tree()).not.toHaveProperty('/m/dir/y');
  });

  test('a directory that was removed stays where something was added in it', async () => {
    await write('/m/dir/x', 'x', 'dev');
    await server.ok('tree_merge', { zone_id, branch: 'dev' });
    await server.ok('rmdir', { zone_id, path: '/m/dir', recursive: true, branch: 'dev' });
    await write('/m/dir/y', 'added');
    expect(await server.ok('tree_merge', { zone_id, branch: 'dev' })).toMatchObject({
      removed: 1,
      directories_removed: 0,
    });
    expect(await tree()).toMatchObject({ '/m/dir': null, '/m/dir/y': 'added' });
  });

  test('main comes to a branch, and the branch goes back without a false conflict', async () => {
    await write('/m/a', 'main 1');
    await write('/m/b', 'dev 1', 'dev');
    await server.ok('tree_merge', { zone_id, branch: 'main', into: 'dev' });
    expect(await tree('dev')).toMatchObject({ '/m/a': 'main 1', '/m/b': 'dev 1' });
    await write('/m/a', 'main 2');
    await server.ok('tree_merge', { zone_id, branch: 'dev' });
    expect(await tree()).toMatchObject({ '/m/a': 'main 2', '/m/b': 'dev 1' });
  });

  test('a branch that began before the one it grew from takes what came in between', async () => {
    const { revision } = await server.ok('stat', { zone_id, path: '/m/c' });
    await write('/m/a', 'later');
    await server.ok('tree_branch_create', { zone_id, name: 'late' });
    await server.ok('tree_branch_create', { zone_id, name: 'early', branch: 'late', from: revision ?? 0 });
    expect(await tree('early')).toMatchObject({ '/m/a': 'a' });
    const merged = await server.ok('tree_merge', { zone_id, branch: 'late', into: 'early' });
    expect(merged).toMatchObject({ written: 1, removed: 0, conflicts: [] });
    expect(await tree('early')).toMatchObject({ '/m/a': 'later' });
  });

  test('metadata comes along, alone too', async () => {
    await server.ok('set_metadata', { zone_id, path: '/m/a', metadata: { k: 1 }, branch: 'dev' });
    await server.ok('write', { zone_id, path: '/m/b', content: 'theirs', metadata: { k: 2 }, branch: 'dev' });
    await server.ok('set_metadata', { zone_id, path: '/m/c', metadata: { k: 3 } });
    await write('/m/c', 'theirs', 'dev');
    await server.ok('tree_merge', { zone_id, branch: 'dev' });
    const { files } = await server.ok('list', { zone_id, path: '/m', details: true });
    expect(files.map((file) => (typeof file === 'string' ? file : file.metadata))).toEqual([
      { k: 1 },
      { k: 2 },
      { k: 3 },
    ]);
    expect(await tree()).toMatchObject({ '/m/a': 'a', '/m/b': 'theirs', '/m/c': 'theirs' });
  });

  test('of a file that both made, theirs takes all of it', async () => {
    await server.ok('write', { zone_id, path: '/m/new', content: 'ours', metadata: { k: 1 } });
    await write('/m/new', 'theirs', 'dev');
    await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'theirs' });
    expect(await server.ok('stat', { zone_id, path: '/m/new' })).toMatchObject({ size: 6, metadata: {} });
  });

  test('write is asked on every path that changes, and grants go with what is removed from main', async () => {
    const part = await server.addKey({
      zone_id,
      grants: [
        ['direct_editor', '/m/a'],
        ['direct_editor', '/m/b'],
      ],
    });
    const none = await server.addKey({ zone_id, grants: [['direct_viewer', '/m']] });
    await write('/m/a', 'theirs', 'dev');
    expect(await server.fault('tree_merge', { branch: 'dev' }, none)).toBe('ACCESS_DENIED');
    expect(await server.ok('tree_merge', { branch: 'dev' }, part)).toMatchObject({ written: 1 });
    await remove('/m/b', 'dev');
    await write('/m/c', 'theirs', 'dev');
    const denied = await server.rpc('tree_merge', { branch: 'dev' }, part);
    expect(denied.error?.data).toMatchObject({ code: 'ACCESS_DENIED', path: '/' });
    await server.ok('tree_merge', { zone_id, branch: 'dev' });
    expect(await server.fault('write', { path: '/m/b', content: 'x' }, part)).toBe('ACCESS_DENIED');
    expect(await server.ok('write', { path: '/m/a', content: 'x' }, part)).toMatchObject({ version: 3 });
  });

  test('limits of the zone hold', async () => {
    await write('/m/big', 'x'.repeat(100), 'dev');
    await server.sql.write(zone_id, (tx) =>
      tx.run('UPDATE zones SET limits = \'{"max_storage_bytes": 150}\' WHERE zone_id = ?', [zone_id]),
    );
    expect(await server.fault('tree_merge', { zone_id, branch: 'dev' })).toBe('QUOTA_EXCEEDED');
    expect(await tree()).not.toHaveProperty('/m/big');
  });

  test('over REST; into itself, into nothing, from nothing', async () => {
    await write('/m/a', 'theirs', 'dev');
    const headers = { 'content-type': 'application/json', 'x-nexus-zone-id': zone_id };
    const answer = await server.http('/api/v2/tree/branches/dev/merge', { method: 'POST', headers, body: '{}' });
    expect(await answer.json()).toMatchObject({ merged: true, written: 1 });
    expect(await server.fault('tree_merge', { zone_id, branch: 'dev', into: 'dev' })).toBe('INVALID_PARAMS');
    expect(await server.fault('tree_merge', { zone_id, branch: 'dev', into: 'none' })).toBe('BRANCH_NOT_FOUND');
    expect(await server.fault('tree_merge', { zone_id, branch: 'none' })).toBe('BRANCH_NOT_FOUND');
    expect(await server.fault('tree_merge', { zone_id, branch: 'dev', strategy: 'guess' })).toBe('INVALID_PARAMS');
  });
});
