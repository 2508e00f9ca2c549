/** What a write or delete may ask of the state that it changes, over JSON-RPC. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

const OLD = createHash('sha256').update('old').digest('hex');

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

test.each([
  [{ if_match: OLD }, 'ok', 'ETAG_MISMATCH'],
  [{ if_match: `"${OLD}"` }, 'ok', 'ETAG_MISMATCH'],
  [{ if_match: ['x', `"${OLD}"`] }, 'ok', 'ETAG_MISMATCH'],
  [{ if_match: '*' }, 'ok', 'ETAG_MISMATCH'],
  [{ if_match: 'x' }, 'ETAG_MISMATCH', 'ETAG_MISMATCH'],
  [{ if_match: [] }, 'ETAG_MISMATCH', 'ETAG_MISMATCH'],
  [{ if_none_match: true }, 'ALREADY_EXISTS', 'ok'],
  [{ if_none_match: '*' }, 'ALREADY_EXISTS', 'ok'],
  [{ if_none_match: false }, 'ok', 'ok'],
  [{ if_none_match: OLD }, 'ETAG_MISMATCH', 'ok'],
  [{ if_none_match: ['x', OLD] }, 'ETAG_MISMATCH', 'ok'],
  [{ if_none_match: 'x' }, 'ok', 'ok'],
  [{ if_unmodified_since: '2000-01-01T00:00:00Z' }, 'ETAG_MISMATCH', 'ok'],
  [{ if_unmodified_since: '2099-01-01T00:00:00.123456+02:00' }, 'ok', 'ok'],
  [{ if_unmodified_since: 'yesterday' }, 'INVALID_PARAMS', 'INVALID_PARAMS'],
  [{ if_match: 'x', if_none_match: '*' }, 'ETAG_MISMATCH', 'ETAG_MISMATCH'],
])('%j: %s on a file, %s on none', async (condition, onFile, onNone) => {
  const outcome = async (method: string, path: string): Promise<string> => {
    const { error } = await server.rpc(method, {
      path,
      ...(method === 'write' ? { content: 'new' } : {}),
      ...condition,
    });
    return error ? error.data.code : 'ok';
  };
  await server.ok('write', { path: '/there', content: 'old' });
  expect(await outcome('write', '/there')).toBe(onFile);
  expect(await outcome('write', '/missing')).toBe(onNone);
  if (onNone === 'ok') await server.ok('delete', { path: '/missing' });
  await server.ok('write', { path: '/there', content: 'old' });
  expect(await outcome('delete', '/there')).toBe(onFile);
  expect(await outcome('delete', '/missing')).toBe(onNone === 'INVALID_PARAMS' ? onNone : 'FILE_NOT_FOUND');
});

test('the fault names the etags; the kind of a thing comes before its state', async () => {
  await server.ok('write', { path: '/there', content: 'old' });
  await server.ok('mkdir', { path: '/folder' });
  const { error } = await server.rpc('write', { path: '/there', content: 'x', if_match: ['a', 'b'] });
  expect(error?.data).toMatchObject({ path: '/there', expected_etag: ['a', 'b'], current_etag: OLD });
  const single = await server.rpc('write', { path: '/none', content: 'x', if_match: ['a'] });
  expect(single.error?.data).toMatchObject({ path: '/none', expected_etag: 'a', current_etag: null });
  for (const condition of [{ if_match: 'a' }, { if_none_match: true }]) {
    expect(await server.fault('write', { path: '/folder', content: 'x', ...condition })).toBe('IS_A_DIRECTORY');
  }
});
