/** Who the caller is, with every kind of credential; and the methods that a role may call. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange } from '../../../test/raw-http.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
});
afterAll(() => server.stop());

async function ask(headers: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/api/auth/whoami`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('is 200 whatever the URL says beside it, and takes no credential from there', async () => {
  const { key } = await server.ok('admin_create_key', { name: 'url', zone_id: 'corp' });
  for (const query of [`api_key=${key}`, '_=1']) {
    const asked = await fetch(`${server.url}/api/auth/whoami?${query}`);
    expect([asked.status, await asked.json()]).toEqual([200, { authenticated: false }]);
    const headers = { authorization: `Bearer ${key}` };
    const known = await fetch(`${server.url}/api/auth/whoami?${query}`, { headers });
    expect([known.status, await known.json()]).toMatchObject([200, { authenticated: true }]);
  }
});

test('a working key is told all that is known of it, whichever way it is presented', async () => {
  const made = await server.ok('admin_create_key', {
    name: 'bot',
    zone_id: 'corp',
    user_id: 'ada',
    subject_type: 'agent',
    subject_id: 'bot-1',
    inherit_permissions: true,
    expires_at: '2100-01-01T00:00:00Z',
  });
  const known = {
    authenticated: true,
    subject_type: 'agent',
    subject_id: 'bot-1',
    user: 'ada',
    user_id: 'ada',
    zone_id: 'corp',
    role: 'operator',
    is_admin: false,
    inherit_permissions: true,
    key_id: made.key_id,
    agent_id: 'bot-1',
    tenant_id: 'corp',
    scopes: [],
    session_id: null,
    auth_method: 'api_key',
    expires_at: '2100-01-01T00:00:00.000Z',
  };
  const ways: Record<string, string>[] = [
    { authorization: `Bearer ${made.key}` },
    { authorization: `bearer  ${made.key} ` },
    { authorization: made.key },
    { 'x-nexus-api-key': made.key },
    { authorization: `Bearer ${made.key}`, 'x-nexus-api-key': made.key },
  ];
  for (const headers of ways) {
    expect(await ask(headers)).toEqual({ status: 200, body: known });
  }
  expect(await server.ok('whoami', {}, made.key)).toEqual(known);
});

test('whatever is wrong with a credential, nobody is authenticated, and everything else is 401 in the same words', async () => {
  const revoked = await server.ok('admin_create_key', { name: 'r' });
  await server.ok('admin_revoke_key', { key_id: revoked.key_id });
  const expired = await server.ok('admin_create_key', { name: 'e', expires_at: '2001-01-01T00:00:00Z' });
  const bad: Record<string, string>[] = [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Basic YTpi' },
    { authorization: 'Bearer nope' },
    { authorization: `Bearer ${revoked.key}` },
    { 'x-nexus-api-key': expired.key },
    { authorization: `Bearer ${ADMIN_KEY}`, 'x-nexus-api-key': 'another-key-0000000' },
    { authorization: `Bearer ${ADMIN_KEY}x` },
    { authorization: `Bearer ${ADMIN_KEY}\t${ADMIN_KEY}` },
    { 'x-nexus-api-key': `${ADMIN_KEY}, ${ADMIN_KEY}x` },
    { 'x-api-key': ADMIN_KEY, cookie: `authorization=${ADMIN_KEY}` },
    { 'x-nexus-user-id': 'admin', 'x-agent-id': 'admin', 'x-role': 'admin' },
  ];
  const texts = new Set<string>();
  for (const headers of bad) {
    expect(await ask(headers)).toEqual({ status: 200, body: { authenticated: false } });
    const response = await fetch(`${server.url}/api/zones`, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    texts.add((await response.text()).replace(/"request_id":"[^"]*"/, ''));
  }
  expect(texts.size).toBe(1);
  expect([...texts][0]).toContain('"detail":"Invalid or missing API key"');
});

test('two headers Authorization that differ are 401, whichever comes first; the same one twice is one', async () => {
  const status = async (...keys: string[]): Promise<number> => {
    const lines = keys.map((key) => `Authorization: Bearer ${key}`);
    return (await exchange(server.url, ['GET /api/zones HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n'))).status;
  };
  expect(await status(ADMIN_KEY)).toBe(200);
  expect(await status(ADMIN_KEY, ADMIN_KEY)).toBe(200);
  expect(await status(ADMIN_KEY, 'another-key-0000000')).toBe(401);
  expect(await status('another-key-0000000', ADMIN_KEY)).toBe(401);
});

test('a key in the URL is ignored', async () => {
  const response = await fetch(`${server.url}/api/zones?api_key=${ADMIN_KEY}&access_token=${ADMIN_KEY}`);
  expect(response.status).toBe(401);
});

test('no zone that is named changes the answer', async () => {
  const answer = await ask({ authorization: `Bearer ${ADMIN_KEY}`, 'x-nexus-zone-id': 'ghost' });
  expect(answer).toMatchObject({ status: 200, body: { authenticated: true, zone_id: 'root' } });
  expect(await ask({ 'x-nexus-zone-id': 'corp' })).toEqual({ status: 200, body: { authenticated: false } });
});

test('rpc_list names what the role may call, with parameters and other names', async () => {
  const namesFor = async (key?: string): Promise<string[]> =>
    (await server.ok('rpc_list', {}, key)).map((method: { name: string }) => method.name);
  const viewer = await namesFor(await server.addKey({ role: 'viewer' }));
  const operator = await namesFor(await server.addKey({ role: 'operator' }));
  const zoneAdmin = await namesFor(await server.addKey({ zone_id: 'corp', role: 'admin' }));
  const rootAdmin = await namesFor();
  expect(viewer).toEqual(expect.arrayContaining(['read', 'list', 'rebac_check', 'zone_get', 'rpc_list']));
  expect(viewer).not.toContain('write');
  expect(operator).toContain('write');
  expect(operator).not.toContain('admin_create_key');
  expect(zoneAdmin).toContain('admin_create_key');
  expect(zoneAdmin).not.toContain('zone_create');
  expect(rootAdmin).toContain('zone_create');
  const methods: { name: string; aliases: string[]; effect: string; summary: string; params: object }[] =
    await server.ok('rpc_list');
  expect(methods.find((method) => method.name === 'read')).toMatchObject({
    aliases: ['read_file'],
    effect: 'read',
    params: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  });
  expect(methods.every((method) => method.summary !== '')).toBe(true);
});
