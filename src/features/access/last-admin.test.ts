/** Zone root keeps an admin key, whatever is done at once, by whatever door and to whatever else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
});
afterAll(() => server.stop());

test('the last admin key of root cannot be revoked, lowered or given an expiry, also by two calls at once', async () => {
  const admins = async () =>
    (await server.ok('admin_list_keys', { zone_id: 'root' })).keys.filter(
      (key: { role: string }) => key.role === 'admin',
    );
  const [last] = await admins();
  expect(await admins()).toHaveLength(1);
  const { key_id } = last!;
  expect(await server.fault('admin_revoke_key', { key_id })).toBe('INVALID_PARAMS');
  expect(await server.fault('admin_update_key', { key_id, role: 'operator' })).toBe('INVALID_PARAMS');
  expect(await server.fault('admin_update_key', { key_id, is_admin: false })).toBe('INVALID_PARAMS');
  expect(await server.fault('admin_update_key', { key_id, expires_at: '2100-01-01T00:00:00Z' })).toBe('INVALID_PARAMS');
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  expect((await server.http(`/api/v2/auth/keys/${key_id}`, { method: 'DELETE', headers })).status).toBe(422);
  await server.ok('admin_update_key', { key_id, name: 'named' });
  await server.ok('admin_create_key', { name: 'expired', role: 'admin', expires_at: '2001-01-01T00:00:00Z' });
  await server.ok('admin_create_key', { name: 'corp', role: 'admin', zone_id: 'corp' });
  const until = (expires_at: string) => server.ok('admin_create_key', { name: 'until', role: 'admin', expires_at });
  const [early, late] = [await until('2090-01-01T00:00:00Z'), await until('2091-01-01T00:00:00Z')];
  expect(await server.fault('admin_revoke_key', { key_id })).toBe('INVALID_PARAMS');
  // What is there longer than they are stands in for those that expire.
  for (const one of [late, early]) await server.ok('admin_revoke_key', { key_id: one.key_id });
  const second = await server.ok('admin_create_key', { name: 'second', role: 'admin' });
  const racing = await Promise.all([
    server.rpc('admin_revoke_key', { key_id: second.key_id }),
    server.rpc('admin_update_key', { key_id: last!.key_id, role: 'viewer' }, second.key),
  ]);
  expect(racing.filter(({ error, status }) => error === null && status === 200)).toHaveLength(1);
});

test('it does not go with the agent that has it', async () => {
  const own = await startTestServer();
  try {
    const [first] = (await own.ok('admin_list_keys', { zone_id: 'root' })).keys;
    await own.ok('register_agent', { agent_id: 'chief', name: 'Chief' });
    const chief = { name: 'chief', role: 'admin', subject_type: 'agent', subject_id: 'chief' };
    const { key } = await own.ok('admin_create_key', chief);
    await own.ok('admin_revoke_key', { key_id: first!.key_id }, key);
    const { error } = await own.rpc('delete_agent', { agent_id: 'chief' }, key);
    expect(error).toMatchObject({ data: { issues: [{ path: 'agent_id' }] } });
    const { key: other } = await own.ok('admin_create_key', { name: 'other', role: 'admin' }, key);
    expect(await own.ok('delete_agent', { agent_id: 'chief' }, other)).toBe(true);
    expect((await own.rpc('whoami', {}, key)).status).toBe(401);
  } finally {
    await own.stop();
  }
});
