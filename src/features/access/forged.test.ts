/** What a client says of itself beside its credential counts for nothing (access.md §1). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
let admin: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
  admin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
  await server.ok('write', { path: '/a', content: 'x' }, admin);
});
afterAll(() => server.stop());

const FORGED = {
  'x-user-id': 'boss',
  'x-nexus-user-id': 'boss',
  'x-nexus-subject': 'user:boss',
  'x-nexus-role': 'admin',
  'x-role': 'admin',
  'x-is-admin': 'true',
  'x-remote-user': 'boss',
  'x-forwarded-user': 'boss',
  'x-agent-id': 'boss',
  'x-zone-id': 'root',
  'x-original-url': '/api/auth/whoami',
  'x-http-method-override': 'GET',
};

async function read(key: string | undefined, more: Readonly<Record<string, string>>) {
  const headers = { ...more, ...(key ? { authorization: `Bearer ${key}` } : { authorization: '' }) };
  const response = await server.http('/api/v2/files/a', { headers });
  await response.text();
  return response.status;
}

test.each(Object.entries(FORGED))('%s: %s makes nobody anybody else', async (name, value) => {
  const stranger = await server.addKey({ zone_id: 'corp', role: 'viewer' });
  expect(await read(undefined, { [name]: value })).toBe(401);
  expect(await read(stranger, { [name]: value })).toBe(403);
  expect(await read(admin, { [name]: value })).toBe(200);
});

test('an address that is only claimed fulfils no condition', async () => {
  const key = await server.addKey({ zone_id: 'corp', role: 'viewer', subject: 'far' });
  const grant = { subject: ['user', 'far'], relation: 'direct_viewer', object: ['file', '/a'] };
  const conditions = { ip_range: '10.0.0.0/8' };
  await server.ok('rebac_create', { ...grant, conditions }, admin);
  for (const name of [
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'x-client-ip',
    'true-client-ip',
    'cf-connecting-ip',
  ]) {
    expect([name, await read(key, { [name]: name === 'forwarded' ? 'for=10.1.1.1' : '10.1.1.1' })]).toEqual([
      name,
      403,
    ]);
  }
  const check = { subject: ['user', 'far'], permission: 'read', object: ['file', '/a'] };
  expect(await server.fault('rebac_check', { ...check, context: { ip: '10.1.1.1' } }, key)).toBe('ACCESS_DENIED');
  await server.ok('rebac_create', { ...grant, conditions: { ip_range: '127.0.0.0/8' } }, admin);
  expect(await read(key, {})).toBe(200);
});
