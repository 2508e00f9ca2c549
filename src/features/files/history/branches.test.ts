/** Branches: made, listed, written on and deleted. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('branches', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.ok('write', { path: '/b/a', content: 'a' });
  });
  afterAll(() => server.stop());

  const used = async () => {
    const row = await server.sql.read((tx) =>
      tx.get<{ files: number; bytes: number }>(
        "SELECT used_files AS files, used_storage_bytes AS bytes FROM zones WHERE zone_id = 'root'",
      ),
    );
    return { ...row };
  };
  const listed = async (view: object): Promise<unknown> => (await server.ok('list', { path: '/b', ...view })).files;

  test('what is changed on one shows there only, and counts until it is deleted', async () => {
    const { revision } = await server.ok('list', {});
    const before = await used();
    const made = await server.ok('tree_branch_create', { name: 'dev' });
    expect(made).toMatchObject({ name: 'dev', parent: 'main', base_revision: revision, created_by: 'admin' });
    expect(await used()).toEqual(before);
    await server.ok('write', { path: '/b/new', content: '12345', branch: 'dev' });
    await server.ok('delete', { path: '/b/a', branch: 'dev' });
    expect(await listed({ branch: 'dev' })).toEqual(['/b/new']);
    expect(await listed({})).toEqual(['/b/a']);
    expect(await used()).toEqual({ files: (before.files ?? 0) + 1, bytes: (before.bytes ?? 0) + 5 });
    const header = await server.http('/api/v2/files/b/new', { headers: { 'x-nexus-branch': 'dev' } });
    expect(await header.text()).toBe('12345');
    const events = await server.sql.read((tx) =>
      tx.all<{ type: string }>("SELECT type FROM events WHERE branch = 'dev'"),
    );
    expect(events.map(({ type }) => type).toSorted()).toEqual(['delete', 'tree_branch.created', 'write']);
    expect(await server.ok('tree_branch_delete', { name: 'dev' })).toEqual({ deleted: true });
    expect(await used()).toEqual(before);
    expect(await server.fault('list', { path: '/b', branch: 'dev' })).toBe('BRANCH_NOT_FOUND');
    expect(await server.fault('tree_branch_delete', { name: 'dev' })).toBe('BRANCH_NOT_FOUND');
  });

  test.each(['rename', 'copy'] as const)(
    'what was removed on one stays removed where a %s takes its place',
    async (method) => {
      const zone_id = `removed-${method}`;
      await server.addZone(zone_id);
      for (const path of ['/d/kept', '/d/sub/gone', '/d/gone', '/e/kept', '/f']) {
        await server.ok('write', { zone_id, path, content: path });
      }
      const on = { zone_id, branch: 'dev' };
      const all = async (): Promise<unknown> => (await server.ok('list', { ...on, path: '/', recursive: true })).files;
      const take = (from: string, to: string): Promise<unknown> =>
        method === 'rename'
          ? server.ok('rename', { ...on, old_path: from, new_path: to })
          : server.ok('copy', { ...on, src_path: from, dst_path: to, recursive: true });
      await server.ok('tree_branch_create', { zone_id, name: 'dev' });
      await server.ok('rmdir', { ...on, path: '/d', recursive: true });
      await take('/e', '/d');
      const left = method === 'rename' ? [] : ['/e', '/e/kept'];
      expect(await all()).toEqual(['/d', '/d/kept', ...left, '/f']);
      await server.ok('rmdir', { ...on, path: '/d', recursive: true });
      await take('/f', '/d');
      expect(await all()).toEqual(['/d', ...left, ...(method === 'rename' ? [] : ['/f'])]);
    },
  );

  test('a name is free again, and the new branch has nothing of the old one', async () => {
    await server.ok('tree_branch_create', { name: 'again' });
    await server.ok('write', { path: '/b/old', content: 'old', branch: 'again' });
    await server.ok('tree_branch_delete', { name: 'again' });
    await server.ok('tree_branch_create', { name: 'again' });
    expect(await listed({ branch: 'again' })).toEqual(['/b/a']);
    await server.ok('tree_branch_delete', { name: 'again' });
  });

  test('from a revision, from a snapshot, and from another branch', async () => {
    const { revision } = await server.ok('list', {});
    await server.ok('tree_snapshot_create', { name: 'start' });
    await server.ok('write', { path: '/b/later', content: 'later' });
    await server.ok('tree_branch_create', { name: 'past', from: revision });
    await server.ok('tree_branch_create', { name: 'named', from: 'start' });
    await server.ok('write', { path: '/b/deep', content: 'deep', branch: 'past' });
    const child = await server.ok('tree_branch_create', { name: 'child', branch: 'past' });
    expect(child.parent).toBe('past');
    expect(await listed({ branch: 'past' })).toEqual(['/b/a', '/b/deep']);
    expect(await listed({ branch: 'named' })).toEqual(['/b/a']);
    expect(await listed({ branch: 'child' })).toEqual(['/b/a', '/b/deep']);
    const list = await server.ok('tree_branch_list', {});
    expect(list.branches.map(({ name, parent }) => [name, parent])).toEqual([
      ['child', 'past'],
      ['named', 'main'],
      ['past', 'main'],
    ]);
    const page = await server.ok('tree_branch_list', { limit: 2 });
    expect(page.has_more).toBe(true);
    const rest = await server.ok('tree_branch_list', { cursor: page.next_cursor ?? '' });
    expect(rest.branches.map(({ name }) => name)).toEqual(['past']);
    expect(rest.has_more).toBe(false);
  });

  test('one that is still needed is not deleted, nor is main', async () => {
    const parent = await server.rpc('tree_branch_delete', { name: 'past' });
    expect(parent.error?.data).toMatchObject({ code: 'CONFLICT', reason: 'HAS_BRANCHES', branches: ['child'] });
    await server.ok('tree_snapshot_create', { name: 'of child', branch: 'child' });
    const kept = await server.rpc('tree_branch_delete', { name: 'child' });
    expect(kept.error?.data).toMatchObject({ code: 'CONFLICT', reason: 'HAS_SNAPSHOTS', snapshots: ['of child'] });
    await server.ok('tree_snapshot_delete', { id: 'of child' });
    for (const name of ['child', 'past', 'named']) await server.ok('tree_branch_delete', { name });
    expect(await server.fault('tree_branch_delete', { name: 'main' })).toBe('INVALID_PARAMS');
  });

  test('names, depth and rights', async () => {
    for (const name of ['', '-a', 'a-', 'A', 'a_b', 'a'.repeat(64)]) {
      expect(await server.fault('tree_branch_create', { name })).toBe('INVALID_PARAMS');
    }
    for (const name of ['main', 'x']) {
      if (name === 'x') await server.ok('tree_branch_create', { name });
      expect(await server.fault('tree_branch_create', { name })).toBe('ALREADY_EXISTS');
    }
    const most = server.config.limits.BRANCH_DEPTH;
    for (let depth = 1; depth < most; depth++) {
      await server.ok('tree_branch_create', { name: `x${depth}`, branch: depth === 1 ? 'x' : `x${depth - 1}` });
    }
    const deepest = `x${most - 1}`;
    const deeper = await server.rpc('tree_branch_create', { name: 'too-deep', branch: deepest });
    expect(deeper.error?.data).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'BRANCH_DEPTH', maximum: most });
    await server.ok('write', { path: '/b/bottom', content: 'x', branch: deepest });
    expect(await listed({ branch: deepest })).toEqual(['/b/a', '/b/bottom', '/b/later']);
    const some = await server.addKey({ grants: [['direct_owner', '/b']] });
    expect(await server.fault('tree_branch_create', { name: 'y' }, some)).toBe('ACCESS_DENIED');
    expect(await server.fault('tree_branch_delete', { name: 'x' }, some)).toBe('ACCESS_DENIED');
    await server.ok('write', { path: '/b/by-grant', content: 'x', branch: 'x' }, some);
    expect(await server.fault('write', { path: '/c', content: 'x', branch: 'x' }, some)).toBe('ACCESS_DENIED');
  });
});
