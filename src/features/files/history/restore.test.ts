/** tree_restore: a place of the tree becomes what it was, by new versions. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const revision = async (): Promise<number> => (await server.ok('list', { path: '/' })).revision;
const text = (path: string, more: object = {}): Promise<string> =>
  server.ok('read', { path, encoding: 'utf-8', ...more });

test('what was changed, deleted and added comes back, goes back and goes away', async () => {
  await server.ok('write', { path: '/r/a', content: 'a1', metadata: { k: 1 } });
  await server.ok('write', { path: '/r/sub/b', content: 'b1' });
  await server.ok('write', { path: '/r/same', content: 's' });
  const then = await revision();
  await server.ok('write', { path: '/r/a', content: 'a2', metadata: {} });
  await server.ok('rmdir', { path: '/r/sub', recursive: true });
  await server.ok('write', { path: '/r/new/c', content: 'c1' });
  const preview = await server.ok('tree_restore', { to: then, path: '/r', preview: true });
  expect(preview).toMatchObject({ written: 2, removed: 1, unchanged: 1 });
  expect(await text('/r/a')).toBe('a2');
  const done = await server.ok('tree_restore', { to: then, path: '/r' });
  expect(done).toEqual({ ...preview, revision: preview.revision + 1, directories_made: 1, directories_removed: 1 });
  expect((await server.ok('list', { path: '/r', recursive: true })).files).toEqual([
    '/r/a',
    '/r/same',
    '/r/sub',
    '/r/sub/b',
  ]);
  expect(await server.ok('stat', { path: '/r/a' })).toMatchObject({ version: 3, metadata: { k: 1 } });
  expect(await server.ok('stat', { path: '/r/sub/b' })).toMatchObject({ version: 1 });
  expect((await server.ok('list_versions', { path: '/r/a' }))[0]).toMatchObject({
    change_reason: 'restore',
    version: 3,
  });
});
