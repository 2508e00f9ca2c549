/** tree_diff: what changed between two moments, told once and in order. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('differences', (engine) => {
  let server: TestServer;
  let from: number;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    for (const name of ['changed', 'deleted', 'moved', 'same', 'described', 'rewritten']) {
      await server.ok('write', { path: `/d/${name}`, content: name });
    }
    await server.ok('mkdir', { path: '/d/empty' });
    await server.ok('write', { path: '/d/old/deep/x', content: 'x' });
    from = (await server.ok('list', {})).revision;
    await server.ok('write', { path: '/d/changed', content: 'other' });
    await server.ok('delete', { path: '/d/deleted' });
    await server.ok('rename', { old_path: '/d/moved', new_path: '/d/here' });
    await server.ok('write', { path: '/d/here', content: 'moved and changed' });
    await server.ok('set_metadata', { path: '/d/described', metadata: { k: 1 } });
    await server.ok('write', { path: '/d/rewritten', content: 'rewritten' });
    await server.ok('rmdir', { path: '/d/empty' });
    await server.ok('rename', { old_path: '/d/old', new_path: '/d/new' });
    await server.ok('write', { path: '/d/added', content: 'added' });
    await server.ok('delete', { path: '/d/same' });
    await server.ok('tree_restore', { to: from, path: '/d/same' });
  });
  afterAll(() => server.stop());

  const brief = async (params: { from: number; to?: number; path?: string }, key?: string): Promise<unknown> =>
    (await server.ok('tree_diff', params, key)).changes.map(({ path, change, old_path }) =>
      old_path === undefined ? [path, change] : [path, change, old_path],
    );

  const forth = [
    ['/d/added', 'added'],
    ['/d/changed', 'modified'],
    ['/d/deleted', 'removed'],
    ['/d/described', 'modified'],
    ['/d/empty', 'removed'],
    ['/d/here', 'renamed', '/d/moved'],
    ['/d/new', 'renamed', '/d/old'],
    ['/d/new/deep', 'renamed', '/d/old/deep'],
    ['/d/new/deep/x', 'renamed', '/d/old/deep/x'],
  ];

  test('each change has one entry, in path order; what came back has none', async () => {
    expect(await brief({ from })).toEqual(forth);
    expect(await brief({ from, path: '/d/here' })).toEqual([['/d/here', 'added']]);
    expect(await brief({ from, path: '/d/new' })).toEqual([
      ['/d/new', 'added'],
      ['/d/new/deep', 'added'],
      ['/d/new/deep/x', 'added'],
    ]);
  });

  test('and back', async () => {
    const now = (await server.ok('list', {})).revision;
    expect(await brief({ from: now, to: from })).toEqual([
      ['/d/added', 'removed'],
      ['/d/changed', 'modified'],
      ['/d/deleted', 'added'],
      ['/d/described', 'modified'],
      ['/d/empty', 'added'],
      ['/d/moved', 'renamed', '/d/here'],
      ['/d/old', 'renamed', '/d/new'],
      ['/d/old/deep', 'renamed', '/d/new/deep'],
      ['/d/old/deep/x', 'renamed', '/d/new/deep/x'],
    ]);
    expect(await brief({ from: now, to: now })).toEqual([]);
  });

  test('both sides are described', async () => {
    const { changes } = await server.ok('tree_diff', { from });
    const of = (path: string) => changes.find((change) => change.path === path);
    const { etag } = await server.ok('stat', { path: '/d/changed' });
    expect(of('/d/changed')).toMatchObject({
      from: { type: 'file', size: 7, version: 1 },
      to: { etag, size: 5, version: 2 },
    });
    expect(of('/d/here')).toMatchObject({ from: { size: 5, version: 1 }, to: { size: 17, version: 2 } });
    expect(of('/d/added')).not.toHaveProperty('from');
    expect(of('/d/deleted')).not.toHaveProperty('to');
    expect(of('/d/empty')?.from).toEqual({ type: 'directory', etag: null, size: 0, version: null });
  });

  test('pages hold the same, and keep to the revision of the first', async () => {
    const found: unknown[] = [];
    let page = await server.ok('tree_diff', { from, limit: 2 });
    await server.ok('write', { path: '/d/zz-later', content: 'later' });
    for (;;) {
      found.push(...page.changes.map(({ path }) => path));
      if (!page.next_cursor) break;
      expect(page.changes).toHaveLength(2);
      page = await server.ok('tree_diff', { cursor: page.next_cursor, limit: 2 });
    }
    expect(found).toEqual(forth.map(([path]) => path));
    const { next_cursor: cursor } = await server.ok('tree_diff', { from, limit: 2 });
    expect(await server.fault('tree_diff', { cursor, path: '/d' })).toBe('INVALID_CURSOR');
    expect(await server.fault('tree_diff', { cursor, from: from + 1 })).toBe('INVALID_CURSOR');
    expect(await server.fault('tree_diff', {})).toBe('INVALID_PARAMS');
    const rest = await server.http(`/api/v2/tree/diff?from=${from}&path=/d/added`);
    expect(await rest.json()).toMatchObject({ changes: [{ path: '/d/added', change: 'added' }], has_more: false });
    await server.ok('delete', { path: '/d/zz-later' });
  });

  test('only what the caller may read is told, and a move by its readable end', async () => {
    const here = await server.addKey({ grants: [['direct_viewer', '/d/here']] });
    expect(await brief({ from }, here)).toEqual([['/d/here', 'added']]);
    expect(await server.fault('tree_diff', { from, path: '/d/added' }, here)).toBe('ACCESS_DENIED');
    const none = await server.addKey({});
    expect(await server.fault('tree_diff', { from }, none)).toBe('ACCESS_DENIED');
  });

  test('a branch is compared with what it grew from', async () => {
    const { base_revision } = await server.ok('tree_branch_create', { name: 'side' });
    await server.ok('write', { path: '/d/changed', content: 'on the side', branch: 'side' });
    await server.ok('delete', { path: '/d/added', branch: 'side' });
    const { changes } = await server.ok('tree_diff', { from: base_revision, branch: 'side' });
    expect(changes.map(({ path, change }) => [path, change])).toEqual([
      ['/d/added', 'removed'],
      ['/d/changed', 'modified'],
    ]);
  });
});
