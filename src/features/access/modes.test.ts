/** Modes: which a key may use, who may give a key the mode RAW, and what a caller is told of both. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
});
afterAll(() => server.stop());

describe('/api/v1/auth/whoami', () => {
  const own = (key: string) => server.http('/api/v1/auth/whoami', { headers: { authorization: key } });

  test.each([
    ['viewer', true, []],
    ['operator', true, ['PUBLIC']],
    ['researcher', false, ['PUBLIC']],
    ['researcher', true, ['PUBLIC', 'RAW']],
    ['admin', true, ['PUBLIC', 'RAW']],
  ] as const)('of a key with role %s and RAW %j', async (role, raw_mode_enabled, allowed_modes) => {
    const params = { name: 'm', zone_id: 'corp', user_id: 'mia', role, raw_mode_enabled };
    const { key, key_id } = await server.ok('admin_create_key', params);
    const answer = await own(key);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ api_key_id: key_id, owner: 'mia', role, raw_mode_enabled, allowed_modes });
  });

  test('is 401 without credentials, and 403 for a role that is none', async () => {
    expect((await fetch(`${server.url}/api/v1/auth/whoami`)).status).toBe(401);
    const { key, key_id } = await server.ok('admin_create_key', { name: 'odd', zone_id: 'corp' });
    await server.sql.write('corp', (tx) => tx.run("UPDATE keys SET role = 'emperor' WHERE key_id = ?", [key_id]));
    expect((await own(key)).status).toBe(403);
  });

  test('RAW is for nobody where the server has it switched off', async () => {
    const off = await startTestServer({ environment: { NEXUS_RAW_MODE_ENABLED: 'false' } });
    const answer = await off.http('/api/v1/auth/whoami');
    expect(await answer.json()).toMatchObject({ role: 'admin', raw_mode_enabled: true, allowed_modes: ['PUBLIC'] });
    await off.stop();
  });
});

test('RAW is given by admins, and passed on only by who has it', async () => {
  const admin = await server.addKey({ zone_id: 'corp', role: 'admin' });
  const { key, key_id } = await server.ok('admin_create_key', { name: 'r', role: 'researcher' }, admin);
  const ask = async (by: string, method: string, path = '', body: object = {}) => {
    const headers = { authorization: by, 'content-type': 'application/json' };
    const answer = await server.http(`/api/v2/auth/keys${path}`, { method, headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  const more = { name: 'more', role: 'researcher', raw_mode_enabled: true };
  expect((await ask(key, 'POST', '', more)).status).toBe(403);
  expect((await ask(key, 'PATCH', `/${key_id}`, { raw_mode_enabled: true })).status).toBe(403);
  const given = await ask(admin, 'PATCH', `/${key_id}`, { raw_mode_enabled: true });
  expect(given).toMatchObject({ status: 200, body: { raw_mode_enabled: true } });
  expect((await ask(key, 'POST', '', more)).body).toMatchObject({ raw_mode_enabled: true });
  expect((await ask(key, 'POST', '', { name: 'less' })).body).toMatchObject({ raw_mode_enabled: false });
  const taken = await ask(key, 'PATCH', `/${key_id}`, { raw_mode_enabled: false });
  expect(taken.body).toMatchObject({ raw_mode_enabled: false });
});
