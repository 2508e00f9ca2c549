/** Zones through the doors: who may do what, ids, limits under every name, pages, and what strangers learn. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
let corpAdmin: string;
let corpOperator: string;
let corpViewer: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
  corpAdmin = await server.addKey({ zone_id: 'corp', role: 'admin' });
  corpOperator = await server.addKey({ zone_id: 'corp', role: 'operator' });
  corpViewer = await server.addKey({ zone_id: 'corp', role: 'viewer' });
});
afterAll(() => server.stop());

const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const json = (method: string, body: unknown, key?: string): RequestInit => ({
  method,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...(key ? bearer(key).headers : {}) },
});

describe('creating', () => {
  test('answers 201 with the zone object and where it is', async () => {
    const response = await server.http(
      '/api/zones',
      json('POST', { zone_id: 'made-1', name: 'One', domain: 'a.test' }),
    );
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe('/api/zones/made-1');
    const zone = (await response.json()) as Record<string, unknown>;
    expect(zone).toMatchObject({
      zone_id: 'made-1',
      id: 'made-1',
      name: 'One',
      domain: 'a.test',
      description: null,
      phase: 'Active',
      status: 'Active',
      is_active: true,
      isolation: 'strict',
      limits: {},
      quota: {},
      usage: {
        storage_bytes: 0,
        history_bytes: 0,
        files: 0,
        agents: 0,
        keys: 0,
        tuples: 0,
        workflows: 0,
        executions: 0,
        executions_per_day: 0,
        jobs_queued: 0,
      },
      finalizers: [],
      deleted_at: null,
    });
  });

  test('an id is made from the name where none is given, and another one where that is taken', async () => {
    expect((await server.ok('zone_create', { name: 'Équipe Rouge & Co!' })).zone_id).toBe('equipe-rouge-co');
    expect((await server.ok('zone_create', { name: 'Équipe Rouge & Co!' })).zone_id).toMatch(
      /^equipe-rouge-co-[0-9a-f]{6}$/,
    );
    expect((await server.ok('zone_create', { name: '日本' })).zone_id).toMatch(/^[a-z0-9-]+$/);
    expect((await server.ok('zone_create', { name: 'x'.repeat(200) })).zone_id).toHaveLength(56);
  });

  test('an id that exists is ALREADY_EXISTS', async () => {
    const response = await server.http('/api/zones', json('POST', { zone_id: 'corp', name: 'Again' }));
    expect(response.status).toBe(409);
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe('ALREADY_EXISTS');
  });

  test.each(['ab', '', 'Corp', 'a_b', '-abc', 'abc-', 'a'.repeat(64), 'zo ne', '../x', 'zöne', 7, ['abc'], true])(
    'the id %j is 422',
    async (zone_id) => {
      const response = await server.http('/api/zones', json('POST', { zone_id, name: 'x' }));
      expect(response.status).toBe(422);
      expect(await server.fault('zone_create', { zone_id, name: 'x' })).toBe('INVALID_PARAMS');
    },
  );

  test('only a root admin creates and deletes', async () => {
    for (const key of [corpAdmin, corpOperator, corpViewer]) {
      expect(await server.fault('zone_create', { zone_id: 'mine', name: 'x' }, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('zone_delete', { zone_id: 'corp' }, key)).toBe('ACCESS_DENIED');
    }
    const rootOperator = await server.addKey({ role: 'operator' });
    expect(await server.fault('zone_create', { zone_id: 'mine', name: 'x' }, rootOperator)).toBe('ACCESS_DENIED');
  });
});

describe('limits', () => {
  const limitsOf = async (body: object): Promise<unknown> =>
    (await server.ok('zone_create', { name: 'Limited', ...body })).limits;

  test('are taken under every name, in limits, in quota and by themselves', async () => {
    expect(await limitsOf({ limits: { storage_limit: 5, files: 2 } })).toEqual({ max_storage_bytes: 5, max_files: 2 });
    expect(await limitsOf({ quota: { quota_bytes: 7, jobs: 3 } })).toEqual({
      max_storage_bytes: 7,
      max_jobs_queued: 3,
    });
    expect(await limitsOf({ storage_bytes: 9, max_keys: 1, executions_per_day: 4 })).toEqual({
      max_storage_bytes: 9,
      max_keys: 1,
      max_executions_per_day: 4,
    });
    expect(await limitsOf({ limits: { max_files: 0 } })).toEqual({});
    expect(await limitsOf({ limits: { files: 3 }, quota: { max_files: 3 }, files: 3 })).toEqual({ max_files: 3 });
  });

  test.each([
    { limits: { max_files: -1 } },
    { limits: { max_files: 1.5 } },
    { limits: { max_files: '5' } },
    { limits: { files: 1, max_files: 2 } },
    { limits: { files: 1 }, quota: { files: 2 } },
    { limits: { max_fils: 1 } },
    { limits: { __proto__x: 1 } },
    { files: -1 },
    { limits: [] },
  ])('%j is 422', async (body) => {
    expect((await server.http('/api/zones', json('POST', { name: 'x', ...body }))).status).toBe(422);
  });

  test('a patch replaces what it names, and 0 takes a limit away', async () => {
    await server.ok('zone_create', { zone_id: 'patched', name: 'P', limits: { files: 5, keys: 5 } });
    const patch = (body: object) => server.http('/api/zones/patched', json('PATCH', body));
    expect(((await (await patch({ limits: { files: 9 } })).json()) as { limits: object }).limits).toEqual({
      max_files: 9,
      max_keys: 5,
    });
    expect(((await (await patch({ keys: 0 })).json()) as { limits: object }).limits).toEqual({ max_files: 9 });
  });

  test('a limit below the use is allowed and stops growth only', async () => {
    await server.ok('zone_create', { zone_id: 'shrunk', name: 'S' });
    const call = { zone_id: 'shrunk' };
    await server.ok('write', { ...call, path: '/a', content: '12345' });
    await server.ok('write', { ...call, path: '/b', content: '12345' });
    await server.ok('zone_update', { ...call, limits: { max_files: 1, max_storage_bytes: 4 } });
    const { error } = await server.rpc('write', { ...call, path: '/c', content: '1' });
    expect(error?.data).toMatchObject({ code: 'QUOTA_EXCEEDED', limit: 4, used: 10, requested: 1 });
    expect(await server.fault('write', { ...call, path: '/a', content: '123456' })).toBe('QUOTA_EXCEEDED');
    await server.ok('write', { ...call, path: '/a', content: '1234' });
    await server.ok('delete', { ...call, path: '/b' });
    expect((await server.ok('zone_get', call)).usage).toMatchObject({ files: 1, storage_bytes: 4 });
  });

  test('one file has a limit of its own', async () => {
    await server.ok('zone_create', { zone_id: 'small-files', name: 'S', limits: { max_file_bytes: 4 } });
    const call = { zone_id: 'small-files', path: '/a' };
    await server.ok('write', { ...call, content: '1234' });
    expect(await server.fault('append', { ...call, content: '5' })).toBe('QUOTA_EXCEEDED');
    const response = await server.http('/api/v2/files/b', {
      method: 'PUT',
      body: '12345',
      headers: { 'x-nexus-zone-id': 'small-files' },
    });
    expect(response.status).toBe(507);
  });
});

describe('reading and changing', () => {
  const status = async (path: string, key?: string) => (await server.http(path, key ? bearer(key) : {})).status;

  test('the own zone is 200, another one 403 and the same whether or not it exists', async () => {
    expect(await status('/api/zones/corp', corpViewer)).toBe(200);
    const bodies = await Promise.all(
      ['made-1', 'no-such', 'root', 'IllFormed'].map(async (id) => {
        const response = await server.http(`/api/zones/${id}`, bearer(corpAdmin));
        const text = (await response.text()).replaceAll(id, 'ZONE').replace(/"request_id":"[^"]*"/g, '');
        return [response.status, text];
      }),
    );
    expect(new Set(bodies.map(([code]) => code))).toEqual(new Set([403]));
    expect(new Set(bodies.map(([, text]) => text)).size).toBe(1);
  });

  test('a zone that is unknown or ill-formed is 404 for a root admin', async () => {
    expect(await status('/api/zones/no-such')).toBe(404);
    expect(await status('/api/zones/NO')).toBe(404);
    expect(await status('/api/zones/x')).toBe(404);
    expect(await server.fault('zone_get', { zone_id: 'no-such' })).toBe('ZONE_NOT_FOUND');
    expect(await server.fault('zone_get', { zone_id: 5 })).toBe('INVALID_PARAMS');
    expect(await server.fault('zone_update', { zone_id: 'no-such', name: 'x' })).toBe('ZONE_NOT_FOUND');
  });

  test('a zone admin changes name and description of the own zone, not its limits', async () => {
    const changed = await server.ok('zone_update', { zone_id: 'corp', name: 'New', description: 'D' }, corpAdmin);
    expect(changed).toMatchObject({ name: 'New', description: 'D' });
    expect(await server.fault('zone_update', { zone_id: 'corp', limits: { files: 5 } }, corpAdmin)).toBe(
      'ACCESS_DENIED',
    );
    expect(await server.fault('zone_update', { zone_id: 'corp', storage_bytes: 5 }, corpAdmin)).toBe('ACCESS_DENIED');
    expect(await server.fault('zone_update', { zone_id: 'made-1', name: 'x' }, corpAdmin)).toBe('ACCESS_DENIED');
    expect(await server.fault('zone_update', { zone_id: 'corp', name: 'x' }, corpOperator)).toBe('ACCESS_DENIED');
  });

  test('a change that changes nothing appends no event', async () => {
    const count = async () =>
      (await server.sql.read((tx) =>
        tx.get<{ n: number }>("SELECT COUNT(*) AS n FROM events WHERE zone_id = 'corp' AND type = 'zone.updated'"),
      ))!.n;
    await server.ok('zone_update', { zone_id: 'corp', name: 'Same' });
    const before = await count();
    await server.ok('zone_update', { zone_id: 'corp', name: 'Same' });
    expect(await count()).toBe(before);
    expect(before).toBeGreaterThan(0);
  });

  test('lists are newest first, in pages that add up, and hold the own zone only for others', async () => {
    const ids: string[] = [];
    let cursor: string | null = null;
    for (;;) {
      const page: { zones: { zone_id: string }[]; total: number; has_more: boolean; next_cursor: string | null } =
        await server.ok('zone_list', { limit: 3, ...(cursor ? { cursor } : {}) });
      expect(page.zones.length).toBeLessThanOrEqual(3);
      ids.push(...page.zones.map((zone: { zone_id: string }) => zone.zone_id));
      cursor = page.next_cursor;
      if (!page.has_more) {
        expect(cursor).toBeNull();
        expect(page.total).toBe(ids.length);
        break;
      }
    }
    expect(ids.at(-1)).toBe('root');
    expect(new Set(ids).size).toBe(ids.length);
    const all = (await (await server.http('/api/zones?limit=1000')).json()) as { zones: { zone_id: string }[] };
    expect(all.zones.map((zone) => zone.zone_id)).toEqual(ids);
    const third = (await (await server.http('/api/zones?limit=1&offset=2')).json()) as { zones: { zone_id: string }[] };
    expect(third.zones.map((zone) => zone.zone_id)).toEqual([ids[2]]);
    const own = await server.ok('zone_list', {}, corpViewer);
    expect(own).toMatchObject({ total: 1, has_more: false });
    expect(own.zones.map((zone: { zone_id: string }) => zone.zone_id)).toEqual(['corp']);
  });

  test.each(['limit=0', 'limit=x', 'offset=-1', 'cursor=abc', 'cursor=abc&offset=1'])(
    'the query %s is refused',
    async (query) => {
      expect(await status(`/api/zones?${query}`)).toBe(query === 'cursor=abc' ? 400 : 422);
    },
  );
});
