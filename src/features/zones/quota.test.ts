/** Limits of a zone on each engine: refused by every way to grow, passed by nobody however many come at once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

type Limits = Readonly<Record<string, number>>;

/** What is in the zone that has no room. */
const FULL = { storage_bytes: 13, files: 2 };

forEachEngine('limits of a zone', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const make = (zone_id: string, limits: Limits = {}) => server.ok('zone_create', { zone_id, name: zone_id, limits });
  const usage = async (zone_id: string) => (await server.ok('zone_get', { zone_id })).usage;
  const put = (zone_id: string, path: string, body: string) =>
    server.http(`/api/v2/files${path}`, { method: 'PUT', body, headers: { 'x-nexus-zone-id': zone_id } });

  const full = { zone_id: 'full' };
  const write = (path: string, bytes: number, more: object = {}) =>
    server.ok('write', { ...full, path, content: 'x'.repeat(bytes), ...more });
  const batch = (...of: readonly (readonly [string, number])[]) => ({
    files: of.map(([path, bytes]) => [path, 'x'.repeat(bytes)]),
  });
  /** {@link FULL}, and more in the past and in a snapshot, whose revision it gives. */
  const fill = async (): Promise<number> => {
    await make('full');
    await write('/a', 20);
    await write('/a', 10);
    await write('/removed', 5);
    const { revision } = await server.ok('tree_snapshot_create', { ...full, name: 'before' });
    await server.ok('delete', { ...full, path: '/removed' });
    await server.ok('tree_branch_create', { ...full, name: 'side' });
    await write('/side', 3, { branch: 'side' });
    return revision;
  };
  /** Each call with what it asks for beyond the limit. */
  const refused = async (quota: keyof typeof FULL, calls: readonly (readonly [string, object, number])[]) => {
    const used = FULL[quota];
    const data = { quota: `max_${quota}`, limit: used, used };
    await server.ok('zone_update', { ...full, limits: { max_files: 0, max_storage_bytes: 0, [data.quota]: used } });
    for (const [method, params, requested] of calls) {
      const { status, error } = await server.rpc(method, { ...full, ...params });
      const said = { code: 'QUOTA_EXCEEDED', ...data, requested };
      expect([method, status, error?.code, error?.data]).toMatchObject([method, 507, -507, said]);
      for (const word of ['zone full', data.quota, `${used} used`, 'Delete files']) {
        expect(error?.message.toLowerCase()).toContain(word.toLowerCase());
      }
    }
    const body: unknown = await (await put('full', '/new', 'x')).json();
    expect(body).toMatchObject({ code: 'quota_exceeded', error: { data: { ...data, requested: 1 } } });
    expect(await usage('full')).toMatchObject(FULL);
  };

  test('whatever makes the files of a zone larger is refused, and changes nothing', async () => {
    const before = await fill();
    expect(await usage('full')).toMatchObject(FULL);
    await refused('storage_bytes', [
      ['write', { path: '/new', content: 'x' }, 1],
      ['write', { path: '/new', content: 'x', branch: 'side' }, 1],
      ['append', { path: '/a', content: 'xx' }, 2],
      ['edit', { path: '/a', edits: [['x'.repeat(10), 'y'.repeat(13)]] }, 3],
      ['copy', { src_path: '/a', dst_path: '/b' }, 10],
      ['rollback', { path: '/a', version: 1 }, 10],
      ['tree_restore', { to: before }, 5],
      ['tree_merge', { branch: 'side' }, 3],
      ['write_batch', batch(['/a', 0], ['/b', 11]), 1],
    ]);
    await refused('files', [
      ['write', { path: '/new', content: '' }, 1],
      ['append', { path: '/new', content: '' }, 1],
      ['copy', { src_path: '/a', dst_path: '/b' }, 1],
      ['write_batch', batch(['/a', 0], ['/b', 0]), 1],
    ]);
    // Above the limit whatever does not grow passes.
    await server.ok('zone_update', { ...full, limits: { max_storage_bytes: 1, max_files: 1 } });
    await write('/a', 10);
    await write('/a', 9);
    await server.ok('set_metadata', { ...full, path: '/a', metadata: { k: 1 } });
    await server.ok('rename', { ...full, old_path: '/a', new_path: '/renamed' });
    await server.ok('mkdir', { ...full, path: '/folder' });
    await server.ok('delete', { ...full, path: '/renamed' });
  });

  test('tuples that take the place of others pass above the limit, and one more than these does not', async () => {
    await make('swapping');
    const at = { zone_id: 'swapping' };
    const tuple = (id: string) => ({ subject: ['user', id], relation: 'direct_viewer', object: ['file', '/a'] });
    const { tuple_ids } = await server.ok('rebac_write', { ...at, creates: ['a', 'b', 'c'].map(tuple) });
    await server.ok('zone_update', { ...at, limits: { max_tuples: 1 } });
    const deletes = tuple_ids.slice(0, 2);
    const { error } = await server.rpc('rebac_write', { ...at, deletes, creates: ['d', 'e', 'f'].map(tuple) });
    expect(error?.data).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: 'max_tuples', limit: 1, used: 3, requested: 1 });
    await server.ok('rebac_write', { ...at, deletes, creates: ['d', 'e'].map(tuple) });
    expect(await usage('swapping')).toMatchObject({ tuples: 3 });
    expect(await server.fault('rebac_create', { ...at, ...tuple('g') })).toBe('QUOTA_EXCEEDED');
  });

  test('writers at once, by every way, end exactly at the limit', async () => {
    await make('crowded', { max_files: 12, max_storage_bytes: 1_000 });
    const at = { zone_id: 'crowded' };
    await server.ok('write', { ...at, path: '/seed', content: 'x'.repeat(30) });
    const content = 'x'.repeat(30);
    const ways = [
      (i: number) => server.rpc('write', { ...at, path: `/w${i}`, content }),
      (i: number) => server.rpc('append', { ...at, path: `/a${i}`, content }),
      (i: number) => server.rpc('copy', { ...at, src_path: '/seed', dst_path: `/c${i}` }),
      (i: number) => server.rpc('write_batch', { ...at, files: [[`/b${i}`, content]] }),
      (i: number) => put('crowded', `/p${i}`, content),
    ];
    const calls = Array.from({ length: 40 }, async (_, i) => (await ways[i % ways.length]!(i)).status);
    const statuses = await Promise.all(calls);
    expect(new Set(statuses.map((status) => (status === 201 ? 200 : status)))).toEqual(new Set([200, 507]));
    expect(await usage('crowded')).toMatchObject({ files: 12, storage_bytes: 360 });
    // Bytes that do not divide: nobody passes by even one.
    await server.ok('zone_update', { ...at, limits: { max_files: 0, max_storage_bytes: 500 } });
    const appends = Array.from({ length: 40 }, () =>
      server.rpc('append', { ...at, path: '/seed', content: 'sevens!' }),
    );
    const passed = (await Promise.all(appends)).filter(({ error }) => error === null);
    expect(passed).toHaveLength(20);
    expect(await usage('crowded')).toMatchObject({ storage_bytes: 500 });
  });

  test('keys, tuples and jobs at once end exactly at the limit', async () => {
    await make('busy', { max_keys: 5, max_tuples: 6, max_jobs_queued: 4 });
    const at = { zone_id: 'busy' };
    const object = ['file', '/a'];
    const tuple = (i: number) => ({ subject: ['user', `u${i}`], relation: 'direct_viewer', object });
    const calls = Array.from({ length: 60 }, (_, i) => {
      if (i % 4 === 0) return server.rpc('admin_create_key', { ...at, name: `k${i}` });
      if (i % 4 === 1) return server.rpc('rebac_create', { ...at, ...tuple(i) });
      if (i % 4 === 2) return server.rpc('share_with_user', { ...at, path: '/a', user_id: `u${i}` });
      return server.http('/api/v2/scheduler/submit', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...at, executor: 'outside', task_type: 'none', payload: {} }),
      });
    });
    const statuses = (await Promise.all<{ readonly status: number }>(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 507)).toHaveLength(60 - 5 - 6 - 4);
    expect(await usage('busy')).toMatchObject({ keys: 5, tuples: 6, jobs_queued: 4 });
  });
});
