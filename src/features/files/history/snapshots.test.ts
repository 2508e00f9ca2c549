/** Snapshots: a name for a revision, seen by who may read its path. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('snapshots', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.ok('write', { path: '/s/a', content: 'a' });
  });
  afterAll(() => server.stop());

  test('one is made, found by id and name, listed and deleted', async () => {
    const { revision } = await server.ok('stat', { path: '/s/a' });
    const made = await server.ok('tree_snapshot_create', { name: 'one', path: '/s/', description: 'why' });
    expect(made).toMatchObject({
      name: 'one',
      revision,
      path: '/s',
      branch: 'main',
      description: 'why',
      created_by: 'admin',
    });
    expect(await server.ok('tree_snapshot_get', { id: made.snapshot_id })).toEqual(made);
    expect(await server.ok('tree_snapshot_get', { id: 'one' })).toEqual(made);
    expect((await server.ok('tree_snapshot_list', {})).snapshots).toEqual([made]);
    expect(await server.fault('tree_snapshot_create', { name: 'one' })).toBe('ALREADY_EXISTS');
    expect(await server.fault('tree_snapshot_create', { name: made.snapshot_id })).toBe('ALREADY_EXISTS');
    expect(await server.ok('tree_snapshot_delete', { id: 'one' })).toEqual({ deleted: true });
    expect(await server.fault('tree_snapshot_get', { id: made.snapshot_id })).toBe('SNAPSHOT_NOT_FOUND');
    expect(await server.fault('tree_snapshot_delete', { id: 'one' })).toBe('SNAPSHOT_NOT_FOUND');
  });

  test.each(['12', '2026-01-01', '2026-01-01T00:00:00Z', '', ' x', 'a\nb'])('%j is no name', async (name) => {
    expect(await server.fault('tree_snapshot_create', { name })).toBe('INVALID_PARAMS');
  });

  test('over REST, and of a branch', async () => {
    await server.ok('tree_branch_create', { name: 'side' });
    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'by rest' });
    const headers = { ...json, 'x-nexus-branch': 'side' };
    const made = await server.http('/api/v2/tree/snapshots', { method: 'POST', body, headers });
    expect(made.status).toBe(201);
    const object = await made.json();
    expect(object).toMatchObject({ name: 'by rest', branch: 'side' });
    const found = await server.http('/api/v2/tree/snapshots/by%20rest');
    expect(await found.json()).toEqual(object);
    const listed = await server.http('/api/v2/tree/snapshots?limit=1');
    expect(await listed.json()).toEqual({ snapshots: [object], has_more: false, next_cursor: null });
    const gone = await server.http('/api/v2/tree/snapshots/by%20rest', { method: 'DELETE' });
    expect(await gone.json()).toEqual({ deleted: true });
    expect((await server.http('/api/v2/tree/snapshots/by%20rest')).status).toBe(404);
  });

  test('the newest first, in pages', async () => {
    for (const name of ['p1', 'p2', 'p3']) await server.ok('tree_snapshot_create', { name });
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof onePage>> = await onePage(cursor);
      expect(page.snapshots).toHaveLength(1);
      names.push(...page.snapshots.map(({ name }) => name));
      cursor = page.next_cursor;
    } while (cursor);
    expect(names.toSorted()).toEqual(['p1', 'p2', 'p3']);
    expect(await server.fault('tree_snapshot_list', { cursor: 'none of ours' })).toBe('INVALID_CURSOR');
  });
  const onePage = (cursor: string | null) =>
    server.ok('tree_snapshot_list', { limit: 1, ...(cursor ? { cursor } : {}) });

  test('only who may read the path sees one; its maker deletes it, and who may write there', async () => {
    await server.ok('write', { path: '/t/a', content: 'a' });
    const reader = await server.addKey({ grants: [['direct_viewer', '/s']] });
    const writer = await server.addKey({ grants: [['direct_editor', '/s']] });
    const stranger = await server.addKey({ grants: [['direct_editor', '/t']] });
    const mine = await server.ok('tree_snapshot_create', { name: 'mine', path: '/s' }, reader);
    expect(await server.fault('tree_snapshot_create', { path: '/' }, reader)).toBe('ACCESS_DENIED');
    expect(await server.fault('tree_snapshot_get', { id: 'mine' }, stranger)).toBe('SNAPSHOT_NOT_FOUND');
    expect(await server.fault('tree_snapshot_delete', { id: 'mine' }, stranger)).toBe('SNAPSHOT_NOT_FOUND');
    expect((await server.ok('tree_snapshot_list', {}, stranger)).snapshots).toEqual([]);
    // Nor does a view of the past tell that there is one.
    for (const as_of of ['mine', mine.snapshot_id]) {
      expect(await server.fault('list', { path: '/t', as_of }, stranger)).toBe('SNAPSHOT_NOT_FOUND');
      expect(await server.fault('tree_restore', { path: '/t', to: as_of }, stranger)).toBe('SNAPSHOT_NOT_FOUND');
      expect((await server.ok('list', { path: '/s', as_of }, reader)).files).not.toEqual([]);
    }
    expect((await server.ok('tree_snapshot_list', {}, writer)).snapshots).toEqual([mine]);
    await server.ok('tree_snapshot_create', { name: 'theirs', path: '/s' });
    expect(await server.fault('tree_snapshot_delete', { id: 'theirs' }, reader)).toBe('ACCESS_DENIED');
    await server.ok('tree_snapshot_delete', { id: 'mine' }, reader);
    await server.ok('tree_snapshot_delete', { id: 'theirs' }, writer);
  });
});
