/** A zone that leaves by an export comes in elsewhere as it was; whatever is wrong with an export is found, and nothing is made. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENGINES, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { readZone, type ZoneTaking } from '../../features/backups/zone-read.ts';
import { ZONE_LEAVES, ZONE_TABLES } from '../../features/backups/zone-tables.ts';
import { readCatalogue } from './state.ts';

const FLIPS = 60;
const LARGE = randomBytes(150_000);
const nothing: ZoneTaking = {
  row: () => undefined,
  contentBegins: () => undefined,
  bytes: () => undefined,
  contentEnds: () => undefined,
};
async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test('each table of the state goes with a zone, or stays for a reason', () => {
  const told = [...ZONE_TABLES, ...Object.keys(ZONE_LEAVES)];
  expect(told.toSorted()).toEqual(Object.keys(readCatalogue().dumped).toSorted());
});

forEachEngine('a zone', (engine) => {
  let here: TestServer;
  let there: TestServer;
  let key: string;
  const other = ENGINES.find((one) => one !== engine) ?? engine;
  const request = (server: TestServer, path: string, init: RequestInit = {}) => server.http(path, init);
  const exportOf = async (server: TestServer, zone_id: string): Promise<Buffer> => {
    const response = await request(server, `/api/v2/zones/${zone_id}/export`);
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };
  const bring = async (server: TestServer, bytes: Uint8Array, given: { zone_id?: string } = {}) => {
    expect((await request(server, '/api/v2/files/in.zone', { method: 'PUT', body: bytes })).ok).toBe(true);
    const response = await request(server, '/api/v2/zones/import', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/in.zone', ...given }),
    });
    const body = (await response.json()) as Record<string, unknown> & { error?: { code?: string } | null };
    return { status: response.status, body };
  };
  const rowsOf = (server: TestServer, zone_id: string) =>
    server.sql.read((tx) => tx.all('SELECT zone_id FROM zones WHERE zone_id = ?', [zone_id]));

  beforeAll(async () => {
    here = await startTestServer({ engine });
    there = await startTestServer({ engine: other });
    await here.ok('zone_create', { zone_id: 'team', name: 'Team' });
    key = await here.addKey({ zone_id: 'team', role: 'admin', grants: [['direct_owner', '/']] });
    for (let n = 0; n < 20; n++) await here.ok('write', { path: `/docs/${n}.txt`, content: `text ${n} ü` }, key);
    await here.ok('write', { path: '/docs/1.txt', content: 'a second version' }, key);
    await here.ok('delete', { path: '/docs/2.txt' }, key);
    const put = { method: 'PUT', body: LARGE, headers: { authorization: `Bearer ${key}` } };
    expect((await here.http('/api/v2/files/large.bin', put)).status).toBe(201);
    await here.ok('write', { path: '/empty', content: '' }, key);
    const schedule = { name: 'nightly', cron: '0 3 29 feb *', executor: 'builder', task_type: 'compile' };
    const made = await here.http('/api/v2/scheduler/schedules', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(schedule),
    });
    expect(made.status).toBe(201);
  });
  afterAll(async () => {
    await here.stop();
    await there.stop();
  });

  test('is the same elsewhere, to the byte', { timeout: 60_000 }, async () => {
    const exported = await exportOf(here, 'team');
    const { status, body } = await bring(there, exported);
    expect([status, body]).toEqual([201, expect.objectContaining({ zone_id: 'team', from: 'team', keys_left_out: 0 })]);
    expect((await exportOf(there, 'team')).equals(exported)).toBe(true);
    // With the key that it had.
    const read = (path: string) => there.http(`/api/v2/files${path}`, { headers: { authorization: `Bearer ${key}` } });
    expect(await (await read('/docs/1.txt')).text()).toBe('a second version');
    expect(await (await read('/docs/1.txt?version=1')).text()).toBe('text 1 ü');
    expect((await read('/docs/2.txt')).status).toBe(404);
    expect(Buffer.from(await (await read('/large.bin')).arrayBuffer()).equals(LARGE)).toBe(true);
    await there.ok('write', { path: '/docs/new.txt', content: 'goes on' }, key);
    expect((await bring(there, exported)).body.error?.code).toBe('ALREADY_EXISTS');
    const { body: events } = await there.http('/api/v2/events?limit=5').then(async (answer) => ({
      body: (await answer.json()) as { events: { type: string; data: object }[] },
    }));
    expect(events.events).toContainEqual(
      expect.objectContaining({ type: 'zone.created', data: expect.objectContaining({ imported_from: 'team' }) }),
    );
  });

  test('is a copy beside itself, but for keys, which are of one zone', { timeout: 60_000 }, async () => {
    const exported = await exportOf(here, 'team');
    await here.ok('zone_create', { zone_id: 'copy', name: 'Made for it' });
    const { status, body } = await bring(here, exported, { zone_id: 'copy' });
    expect([status, body.keys_left_out]).toEqual([201, 1]);
    expect(await (await here.http('/api/v2/files/docs/1.txt?zone_id=copy')).text()).toBe('a second version');
    const copied = (await exportOf(here, 'copy')).toString().split('\n');
    const filesIn = (lines: string[]) =>
      lines.filter((line) => line.includes('"/docs/') || line.startsWith('{"content"'));
    const own = exported.toString().replaceAll('"team"', '"copy"').split('\n');
    expect(filesIn(copied)).toEqual(filesIn(own));
    await here.ok('write', { path: '/docs/1.txt', content: 'of the copy', zone_id: 'copy' });
    expect(await (await here.http('/api/v2/files/docs/1.txt?zone_id=team')).text()).toBe('a second version');
  });

  test('is not made of an export that is another than it was', { timeout: 60_000 }, async () => {
    const exported = await exportOf(here, 'team');
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(exported);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    const damaged = { code: 'BACKUP_DAMAGED' };
    expect(await readZone(whole(exported), nothing)).toEqual({ zone_id: 'team' });
    const places = Array.from({ length: FLIPS }, (_, n) => Math.floor((n * (exported.length - 1)) / (FLIPS - 1)));
    for (const at of places)
      await expect(readZone(whole(flipped(at)), nothing), `${at}`).rejects.toMatchObject(damaged);
    for (const wrong of [exported.subarray(0, -1), exported.subarray(0, exported.length / 2), Buffer.alloc(0)]) {
      await expect(readZone(whole(wrong), nothing)).rejects.toMatchObject(damaged);
    }
    const more = Buffer.concat([exported, Buffer.from('{}\n')]);
    await expect(readZone(whole(more), nothing)).rejects.toMatchObject(damaged);
    for (const wrong of [flipped(Math.floor(exported.length / 3)), flipped(exported.length - 5), more]) {
      const { status, body } = await bring(here, wrong, { zone_id: 'never' });
      expect([status, body.error?.code]).toEqual([422, 'BACKUP_DAMAGED']);
      expect(await rowsOf(here, 'never')).toEqual([]);
    }
  });

  test('is for an admin of zone root, and is not there where it is not', async () => {
    const headers = { authorization: `Bearer ${key}` };
    expect((await here.http('/api/v2/zones/team/export', { headers })).status).toBe(403);
    expect((await here.http('/api/v2/zones/nowhere/export')).status).toBe(404);
    const asked = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const missing = await here.http('/api/v2/zones/import', { ...asked, body: JSON.stringify({ path: '/none' }) });
    expect(missing.status).toBe(404);
  });
});
