/**
 * Two servers on one PostgreSQL and one folder of blobs are one Nexus: each sees at once what the other did, nothing is
 * lost when both work on the same paths, and what is taken away on one is gone on the other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEYS_TOPIC } from '../src/features/access/keys.operations.ts';
import type { AuditEntry } from '../src/features/audit/entries.ts';
import { startTestServer, type TestServer } from './harness.ts';
import { listen } from './listener.ts';
import { freshDatabase } from './servers/shared-postgres.ts';

const WRITERS_A_NODE = 16;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let blobs: string;
let environment: Readonly<Record<string, string>>;
let nodes: TestServer[];
let first: TestServer;
let second: TestServer;

beforeAll(async () => {
  database = await freshDatabase();
  blobs = mkdtempSync(join(tmpdir(), 'nexus-blobs-'));
  environment = { NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL: pathToFileURL(blobs).href };
  // At once, on an empty database.
  nodes = await Promise.all([startTestServer({ environment }), startTestServer({ environment })]);
  [first, second] = nodes as [TestServer, TestServer];
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await database.drop();
  rmSync(blobs, { recursive: true });
});

/** The same work by many at once, half of them on each node. */
const together = <T>(work: (node: TestServer, writer: number) => Promise<T>): Promise<T[]> =>
  Promise.all(
    nodes.flatMap((node, n) => Array.from({ length: WRITERS_A_NODE }, (_, w) => work(node, n * WRITERS_A_NODE + w))),
  );

const read = (node: TestServer, path: string): Promise<string> => node.ok('read', { path, encoding: 'utf-8' });

test('they set up the database together, once', async () => {
  const counted = (table: string) => first.sql.read((tx) => tx.get(`SELECT COUNT(*) AS n FROM ${table}`));
  expect(await counted('zones')).toEqual({ n: 1 });
  expect(await counted('keys')).toEqual({ n: 1 });
});

test('a token of one is a token of the other, and a revoked key ends it on both', async () => {
  const made = await first.ok('admin_create_key', { name: 't', role: 'admin' });
  const headers = { authorization: `Bearer ${made.key}` };
  const answer = await first.http('/api/v1/auth/token', { method: 'POST', headers });
  const { access_token } = (await answer.json()) as { access_token: string };
  for (const node of nodes) {
    expect(await node.ok('whoami', {}, access_token)).toMatchObject({ key_id: made.key_id, auth_method: 'jwt' });
    await node.ok('list', { path: '/' }, access_token);
  }
  await second.ok('admin_revoke_key', { key_id: made.key_id });
  for (const node of nodes) {
    const { status, body } = await node.rpc('list', { path: '/' }, access_token);
    expect([status, body]).toMatchObject([401, { detail: 'Invalid token' }]);
  }
});

test('what one wrote, the other reads, lists and changes at once', async () => {
  for (let i = 0; i < 20; i++) {
    const [writer, reader] = i % 2 ? [first, second] : [second, first];
    await writer.ok('write', { path: '/seen/small.txt', content: `small ${i}` });
    expect(await read(reader, '/seen/small.txt')).toBe(`small ${i}`);
    const large = `${i} `.repeat(50_000);
    await writer.ok('write', { path: `/seen/large${i}.txt`, content: large });
    expect((await read(reader, `/seen/large${i}.txt`)) === large).toBe(true);
    await reader.ok('delete', { path: `/seen/large${i}.txt` });
    expect(await writer.fault('read', { path: `/seen/large${i}.txt` })).toBe('FILE_NOT_FOUND');
  }
  expect((await second.ok('list', { path: '/seen' })).files).toEqual(['/seen/small.txt']);
});

/** Each try but one of every round is in vain, so the rounds are few and take their time on a busy machine. */
const COUNTER_MS_MAX = 120_000;

test(
  'a counter that all of them count up, each only from the state it read, is exact',
  async () => {
    await first.ok('write', { path: '/counter', content: '0' });
    await together(async (node) => {
      for (;;) {
        const { content, etag } = await node.ok('read', { path: '/counter', return_metadata: true });
        const next = String(Number(Buffer.from(content.data, 'base64').toString()) + 1);
        const { error } = await node.rpc('write', { path: '/counter', content: next, if_match: etag });
        if (!error) return;
        expect(error.data.code).toBe('ETAG_MISMATCH');
      }
    });
    expect(await read(second, '/counter')).toBe(String(2 * WRITERS_A_NODE));
    expect((await first.ok('get_metadata', { path: '/counter' })).version).toBe(2 * WRITERS_A_NODE + 1);
  },
  COUNTER_MS_MAX,
);

test('appends of all of them arrive, each once and whole', async () => {
  const rounds = 5;
  await together(async (node, writer) => {
    for (let i = 0; i < rounds; i++) await node.ok('append', { path: '/log', content: `${writer} ${i}\n` });
  });
  const lines = (await read(first, '/log')).trimEnd().split('\n');
  expect(lines).toHaveLength(2 * WRITERS_A_NODE * rounds);
  expect(new Set(lines).size).toBe(lines.length);
  expect((await second.ok('list_versions', { path: '/log', limit: 1000 })).length).toBe(lines.length);
});

test('a limit of a zone holds for both together', async () => {
  await first.addZone('tight', { max_files: 10 });
  const outcomes = await together((node, writer) =>
    node
      .rpc('write', { path: `/f${writer}`, content: 'x', zone_id: 'tight' })
      .then(({ error }) => error?.data.code ?? 'ok'),
  );
  expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(10);
  expect(new Set(outcomes)).toEqual(new Set(['ok', 'QUOTA_EXCEEDED']));
});

test('the log of events has every number once, and its times never fall', async () => {
  const rows = await second.sql.read((tx) =>
    tx.all<{ seq: number; at: number }>("SELECT seq, at FROM events WHERE zone_id = 'root' ORDER BY seq"),
  );
  expect(rows.length).toBeGreaterThan(200);
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, i) => i + 1));
  const times = rows.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('who listens at either sees what both wrote, each event once and in order, and goes on at the other', async () => {
  const everywhere = nodes.flatMap(({ url }) => [url, url]);
  const listeners = await Promise.all(everywhere.map((url) => listen(url, { query: '?tail=0&path=/streamed/**' })));
  const rounds = 5;
  const whole = 2 * WRITERS_A_NODE * rounds;
  const wandering = (async () => {
    const numbers: number[] = [];
    let last = '0';
    while (numbers.length < whole) {
      const { url } = nodes[numbers.length % 2]!;
      const listener = await listen(url, { query: '?path=/streamed/**', lastEventId: last });
      await listener.until(() => listener.events.length > 0);
      listener.vanish();
      numbers.push(...listener.numbers);
      last = listener.last;
    }
    return numbers;
  })();
  await together(async (node, writer) => {
    for (let i = 0; i < rounds; i++) await node.ok('write', { path: `/streamed/${writer}/${i}`, content: 'x' });
  });
  const rows = await first.sql.read((tx) =>
    tx.all<{ seq: number }>("SELECT seq FROM events WHERE path LIKE '/streamed/%' ORDER BY seq"),
  );
  const wanted = rows.map(({ seq }) => seq);
  expect(wanted).toHaveLength(whole);
  for (const listener of listeners) {
    await listener.until(() => listener.events.length >= whole);
    expect(listener.numbers).toEqual(wanted);
    listener.vanish();
  }
  expect(await wandering).toEqual(wanted);
});

test('a grant that is taken back and a key that is revoked on one node are refused by the next call on the other', async () => {
  for (const [here, there] of [
    [first, second],
    [second, first],
  ] as const) {
    const { key, key_id } = await here.ok('admin_create_key', { name: 'guest', user_id: 'guest', role: 'operator' });
    const tuple = { subject: ['user', 'guest'], relation: 'direct_editor', object: ['file', '/guests'] };
    const { tuple_id } = await here.ok('rebac_create', tuple);
    await there.ok('write', { path: '/guests/a', content: 'a' }, key);
    await here.ok('rebac_delete', { tuple_id });
    expect(await there.fault('write', { path: '/guests/a', content: 'b' }, key)).toBe('ACCESS_DENIED');
    await here.ok('admin_revoke_key', { key_id });
    expect(await there.fault('whoami', {}, key)).toBe('UNAUTHENTICATED');
  }
});

test('another limit of a key holds on the other as soon as that has heard of it', { timeout: 90_000 }, async () => {
  const { key, key_id } = await first.ok('admin_create_key', {
    name: 'paced',
    user_id: 'paced',
    rate_limit_per_minute: 10,
  });
  const limit = async () => {
    const answer = await second.http('/api/v1/auth/whoami', { headers: { authorization: `Bearer ${key}` } });
    return answer.headers.get('x-ratelimit-limit');
  };
  // Half of it each, once they know of each other.
  await expect.poll(limit, { timeout: 60_000 }).toBe('5');
  for (let rate_limit_per_minute = 20; rate_limit_per_minute <= 40; rate_limit_per_minute += 2) {
    const heard = second.running.server.rings.next(KEYS_TOPIC, 60_000);
    await first.ok('admin_update_key', { key_id, rate_limit_per_minute });
    await heard;
    expect(await limit()).toBe(String(rate_limit_per_minute / 2));
  }
});

test('each gives its part of a number of requests, and takes over the part of one that ends', {
  timeout: 180_000,
}, async () => {
  const key = await first.addKey({ subject: 'frequent' });
  const limits = () =>
    Promise.all(
      nodes.map(async (node) => {
        const answer = await node.http('/api/auth/whoami', { headers: { authorization: `Bearer ${key}` } });
        return answer.headers.get('x-ratelimit-limit');
      }),
    );
  const shared = (part: string) => expect.poll(limits, { timeout: 60_000 }).toEqual([part, part]);
  await shared('30000');
  const third = await startTestServer({ environment });
  await shared('20000');
  await third.stop();
  await shared('30000');
});

test('they write one audit log: one chain, one row for refusals that are equal on both', async () => {
  const key = await first.addKey({ subject: 'nosy' });
  await together(async (node, writer) => {
    await node.ok('write', { path: `/audited/${writer}`, content: 'x' });
    expect(await node.fault('read', { path: '/audited/secret' }, key)).toBe('ACCESS_DENIED');
  });
  const { entries } = await second.ok('audit_list', { actor: 'user:nosy', outcome: 'denied' });
  const rows = entries as AuditEntry[];
  const counted = rows.reduce((sum, { details }) => sum + Number(details.count), 0);
  expect(counted).toBe(2 * WRITERS_A_NODE);
  expect(rows.length).toBeLessThan(counted);
  for (const node of nodes) {
    const { ok, logs } = await node.ok('audit_verify', { all: true });
    expect(ok).toBe(true);
    expect(logs.find(({ log }) => log === 'changes')?.rows).toBeGreaterThan(2 * WRITERS_A_NODE);
  }
});

interface Task {
  readonly id: string;
  readonly deduplicated?: boolean;
  readonly status: string;
  readonly attempt: number;
}

async function post<T>(node: TestServer, path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return (await (await node.http(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T;
}

test('equal submits at once make one task, and each task is run once by one of them', async () => {
  const task = { executor: 'nexus', task_type: 'echo', payload: { value: 1 } };
  const equal = await together((node) =>
    post<Task>(node, '/api/v2/scheduler/submit', { ...task, idempotency_key: 'one' }),
  );
  expect(new Set(equal.map(({ id }) => id)).size).toBe(1);
  expect(equal.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
  const made = await together((node) => post<Task>(node, '/api/v2/scheduler/submit', task));
  for (const { id } of made) {
    const answer = await second.http(`/api/v2/scheduler/task/${id}?wait_seconds=60`);
    expect((await answer.json()) as Task).toMatchObject({ status: 'completed', attempt: 1 });
  }
  const done = await first.sql.read((tx) =>
    tx.all<{ object_id: string }>("SELECT object_id FROM events WHERE type = 'job.succeeded'"),
  );
  expect(done).toHaveLength(made.length + 1);
});

test('claims of both never give a task to two holders', async () => {
  const ids = (
    await together((node) => post<Task>(node, '/api/v2/scheduler/submit', { executor: 'outside', task_type: 't' }))
  ).map(({ id }) => id);
  const claims = await together(async (node) => {
    const claimed: string[] = [];
    for (;;) {
      const { tasks } = await post<{ tasks: Task[] }>(node, '/api/v2/scheduler/claim', { executor: 'outside', max: 2 });
      if (tasks.length === 0) return claimed;
      claimed.push(...tasks.map(({ id }) => id));
    }
  });
  expect(claims.flat().sort()).toEqual(ids.sort());
});
