/** The first calls a newcomer makes: write, read, list, and a look from a key with one grant. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

test('a file that was written is read, listed and described', async () => {
  const written = await server.ok('write', { path: '/a/b.txt', content: 'hello' });
  expect(written).toMatchObject({ path: '/a/b.txt', version: 1, size: 5, created: true });
  expect(await server.ok('read', { path: '/a/b.txt', encoding: 'utf-8' })).toBe('hello');
  expect((await server.ok('list', { path: '/', recursive: true })).files).toEqual(['/a', '/a/b.txt']);
  expect((await server.ok('stat', { path: '/a/b.txt' })).etag).toBe(written.etag);
});

test('a key sees what it was granted, and is denied the rest before existence', async () => {
  await server.ok('write', { path: '/mine/x.txt', content: 'x' });
  const key = await server.addKey({ grants: [['direct_viewer', '/mine']] });
  expect(await server.ok('read', { path: '/mine/x.txt', encoding: 'utf-8' }, key)).toBe('x');
  expect(await server.fault('write', { path: '/mine/x.txt', content: 'y' }, key)).toBe('ACCESS_DENIED');
  expect(await server.fault('read', { path: '/a/b.txt' }, key)).toBe('ACCESS_DENIED');
  expect(await server.fault('read', { path: '/nowhere' }, key)).toBe('ACCESS_DENIED');
  expect((await server.ok('list', { path: '/' }, key)).files).toEqual(['/mine']);
});
