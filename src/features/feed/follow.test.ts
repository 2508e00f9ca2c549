/**
 * Who listens is given every event that he may see, each once and in order: while many write, when he is slow, vanishes and
 * comes back, gains and loses rights; and ends when he may listen no longer, or the server goes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { type Listener, listen } from '../../../test/listener.ts';
import type { EventObject } from './event-line.ts';

const WRITERS = 50;
const WRITES = 8;

const numbersIn = async (server: TestServer, zone_id: string): Promise<number[]> => {
  const rows = await server.sql.read((tx) =>
    tx.all<{ seq: number }>('SELECT seq FROM events WHERE zone_id = ? ORDER BY seq', [zone_id]),
  );
  return rows.map(({ seq }) => seq);
};

const publish = async (server: TestServer, body: unknown, key = ADMIN_KEY): Promise<Response> =>
  server.http('/api/v2/events', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

forEachEngine('listeners', (engine) => {
  let server: TestServer;
  let zone = 0;

  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  /** A zone of its own, with the key of its admin. */
  async function freshZone(): Promise<{ zone_id: string; key: string }> {
    const zone_id = `zone-${++zone}`;
    await server.addZone(zone_id);
    return { zone_id, key: await server.addKey({ zone_id, subject: 'boss', role: 'admin' }) };
  }

  const writeAll = (key: string): Promise<unknown> =>
    Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        for (let i = 0; i < WRITES; i++) await server.ok('write', { path: `/w${writer}/f${i}`, content: `${i}` }, key);
      }),
    );

  /** Listens, leaves after every few events, and comes back where it was. */
  async function restless(key: string, whole: number): Promise<number[]> {
    const numbers: number[] = [];
    // Behind nothing: by the time that it is heard, others may have written.
    let last = '0';
    while (numbers.length < whole) {
      const listener = await listen(server.url, { key, lastEventId: last });
      const wanted = Math.min(7, whole - numbers.length);
      await listener.until(() => listener.events.length >= wanted);
      listener.vanish();
      numbers.push(...listener.numbers);
      last = listener.last;
    }
    return numbers;
  }

  /** Polls with what the answer before gave. */
  async function poll(key: string, whole: number): Promise<number[]> {
    const numbers: number[] = [];
    let since = '0';
    while (numbers.length < whole) {
      const answer = await server.http(`/api/v2/watch?since=${since}&timeout=20`, {
        headers: { authorization: `Bearer ${key}` },
      });
      const { changes, cursor } = (await answer.json()) as { changes: EventObject[]; cursor: string };
      numbers.push(...changes.map(({ sequence_number }) => sequence_number));
      since = cursor;
    }
    return numbers;
  }

  async function page(key: string, whole: number): Promise<number[]> {
    const numbers: number[] = [];
    let cursor = '';
    while (numbers.length < whole) {
      const answer = await server.http(`/api/v2/events/replay?limit=9${cursor && `&cursor=${cursor}`}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      const { events, next_cursor } = (await answer.json()) as { events: EventObject[]; next_cursor: string };
      numbers.push(...events.map(({ sequence_number }) => sequence_number));
      cursor = next_cursor;
    }
    return numbers;
  }

  test('the newest of rare events are found however many others came since', async () => {
    const { key } = await freshZone();
    await publish(server, [{ type: 'app.rare', data: { n: 1 } }], key);
    const others = Array.from({ length: 1000 }, () => ({ type: 'app.other' }));
    for (let n = 0; n < 11; n++) await publish(server, others, key);
    await publish(server, [{ type: 'app.rare', data: { n: 2 } }], key);
    for (let n = 0; n < 10; n++) await publish(server, others, key);
    const listening = (tail: number) => listen(server.url, { key, query: `?event_types=app.rare&tail=${tail}` });
    const both = await listening(10);
    const newest = await listening(1);
    await both.until(() => both.events.length >= 2);
    await newest.until(() => newest.events.length >= 1);
    await publish(server, { type: 'app.rare', data: { n: 3 } }, key);
    for (const listener of [both, newest]) await listener.until(() => listener.events.at(-1)?.data.n === 3);
    expect(both.events.map(({ data }) => data.n)).toEqual([1, 2, 3]);
    expect(newest.events.map(({ data }) => data.n)).toEqual([2, 3]);
    both.vanish();
    newest.vanish();
  }, 60_000);

  test('many write while some read on, some come and go, and one stops now and then', async () => {
    const { zone_id, key } = await freshZone();
    const whole = WRITERS * WRITES;
    const steady = await Promise.all(Array.from({ length: 5 }, () => listen(server.url, { key, query: '?tail=0' })));
    const hesitant = await listen(server.url, { key, query: '?tail=0' });
    const others = Promise.all([restless(key, whole), restless(key, whole), poll(key, whole), page(key, whole)]);
    const written = writeAll(key);
    for (let n = 20; n <= whole; n += 20) {
      await hesitant.until(() => hesitant.events.length >= n);
      hesitant.pause();
      await server.ok('exists', { path: '/' }, key);
      hesitant.resume();
    }
    await written;
    const wanted = await numbersIn(server, zone_id);
    expect(wanted).toHaveLength(whole);
    for (const listener of [...steady, hesitant]) {
      await listener.until(() => listener.events.length >= whole);
      expect(listener.numbers).toEqual(wanted);
      expect(listener.ids).toEqual(listener.events.map(({ event_id }) => event_id));
      listener.vanish();
    }
    expect((await others).map((numbers) => numbers.slice(0, whole))).toEqual([wanted, wanted, wanted, wanted]);
  }, 120_000);

  test('it begins with the newest events, or behind the last one seen', async () => {
    const { zone_id, key } = await freshZone();
    for (const name of ['a', 'b', 'c', 'd']) await server.ok('write', { path: `/${name}.txt`, content: name }, key);
    await server.ok('mkdir', { path: '/folder' }, key);
    const begun = async (how: Parameters<typeof listen>[1], count: number): Promise<number[]> => {
      const listener = await listen(server.url, { key, ...how });
      await listener.until(() => listener.events.length >= count);
      expect(listener.text.startsWith('retry: 5000\n\n')).toBe(true);
      listener.vanish();
      return listener.numbers;
    };
    expect(await begun({ query: '?tail=2' }, 2)).toEqual([4, 5]);
    expect(await begun({ query: '?tail=2&event_types=put' }, 2)).toEqual([3, 4]);
    expect(await begun({ query: '?tail=100&path=/*.txt' }, 4)).toEqual([1, 2, 3, 4]);
    expect(await begun({ lastEventId: `${zone_id}.3` }, 2)).toEqual([4, 5]);
    expect(await begun({ lastEventId: '3' }, 2)).toEqual([4, 5]);
    expect(await begun({ lastEventId: 'elsewhere.3', query: '?tail=1' }, 1)).toEqual([5]);
    expect(await begun({ lastEventId: `${zone_id}.999`, query: '?tail=1' }, 1)).toEqual([5]);
  });

  test('a listener is given what he may read when it comes', async () => {
    const { zone_id, key } = await freshZone();
    const eve = await server.addKey({ zone_id, subject: 'eve', role: 'viewer' });
    const listener = await listen(server.url, { key: eve, query: '?tail=100' });
    await server.ok('write', { path: '/mine/unseen.txt', content: 'x' }, key);
    const { tuple_id } = await server.ok(
      'rebac_create',
      { subject: ['user', 'eve'], relation: 'direct_viewer', object: ['file', '/mine'] },
      key,
    );
    await server.ok('write', { path: '/mine/seen.txt', content: 'x' }, key);
    await server.ok('write', { path: '/other.txt', content: 'x' }, key);
    await server.ok('rename', { old_path: '/other.txt', new_path: '/mine/came.txt' }, key);
    await listener.until(() => listener.events.length >= 2);
    await server.ok('rebac_delete', { tuple_id }, key);
    await server.ok('write', { path: '/mine/gone.txt', content: 'x' }, key);
    await server.ok(
      'rebac_create',
      { subject: ['user', 'eve'], relation: 'direct_viewer', object: ['file', '/last.txt'] },
      key,
    );
    await server.ok('write', { path: '/last.txt', content: 'x' }, key);
    await listener.until(() => listener.events.some(({ path }) => path === '/last.txt'));
    expect(listener.events.map(({ type, path, old_path }) => [type, path, old_path])).toEqual([
      ['write', '/mine/seen.txt', undefined],
      ['rename', '/mine/came.txt', undefined],
      ['write', '/last.txt', undefined],
    ]);
    listener.vanish();
  });

  test('a listener whose key is revoked, or whose zone ends, is ended between two events', async () => {
    const { zone_id, key } = await freshZone();
    const { key: lent, key_id } = await server.ok('admin_create_key', { name: 'lent', zone_id, role: 'viewer' });
    const revoked = await listen(server.url, { key: lent });
    const stays = await listen(server.url, { key });
    await server.ok('admin_revoke_key', { key_id, zone_id });
    expect(await revoked.end()).toBe('whole');
    expect(stays.ended).toBeUndefined();
    expect((await listen(server.url, { key: lent })).status).toBe(401);
    await server.ok('zone_delete', { zone_id });
    expect(await stays.end()).toBe('whole');
  });

  test('what nobody was told of is seen all the same: events of another process, and a key that ended', async () => {
    const { zone_id, key } = await freshZone();
    const lent = await server.addKey({ zone_id, subject: 'lent', role: 'viewer' });
    const [stays, ends] = await Promise.all([listen(server.url, { key }), listen(server.url, { key: lent })]);
    await server.sql.write(zone_id, async (tx) => {
      await tx.run(
        `INSERT INTO events (zone_id, seq, at, type, path, user_id, channel, request_id, data)
         VALUES (?, 1, 1, 'app.silent', '', 'x', 'rpc', 'r', '{}')`,
        [zone_id],
      );
      await tx.run('UPDATE zones SET seq = 1 WHERE zone_id = ?', [zone_id]);
    });
    await stays.until(() => stays.events.length > 0);
    expect(stays.ids).toEqual([`${zone_id}.1`]);
    await server.sql.write(zone_id, async (tx) => {
      await tx.run("UPDATE keys SET revoked_at = 2 WHERE zone_id = ? AND subject_id = 'lent'", [zone_id]);
      await tx.run('UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = ?', [zone_id]);
    });
    expect(await ends.end()).toBe('whole');
    expect(stays.ended).toBeUndefined();
    stays.vanish();
  });

  test('who takes nothing is ended, and goes on where he was', async () => {
    const { zone_id, key } = await freshZone();
    const lazy = await listen(server.url, { key, query: '?tail=0' });
    const eager = await listen(server.url, { key, query: '?tail=0' });
    await publish(server, { type: 'app.first' }, key);
    await lazy.until(() => lazy.events.length > 0);
    lazy.pause();
    const data = { text: 'x'.repeat(30_000) };
    // What the network takes is not unsent; so this goes on until the server has had enough of it.
    while (server.running.server.streams.size > 1) {
      await publish(
        server,
        Array.from({ length: 20 }, () => ({ type: 'app.big', data })),
        key,
      );
    }
    const wanted = await numbersIn(server, zone_id);
    await eager.until(() => eager.events.length >= wanted.length);
    expect(eager.numbers).toEqual(wanted);
    lazy.resume();
    await lazy.end();
    expect(lazy.events.length).toBeLessThan(wanted.length);
    const again = await listen(server.url, { key, lastEventId: lazy.last });
    await again.until(() => again.events.length >= wanted.length - lazy.events.length);
    expect([...lazy.numbers, ...again.numbers]).toEqual(wanted);
    for (const one of [eager, again]) one.vanish();
  }, 60_000);

  test('however many listen, the log is read once', async () => {
    const { key } = await freshZone();
    const { sql } = server.running.server;
    const listeners: Listener[] = [];
    /** Statements of the server for one event that all are given. */
    const cost = async (): Promise<number> => {
      const before = sql.stats().statements;
      // Asked ahead: the event may be there before its publishing is answered.
      const seen = (listeners[0]?.events.length ?? 0) + 1;
      await publish(server, { type: 'app.counted' }, key);
      await Promise.all(listeners.map((one) => one.until(() => one.events.length >= seen)));
      return sql.stats().statements - before;
    };
    const add = async (count: number): Promise<void> => {
      listeners.push(
        ...(await Promise.all(Array.from({ length: count }, () => listen(server.url, { key, query: '?tail=0' })))),
      );
      const [first] = listeners;
      await Promise.all(
        listeners.map((one) =>
          one.until(() => one.events.length >= (first?.events.length ?? 0) || listeners.indexOf(one) > 0),
        ),
      );
    };
    await add(1);
    await cost();
    const alone = await cost();
    for (const one of listeners.splice(0)) one.vanish();
    await add(100);
    await cost();
    // One that listens or a hundred: only looks of the server at what it has to do come in between.
    expect(await cost()).toBeLessThan(alone + 50);
    for (const one of listeners) one.vanish();
  });
});

describe('the limits', () => {
  test('one stream too many is refused, and there is room again when one ends', async () => {
    const server = await startTestServer({
      environment: { NEXUS_LIMIT_STREAMS_PER_ZONE: '2', NEXUS_LIMIT_STREAMS_PER_NODE: '3' },
    });
    try {
      await server.addZone('other');
      const other = await server.addKey({ zone_id: 'other', role: 'admin' });
      const first = await listen(server.url);
      const second = await listen(server.url);
      expect((await listen(server.url)).status).toBe(429);
      const refused = await server.http('/api/v2/watch?timeout=0.1');
      expect(refused.headers.get('retry-after')).toBe('1');
      expect([refused.status, await refused.json()]).toMatchObject([
        429,
        { error: { code: 'TOO_MANY', data: { limit: 'STREAMS_PER_ZONE', maximum: 2 } } },
      ]);
      const third = await listen(server.url, { key: other });
      const full = await listen(server.url, { key: other });
      expect(full.status).toBe(429);
      await full.end();
      expect(full.text).toContain('STREAMS_PER_NODE');
      first.vanish();
      while (server.running.server.streams.size > 2) await new Promise(setImmediate);
      const again = await listen(server.url);
      expect(again.status).toBe(200);
      for (const one of [second, third, again]) one.vanish();
    } finally {
      await server.stop();
    }
  });

  test('a server that stops ends its streams and what waits, each as a whole', async () => {
    const server = await startTestServer();
    await server.ok('write', { path: '/a', content: 'a' });
    const listeners = await Promise.all([listen(server.url), listen(server.url), listen(server.url)]);
    for (const one of listeners) await one.until(() => one.events.length === 1);
    const waiting = server.http('/api/v2/watch?timeout=300');
    while (server.running.server.streams.size < 4) await new Promise(setImmediate);
    await server.stop();
    expect(await Promise.all(listeners.map((one) => one.end()))).toEqual(['whole', 'whole', 'whole']);
    expect(await (await waiting).json()).toMatchObject({ changes: [], timeout: true });
  });
});
