/** Publishing, the logs of all zones as one, and who is refused what. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { EventObject } from './event-line.ts';

interface Page {
  readonly events: readonly EventObject[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

forEachEngine('the event log', (engine) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_EVENT_DATA_BYTES: '100' } });
  });
  afterAll(() => server.stop());

  const call = async (path: string, { key = ADMIN_KEY, body }: { key?: string; body?: unknown } = {}) => {
    const answer = await server.http(path, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });
    const json = (await answer.json()) as { error?: { code: string; message: string; data: object } } & Page;
    return { status: answer.status, code: json.error?.code, json };
  };
  const publish = (body: unknown, key?: string) =>
    call('/api/v2/events', { body, ...(key === undefined ? {} : { key }) });
  const seqOf = async (zone_id: string): Promise<number> => {
    const row = await server.sql.read((tx) =>
      tx.get<{ seq: number }>('SELECT seq FROM zones WHERE zone_id = ?', [zone_id]),
    );
    return row?.seq ?? -1;
  };

  test('a list of events is published as a whole, in its order, or not at all', async () => {
    const before = await seqOf('root');
    const many = Array.from({ length: 1000 }, (_, n) => ({ type: 'app.many', data: { n } }));
    const { status, json } = await publish(many);
    expect(status).toBe(201);
    expect(json.events.map(({ sequence_number }) => sequence_number)).toEqual(many.map((_, n) => before + 1 + n));
    const newest = await call('/api/v2/events?limit=2&operation_type=app.many');
    expect(newest.json.events.map(({ data, type, channel }) => [data, type, channel])).toEqual([
      [{ n: 999 }, 'app.many', 'api'],
      [{ n: 998 }, 'app.many', 'api'],
    ]);
    const after = await seqOf('root');
    const refused: readonly [unknown, number, string][] = [
      [[...many, many[0]], 422, 'INVALID_PARAMS'],
      [[], 422, 'INVALID_PARAMS'],
      [{}, 422, 'INVALID_PARAMS'],
      [{ type: 'app.x', events: [] }, 422, 'INVALID_PARAMS'],
      [[{ type: 'app.ok' }, { type: 'app.' }], 422, 'INVALID_PARAMS'],
      [[{ type: 'app.ok' }, { type: 'app.UPPER' }], 422, 'INVALID_PARAMS'],
      [[{ type: 'app.ok' }, { type: 'app.ok', extra: 1 }], 422, 'INVALID_PARAMS'],
      [[{ type: 'app.ok' }, { type: 'app.ok', data: 'text' }], 422, 'INVALID_PARAMS'],
      [[{ type: 'app.ok' }, { type: 'write' }], 403, 'ACCESS_DENIED'],
      [[{ type: 'app.ok' }, { type: 'app.ok', data: { text: 'x'.repeat(100) } }], 400, 'LIMIT_EXCEEDED'],
      [[{ type: 'app.ok' }, { type: 'app.ok', path: '/../x' }], 400, 'INVALID_PATH'],
    ];
    for (const [body, wantedStatus, code] of refused) {
      const outcome = await publish(body);
      expect([outcome.status, outcome.code], JSON.stringify(body).slice(0, 200)).toEqual([wantedStatus, code]);
    }
    expect(await seqOf('root')).toBe(after);
  });

  test('what is wrong with one of several is told with its index', async () => {
    const told = async (one: object) => (await publish([{ type: 'app.ok' }, one])).json.error?.data;
    const named = { path: 'events.1.type', message: expect.stringContaining('is no name') };
    expect(await told({ type: 'app.UPPER' })).toEqual({ index: 1, issues: [expect.objectContaining(named)] });
    expect(await told({ type: 'app.ok', data: 1 })).toMatchObject({ issues: [{ path: 'events.1.data' }] });
    const big = { text: 'x'.repeat(100) };
    for (const one of [{ type: 'write' }, { type: 'app.ok', data: big }, { type: 'app.ok', path: '/../x' }]) {
      expect(await told(one)).toMatchObject({ index: 1 });
    }
    const alone = (await publish({ type: 'app.UPPER' })).json.error?.data;
    expect(alone).toEqual({ issues: [expect.objectContaining({ ...named, path: 'type' })] });
  });

  test('what an event is about needs write on it, and only its own subject sees it', async () => {
    const ada = await server.addKey({ subject: 'ada', grants: [['direct_editor', '/ada']] });
    const bob = await server.addKey({ subject: 'bob', grants: [['direct_viewer', '/ada']] });
    const said = async (type: string) => (await publish({ type })).json.error?.message;
    expect(await said('app.Built!')).toBe(
      'type: "app.Built!" is no name: it has to be app. and 1 to 64 of a-z, 0-9, _ . and -; for example app.build_finished',
    );
    expect(await said('built')).toBe(
      'Access denied: only events of the family app are published, not built; for example app.build_finished',
    );
    expect((await publish({ type: 'app.own', path: '/ada/x' }, ada)).status).toBe(201);
    expect(await publish([{ type: 'app.own' }, { type: 'app.own', path: '/else' }], ada)).toMatchObject({
      status: 403,
    });
    expect(await publish({ type: 'app.own', path: '/ada/x' }, bob)).toMatchObject({ status: 403 });
    const types = async (key: string) =>
      (await call('/api/v2/events?operation_type=app.own', { key })).json.events.length;
    expect([await types(ada), await types(bob), await types(ADMIN_KEY)]).toEqual([1, 0, 1]);
  });

  test('all zones together are newest first by time, then by zone, in pages of any size', async () => {
    const zones = ['multi-a', 'multi-b', 'multi-c'];
    for (const zone_id of zones) await server.addZone(zone_id);
    const wanted: [string, number][] = [];
    await server.sql.write('root', async (tx) => {
      for (const [z, zone_id] of zones.entries()) {
        for (let seq = 1; seq <= 30; seq++) {
          // Later than anything else here, and at equal times in several zones.
          const at = Date.UTC(2040, 0, 1) + Math.floor((seq * (z + 2)) / 4) * 1000;
          await tx.run(
            `INSERT INTO events (zone_id, seq, at, type, path, user_id, channel, request_id, data)
             VALUES (?, ?, ?, ?, '', 'ada', 'rpc', 'r', '{}')`,
            [zone_id, seq, at, seq % 3 === 0 ? 'app.third' : 'app.other'],
          );
          await tx.run('UPDATE zones SET seq = ?, seq_at = ? WHERE zone_id = ?', [seq, at, zone_id]);
        }
      }
      const rows = await tx.all<{ zone_id: string; seq: number }>(
        "SELECT zone_id, seq FROM events WHERE zone_id LIKE 'multi-%' AND type = 'app.third' ORDER BY at DESC, zone_id, seq DESC",
      );
      wanted.push(...rows.map(({ zone_id, seq }): [string, number] => [zone_id, seq]));
    });
    expect(wanted).toHaveLength(30);
    for (const limit of [1, 4, 7, 1000]) {
      const found: [string, number][] = [];
      for (let cursor = ''; ; ) {
        const path = `/api/v2/events?zone_id=*&operation_type=app.third&limit=${limit}${cursor && `&cursor=${cursor}`}`;
        const { json } = await call(path);
        found.push(...json.events.map(({ zone_id, sequence_number }): [string, number] => [zone_id, sequence_number]));
        if (!json.has_more) break;
        cursor = json.next_cursor ?? '';
      }
      expect(found, `limit ${limit}`).toEqual(wanted);
    }
    const admin = await server.addKey({ zone_id: 'multi-a', role: 'admin' });
    expect((await call('/api/v2/events?zone_id=*', { key: admin })).code).toBe('ACCESS_DENIED');
    expect((await call('/api/v2/events?zone_id=multi-b', { key: admin })).code).toBe('ACCESS_DENIED');
    expect((await call('/api/v2/events/replay?zone_id=*')).code).toBe('ZONE_NOT_FOUND');
  });

  test('a page holds some megabytes at most, and the next one goes on', async () => {
    await server.addZone('heavy');
    const key = await server.addKey({ zone_id: 'heavy', role: 'admin' });
    const data = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
    await server.sql.write('heavy', async (tx) => {
      for (let seq = 1; seq <= 20; seq++) {
        await tx.run(
          `INSERT INTO events (zone_id, seq, at, type, path, user_id, channel, request_id, data)
           VALUES ('heavy', ?, ?, 'app.heavy', '', 'ada', 'rpc', 'r', ?)`,
          [seq, seq, data],
        );
      }
      await tx.run("UPDATE zones SET seq = 20 WHERE zone_id = 'heavy'");
    });
    for (const path of ['/api/v2/events', '/api/v2/events/replay']) {
      const pages: number[][] = [];
      for (let cursor = ''; ; ) {
        const { json } = await call(`${path}?limit=1000${cursor && `&cursor=${cursor}`}`, { key });
        pages.push(json.events.map(({ sequence_number }) => sequence_number));
        if (!json.has_more) break;
        cursor = json.next_cursor ?? '';
      }
      expect(pages.map(({ length }) => length)).toEqual([8, 8, 4]);
      expect(pages.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    }
    const headers = { authorization: `Bearer ${key}`, accept: 'application/x-ndjson' };
    const lines = (await (await server.http('/api/v2/events/replay', { headers })).text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as EventObject).sequence_number)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  test('a type that no event can have is refused, and one that is or will be is taken', async () => {
    const status = async (query: string) => (await call(`/api/v2/${query}`)).status;
    for (const word of ['job.finished', 'job.done', 'key.bogus', 'agent.x', 'tree_branch.', 'toString', 'zone']) {
      expect(await status(`events?operation_type=${word}`), word).toBe(422);
      expect(await status(`operations?operation_type=write,${word}`), word).toBe(422);
      expect(await status(`events/replay?event_types=${word}`), word).toBe(422);
      expect(await status(`events/stream?event_types=${word}`), word).toBe(422);
    }
    const known =
      'create,file_deleted,dir_create,dir_delete,move,grant,revoke,key.revoked,zone.updated,access.schema,tree_snapshot.created,' +
      'tree_branch.deleted,agent.transition,message.sent,job.retry_wait,schedule.deleted,mount.mcp_added,sync.pushed,' +
      'conflict.opened,brick.changed,backup.failed,branch.created,remix.created,workflow.rolled_back,execution.waiting,' +
      'sandbox.egress_denied,image.built,asset.installed,app.any';
    expect(await status(`events?operation_type=${known}`)).toBe(200);
    expect(await status(`events/replay?event_types=${known}`)).toBe(200);
    expect(await status('events?operation_type=')).toBe(422);
    expect(await status('events/replay?event_types=')).toBe(422);
  });

  test('from a time on, a list is whole or refused', async () => {
    await server.addZone('trimmed');
    const key = await server.addKey({ zone_id: 'trimmed', role: 'admin' });
    const at = (seq: number): number => Date.UTC(2026, 0, seq);
    await server.sql.write('trimmed', async (tx) => {
      await tx.run("DELETE FROM events WHERE zone_id = 'trimmed'");
      for (let seq = 5; seq <= 9; seq++) {
        await tx.run(
          `INSERT INTO events (zone_id, seq, at, type, path, user_id, channel, request_id, data)
           VALUES ('trimmed', ?, ?, 'write', '/a', 'ada', 'rpc', 'r', '{}')`,
          [seq, at(seq)],
        );
      }
      await tx.run("UPDATE zones SET seq = 9, seq_at = ? WHERE zone_id = 'trimmed'", [at(9)]);
    });
    for (const [path, list] of [
      ['/api/v2/events', 'events'],
      ['/api/v2/operations', 'operations'],
    ] as const) {
      const since = (seq: number) => call(`${path}?since=${new Date(at(seq)).toISOString()}`, { key });
      const numbers = async (answer: ReturnType<typeof call>) => {
        const { json } = await answer;
        return (json as unknown as Record<string, EventObject[]>)[list]?.map(({ sequence_number }) => sequence_number);
      };
      expect(await since(4)).toMatchObject({ status: 410, code: 'REVISION_GONE' });
      // Nothing says that the oldest one that is kept is the first of its time.
      expect(await since(5)).toMatchObject({ status: 410, code: 'REVISION_GONE' });
      expect(await numbers(since(6))).toEqual([9, 8, 7, 6]);
      expect(await numbers(call(path, { key }))).toEqual([9, 8, 7, 6, 5]);
      const until = (seq: number) => call(`${path}?until=${new Date(at(seq)).toISOString()}`, { key });
      expect(await until(4)).toMatchObject({ status: 410, code: 'REVISION_GONE' });
      expect(await numbers(until(6))).toEqual([6, 5]);
      expect(await numbers(until(30))).toEqual([9, 8, 7, 6, 5]);
    }
    await server.sql.write('trimmed', (tx) => tx.run("DELETE FROM events WHERE zone_id = 'trimmed'"));
    const now = new Date(at(30)).toISOString();
    expect(await call(`/api/v2/events?until=${now}`, { key })).toMatchObject({ status: 200, json: { events: [] } });
  });

  test('a zone that never was is an empty log, and a cursor is one of its own zone and list', async () => {
    for (const path of ['/api/v2/events', '/api/v2/events/replay', '/api/v2/operations']) {
      expect(await call(`${path}?zone_id=never-was`)).toMatchObject({ status: 200, json: { has_more: false } });
      expect((await call(path, { key: 'no-such-key-000000' })).status).toBe(401);
      expect((await call(`${path}?cursor=abc`)).code).toBe('INVALID_CURSOR');
      expect((await call(`${path}?limit=0`)).code).toBe('INVALID_PARAMS');
    }
    await server.addZone('cursor-zone');
    const { json } = await call('/api/v2/events?limit=1');
    expect((await call(`/api/v2/events?zone_id=cursor-zone&cursor=${json.next_cursor}`)).code).toBe('INVALID_CURSOR');
    expect((await call(`/api/v2/events/replay?cursor=${json.next_cursor}`)).code).toBe('INVALID_CURSOR');
    await publish([{ type: 'app.one' }, { type: 'app.two' }]);
    for (const zone of ['', '&zone_id=*']) {
      const { next_cursor } = (await call(`/api/v2/events?limit=1${zone}`)).json;
      expect((await call(`/api/v2/events?limit=1${zone}&cursor=${next_cursor}`)).status).toBe(200);
      expect((await call(`/api/v2/operations?limit=1${zone}&cursor=${next_cursor}`)).code).toBe('INVALID_CURSOR');
    }
    expect((await call('/api/v2/events/replay?since_revision=cursor-zone.1')).code).toBe('INVALID_CURSOR');
    expect((await call('/api/v2/events/replay?event_types=exploded')).status).toBe(422);
    expect((await call('/api/v2/events/replay?since_timestamp=yesterday')).status).toBe(422);
    expect((await call('/api/v2/watch?timeout=301')).status).toBe(422);
  });
});
