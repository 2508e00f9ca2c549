/** The query of the audit log: filters against a plain search, pages, formats, and who sees what. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { type AuditEntry, csv } from './entries.ts';

forEachEngine('the list', (engine) => {
  let server: TestServer;
  let admin: string;
  let all: AuditEntry[];
  const page = (params: object) =>
    server.ok('audit_list', { zone_id: 'acme', ...params }) as Promise<{
      entries: AuditEntry[];
      has_more: boolean;
      next_cursor: string | null;
    }>;
  const list = async (params: object) => (await page({ limit: 1000, ...params })).entries;

  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('acme');
    await server.addZone('other');
    admin = await server.addKey({ zone_id: 'acme', subject: 'ann', role: 'admin' });
    const reader = await server.addKey({
      zone_id: 'acme',
      subject: 'rob',
      role: 'viewer',
      grants: [['direct_viewer', '/a']],
    });
    for (let i = 0; i < 30; i++) {
      await server.ok('write', { path: `/${i % 2 ? 'a' : 'b'}/${i}`, content: 'x' }, admin);
      await server.ok('exists', { path: `/a/${i}` }, reader);
      if (i % 10 === 0) await server.fault('read', { path: '/b/secret' }, reader);
      if (i % 7 === 0)
        await (await server.http('/api/v2/files/a/1', { headers: { authorization: `Bearer ${reader}` } })).text();
    }
    all = await list({});
  });
  afterAll(() => server.stop());

  test('is newest first, and each row has its own id', () => {
    expect(all.length).toBeGreaterThan(60);
    const times = all.map(({ at }) => at);
    expect(times).toEqual(times.toSorted().reverse());
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.filter(({ zone_id, tenant_id }) => zone_id === 'acme' && tenant_id === 'acme')).toEqual(all);
  });

  test.each([
    [{ actor: 'user:rob' }, (row: AuditEntry) => row.actor === 'user:rob'],
    [{ action: 'file.write' }, (row: AuditEntry) => row.action === 'file.write'],
    [{ outcome: 'denied' }, (row: AuditEntry) => row.outcome === 'denied'],
    [{ outcome: 'failed' }, (row: AuditEntry) => row.outcome === 'failed'],
    [{ channel: 'http' }, (row: AuditEntry) => row.channel === 'http'],
    [{ object: '/a/1' }, (row: AuditEntry) => row.object.startsWith('/a/1')],
    [
      { actor: 'user:rob', object: '/a', channel: 'rpc' },
      (row: AuditEntry) => row.actor === 'user:rob' && row.object.startsWith('/a') && row.channel === 'rpc',
    ],
    [{ action: 'no.such' }, () => false],
  ])('by %j', async (params, wanted) => {
    expect((await list({ ...params, until: all[0]?.at })).map(({ id }) => id)).toEqual(
      all.filter((row) => wanted(row) && row.at < (all[0]?.at ?? '')).map(({ id }) => id),
    );
  });

  test('by time: from the first on, up to and not including the second, under either name', async () => {
    for (const [i, k] of [
      [50, 20],
      [all.length - 1, 3],
      [10, 10],
    ] as const) {
      const [since, until] = [all[i]?.at ?? '', all[k]?.at ?? ''];
      const wanted = all.filter(({ at }) => at >= since && at < until).map(({ id }) => id);
      expect((await list({ since, until })).map(({ id }) => id)).toEqual(wanted);
      expect((await list({ start_time: since, end_time: until })).map(({ id }) => id)).toEqual(wanted);
    }
    expect(await list({ until: '2001-01-01T00:00:00Z' })).toEqual([]);
    expect(await list({ since: '2999-01-01T00:00:00Z' })).toEqual([]);
    const odd = { since: '2001-01-01T00:00:00Z', start_time: '2002-01-01T00:00:00Z' };
    expect(await server.fault('audit_list', odd)).toBe('INVALID_PARAMS');
  });

  test('in pages of any size, whatever is written meanwhile', async () => {
    for (const limit of [1, 7, 50]) {
      const seen: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null && seen.length < 60; ) {
        const next = await page({ until: all[0]?.at, limit, ...(cursor ? { cursor } : {}) });
        expect(next.entries.length).toBeLessThanOrEqual(limit);
        expect(next.has_more).toBe(next.next_cursor !== null);
        seen.push(...next.entries.map(({ id }) => id));
        cursor = next.next_cursor;
        await server.ok('write', { path: '/meanwhile', content: `${seen.length}` }, admin);
      }
      const wanted = all.filter(({ at }) => at < (all[0]?.at ?? '')).map(({ id }) => id);
      expect(seen.slice(0, 60)).toEqual(wanted.slice(0, seen.length).slice(0, 60));
    }
    expect(await server.fault('audit_list', { cursor: 'x' })).toBe('INVALID_CURSOR');
    expect((await page({})).entries).toHaveLength(100);
  });

  describe('as a text', () => {
    const text = async (query: string): Promise<Response> => {
      const response = await server.http(`/api/v2/audit?zone_id=acme&${query}`);
      expect(response.status).toBe(200);
      return response;
    };

    test('of lines, all of them, however many pages that is', async () => {
      await server.ok('write_batch', { zone_id: 'acme', files: [['/many', 'x']] });
      for (let i = 0; i < 44; i++) {
        await Promise.all(Array.from({ length: 25 }, () => server.ok('exists', { path: '/many' }, admin)));
      }
      const response = await text('format=jsonl');
      expect(response.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
      const lines = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditEntry);
      expect(lines.length).toBeGreaterThan(1_100);
      expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
      const byId = new Map(lines.map((line) => [line.id, line]));
      for (const row of all) expect(byId.get(row.id)).toEqual(row);
    });

    test('of a page says where the next begins', async () => {
      const first = await text('format=jsonl&limit=5');
      expect((await first.text()).trimEnd().split('\n')).toHaveLength(5);
      const cursor = first.headers.get('x-nexus-next-cursor') ?? '';
      const second = await text(`format=csv&limit=5&cursor=${cursor}`);
      // Without the head, which stands before the first page only.
      expect(await second.text()).toMatch(/^"acme:/);
    });

    test('of CSV has a head, CRLF, and cells that no spreadsheet takes for formulas', async () => {
      await server.ok('write', { path: '/csv/=1+1,"quoted"', content: 'x' }, admin);
      const response = await text('format=csv&object=/csv');
      expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
      const [head, row, ...rest] = (await response.text()).split('\r\n');
      expect(head).toMatch(/^id,at,zone_id,tenant_id,actor,subject_type,/);
      expect(row).toContain(',"/csv/=1+1,""quoted""",');
      expect(rest).toEqual(['']);
    });

    test('is a text in `entries` by JSON-RPC', async () => {
      const { entries } = await server.ok('audit_list', {
        zone_id: 'acme',
        action: 'file.write',
        limit: 2,
        format: 'jsonl',
      });
      expect(String(entries).trimEnd().split('\n')).toHaveLength(2);
    });
  });

  test('only an admin of the zone sees it; other zones are invisible, also to an admin', async () => {
    const mine = (await server.ok('audit_list', { limit: 1000 }, admin)).entries as AuditEntry[];
    expect(new Set(mine.map(({ zone_id }) => zone_id))).toEqual(new Set(['acme']));
    for (const zone_id of ['other', 'root', 'never-was']) {
      expect(await server.fault('audit_list', { zone_id }, admin)).toBe('ACCESS_DENIED');
      expect(await server.fault('audit_verify', { zone_id }, admin)).toBe('ACCESS_DENIED');
    }
    expect(await server.fault('audit_verify', { all: true }, admin)).toBe('ACCESS_DENIED');
    for (const role of ['viewer', 'operator', 'researcher'] as const) {
      const key = await server.addKey({ zone_id: 'acme', role });
      expect(await server.fault('audit_list', {}, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('audit_verify', {}, key)).toBe('ACCESS_DENIED');
    }
  });

  test('of a zone that never was is empty, of one that ended is there', async () => {
    expect(await server.ok('audit_list', { zone_id: 'never-was' })).toEqual({
      entries: [],
      has_more: false,
      next_cursor: null,
    });
    await server.addZone('ends');
    await server.ok('write', { zone_id: 'ends', path: '/f', content: 'x' });
    await server.ok('zone_delete', { zone_id: 'ends' });
    const gone = () => server.sql.read((tx) => tx.get("SELECT phase FROM zones WHERE zone_id = 'ends'"));
    await expect.poll(gone, { timeout: 20_000 }).toEqual({ phase: 'Terminated' });
    const { entries } = await server.ok('audit_list', { zone_id: 'ends' });
    expect((entries as AuditEntry[]).map(({ action }) => action)).toEqual([
      'zone.terminate',
      'zone.delete',
      'file.write',
    ]);
    expect(await server.ok('audit_verify', { zone_id: 'ends' })).toMatchObject({ ok: true });
  });
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '|calc', '%0'])('no cell begins with %j', (text) => {
  const row = { id: 'x', actor: text, details: {} } as unknown as AuditEntry;
  expect(csv([row], false)).toContain(`"'${text}"`);
});
