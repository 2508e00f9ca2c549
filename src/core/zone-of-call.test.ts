/** The zone of a call (access.md §4), rule by rule, and the order in which a call is refused (files.md §2). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../test/harness.ts';

let server: TestServer;
let corp: string;
let rootOperator: string;

beforeAll(async () => {
  server = await startTestServer();
  for (const zone_id of ['corp', 'other']) {
    await server.ok('zone_create', { zone_id, name: zone_id });
    await server.ok('write', { zone_id, path: '/where', content: zone_id });
  }
  await server.ok('write', { path: '/where', content: 'root' });
  corp = await server.addKey({ zone_id: 'corp', role: 'admin' });
  rootOperator = await server.addKey({ role: 'operator', grants: [['direct_owner', '/']] });
});
afterAll(() => server.stop());

/** The content of `/where` in the zone of the call, or the fault. */
async function where(options: { key?: string; headers?: Record<string, string>; params?: object }): Promise<string> {
  const response = await server.http('/api/nfs/read', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.key ?? ADMIN_KEY}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: JSON.stringify({ params: { path: '/where', encoding: 'utf-8', ...options.params } }),
  });
  const { result, error } = (await response.json()) as { result: string; error: { data: { code: string } } | null };
  return error ? error.data.code : result;
}

describe('rule', () => {
  test('1: it is the zone of the key', async () => {
    expect(await where({})).toBe('root');
    expect(await where({ key: corp })).toBe('corp');
  });

  test('2: a root admin names another by header, by its alias or by parameter', async () => {
    expect(await where({ headers: { 'x-nexus-zone-id': 'corp' } })).toBe('corp');
    expect(await where({ headers: { 'X-Tenant-ID': 'other' } })).toBe('other');
    expect(await where({ params: { zone_id: 'corp' } })).toBe('corp');
    expect(
      await where({ headers: { 'x-nexus-zone-id': 'corp', 'x-tenant-id': 'corp' }, params: { zone_id: 'corp' } }),
    ).toBe('corp');
    expect(await where({ params: { zone_id: null } })).toBe('root');
  });

  test('3: nobody else does, and learns nothing by trying', async () => {
    for (const key of [corp, rootOperator]) {
      for (const zone of ['other', 'ghost', '', 'BAD/../', 'x'.repeat(200)]) {
        expect(await where({ key, params: { zone_id: zone } })).toBe('ACCESS_DENIED');
      }
      expect(await where({ key, headers: { 'x-nexus-zone-id': 'other' } })).toBe('ACCESS_DENIED');
      expect(await where({ key, headers: { 'x-tenant-id': 'ghost' } })).toBe('ACCESS_DENIED');
    }
    expect(await where({ key: corp, params: { zone_id: 'corp' } })).toBe('corp');
    expect(await where({ key: corp, headers: { 'x-nexus-zone-id': 'corp' } })).toBe('corp');
    const bodies = await Promise.all(
      ['other', 'ghost'].map(async (zone_id) => {
        const { error } = await server.rpc('read', { path: '/where', zone_id }, corp);
        return JSON.stringify(error)
          .replaceAll(zone_id, 'ZONE')
          .replace(/"(request_id|call_id)":"[^"]*"/g, '');
      }),
    );
    expect(bodies[0]).toBe(bodies[1]);
  });

  test('4: header and parameter that differ are INVALID_PARAMS, and so are the two headers', async () => {
    expect(await where({ headers: { 'x-nexus-zone-id': 'corp' }, params: { zone_id: 'other' } })).toBe(
      'INVALID_PARAMS',
    );
    expect(await where({ headers: { 'x-nexus-zone-id': 'corp', 'x-tenant-id': 'other' } })).toBe('INVALID_PARAMS');
    expect(await where({ params: { zone_id: 7 } })).toBe('INVALID_PARAMS');
  });

  test('5: a zone that is not there is ZONE_NOT_FOUND to a root admin, before the parameters are looked at', async () => {
    for (const zone_id of ['ghost', 'NO', '', 'x'.repeat(100), "a'b"]) {
      expect(await where({ params: { zone_id } })).toBe('ZONE_NOT_FOUND');
    }
    expect(await where({ params: { zone_id: 'ghost', path: 5 } })).toBe('ZONE_NOT_FOUND');
    expect(await where({ params: { zone_id: 'corp', path: 5 } })).toBe('INVALID_PARAMS');
    expect(await where({ headers: { 'x-nexus-zone-id': 'ghost' } })).toBe('ZONE_NOT_FOUND');
  });

  test('6: where the zone is the subject the same rule holds; of tuples it wins over the header', async () => {
    const status = async (path: string, headers: Record<string, string>, key = ADMIN_KEY) =>
      (await server.http(path, { headers: { authorization: `Bearer ${key}`, ...headers } })).status;
    expect(await status('/api/zones/corp', { 'x-nexus-zone-id': 'corp' })).toBe(200);
    expect(await status('/api/zones/corp', { 'x-nexus-zone-id': 'other' })).toBe(422);
    expect(await status('/api/zones', { 'x-nexus-zone-id': 'other' }, corp)).toBe(403);
    const listed = async (headers: Record<string, string>, params: object) => {
      const response = await server.http('/api/nfs/rebac_create', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          params: { subject: ['user', 'a'], relation: 'direct_viewer', object: ['file', '/x'], ...params },
        }),
      });
      const { result } = (await response.json()) as { result: { tuple_id: string } };
      const tuples = await server.ok('rebac_list_tuples', {});
      return tuples.find((tuple: { tuple_id: string }) => tuple.tuple_id === result.tuple_id)?.zone_id;
    };
    expect(await listed({ 'x-nexus-zone-id': 'corp' }, {})).toBe('corp');
    expect(await listed({ 'x-nexus-zone-id': 'corp' }, { zone_id: 'other' })).toBe('other');
  });

  test('7: no path, host or other header names a zone', async () => {
    expect(await where({ headers: { 'x-zone': 'corp', 'x-zone-id': 'corp', host: 'corp.example' } })).toBe('root');
    expect((await server.http('/api/v2/files/where?zone_id=corp')).status).not.toBe(500);
    expect(await server.ok('read', { path: '/zone/corp/where', encoding: 'utf-8' }, corp)).toBe('corp');
  });
});

test.each(['/./zone/corp/where', 'zone//corp//where', '//zone/./corp/where/'])(
  'the path %s names zone corp however it is written',
  async (path) => {
    expect(await server.ok('read', { path, encoding: 'utf-8' })).toBe('corp');
    expect(await server.fault('write', { path, content: 'x' }, rootOperator)).toBe('ACCESS_DENIED');
  },
);

test.each(['/zone/../where', '/zone/corp/../where', '/zone', '/zone/', '/zone/a\u0000b/where'])(
  'the path %j is INVALID_PATH',
  async (path) => {
    for (const key of [ADMIN_KEY, corp]) expect(await server.fault('read', { path }, key)).toBe('INVALID_PATH');
  },
);

test('all paths of one call lie in one zone', async () => {
  const rename = (old_path: string, new_path: string) => server.fault('rename', { old_path, new_path });
  expect(await rename('/zone/corp/where', '/zone/other/there')).toBe('INVALID_PARAMS');
  expect(await rename('/where', '/zone/other/there')).toBe('INVALID_PARAMS');
  expect(await rename('/zone/corp/where', '/there')).toBe('INVALID_PARAMS');
});

test('the name that is kept for zones is kept inside of a zone too, of whatever zone', async () => {
  for (const zone of ['corp', 'other', 'ghost']) {
    for (const inside of ['/zone', '/zone/other/f', '//zone/./x/']) {
      const path = `/zone/${zone}${inside}`;
      expect([path, await server.fault('write', { path, content: '' }, corp)]).toEqual([path, 'INVALID_PATH']);
      expect((await server.http(`/api/v2/files${path}`, { method: 'PUT', body: '' })).status).toBe(400);
    }
  }
  const object = ['file', '/zone/corp/zone/other/f'];
  const grant = { subject: ['user', 'a'], relation: 'direct_viewer', object };
  expect(await server.fault('rebac_create', grant, corp)).toBe('INVALID_PATH');
  expect(await server.fault('share_with_user', { path: object[1], user_id: 'a' }, corp)).toBe('INVALID_PATH');
  await server.ok('write', { path: '/zone/corp/zones/f', content: '' }, corp);
  await server.ok('write', { path: '/zone/corp/a/zone/f', content: '' }, corp);
});

describe('the order of refusals', () => {
  test('zone before role, role before parameters, parameters before permission', async () => {
    const viewer = await server.addKey({ zone_id: 'corp', role: 'viewer' });
    const write = (params: object, key = viewer) => server.rpc('write', params, key);
    const zoneFirst = await write({ zone_id: 'other' });
    expect(zoneFirst.error?.data).toMatchObject({ code: 'ACCESS_DENIED', zone_id: 'other' });
    const roleFirst = await write({ path: 5 });
    expect(roleFirst.error?.data).toMatchObject({ code: 'ACCESS_DENIED', role: 'viewer', required_role: 'operator' });
    const operator = await server.addKey({ zone_id: 'corp', role: 'operator' });
    expect((await write({ path: 5 }, operator)).error?.data.code).toBe('INVALID_PARAMS');
    expect((await write({ path: '/a/../b', content: '' }, operator)).error?.data.code).toBe('INVALID_PATH');
    expect((await write({ path: '/a', content: '' }, operator)).error?.data.code).toBe('ACCESS_DENIED');
  });

  test('params that are no object are INVALID_PARAMS', async () => {
    for (const params of [[], 'x', 5, true]) {
      const response = await server.http('/api/nfs/list', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ params }),
      });
      const { error } = (await response.json()) as { error: { data: { code: string } } };
      expect(error.data.code).toBe('INVALID_PARAMS');
    }
  });
});
