/** A cursor goes on with the question that it was made with: "not ours, or contradicts the other parameters" (files.md §2). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  for (const zone_id of ['one', 'two']) {
    await server.ok('zone_create', { zone_id, name: zone_id });
    for (const user_id of ['ada', 'ada', 'ada', 'bob'])
      await server.ok('admin_create_key', { name: 'n', user_id, zone_id });
  }
  for (const name of ['a', 'b', 'c', 'd']) {
    await server.ok('register_agent', { agent_id: name, name, capabilities: [name === 'd' ? 'sing' : 'dance'] });
    await server.ok('write', { path: `/${name}`, content: name });
    await submit(name === 'd' ? 'nexus-test-other' : 'nexus-test');
  }
});
afterAll(() => server.stop());

async function submit(executor: string): Promise<void> {
  const body = JSON.stringify({ executor, task_type: 't' });
  const headers = { 'content-type': 'application/json' };
  expect((await server.http('/api/v2/scheduler/submit', { method: 'POST', headers, body })).status).toBe(201);
}

type Page = Readonly<Record<string, unknown>> & {
  next_cursor: string | null;
  error?: { code: string; message: string };
};
const get = async (path: string): Promise<Page> => (await server.http(path)).json() as Promise<Page>;

/** A list, a filter that leaves more than a page of one, what each item has then, and another question. */
const LISTS = [
  ['/api/v2/auth/keys', 'zone_id=one&user_id=ada', 'keys', { zone_id: 'one', user_id: 'ada' }, 'user_id=bob'],
  ['/api/v2/auth/keys', 'zone_id=one&user_id=ada', 'keys', { zone_id: 'one', user_id: 'ada' }, 'zone_id=two'],
  ['/api/v2/auth/keys', 'zone_id=one', 'keys', { zone_id: 'one' }, 'include_revoked=true'],
  ['/api/v2/scheduler/tasks', 'executor=nexus-test', 'tasks', { executor: 'nexus-test' }, 'executor=nexus-test-other'],
  ['/api/v2/agents', 'capability=dance', 'agents', { capabilities: ['dance'] }, 'capability=sing'],
  ['/api/v2/events', 'operation_type=write', 'events', { type: 'write' }, 'operation_type=grant'],
  ['/api/v2/audit', 'action=file.write', 'entries', { action: 'file.write' }, 'action=key.create'],
  ['/api/zones', 'include_terminated=false', 'zones', {}, 'include_terminated=true'],
] as const;

test.each(LISTS)('%s by %s goes on with its filters, and with no others', async (path, query, items, item, other) => {
  const first = await get(`${path}?${query}&limit=1`);
  expect(first[items]).toMatchObject([item]);
  const cursor = `cursor=${encodeURIComponent(String(first.next_cursor))}`;
  const again = await get(`${path}?${query}&limit=1&${cursor}`);
  expect(again[items]).toMatchObject([item]);
  expect(again[items]).not.toEqual(first[items]);
  // What is not said again is as it was, page after page.
  expect((await get(`${path}?limit=1&${cursor}`))[items]).toEqual(again[items]);
  let seen = 1;
  for (let next: string | null = first.next_cursor; next; seen++) {
    const page = await get(`${path}?limit=1&cursor=${encodeURIComponent(next)}`);
    for (const one of page[items] as readonly object[]) expect(one).toMatchObject(item);
    next = page.next_cursor;
  }
  expect(seen).toBeGreaterThan(1);
  const refused = await get(`${path}?${cursor}&${other}`);
  expect(refused.error).toMatchObject({
    code: 'INVALID_CURSOR',
    message: expect.stringContaining(` ${other.split('=')[0]} `),
  });
});

test('a cursor of one zone, or of another list, is none here', async () => {
  const headers = { 'x-nexus-zone-id': 'one' };
  const first = (await (await server.http('/api/v2/events?limit=1', { headers })).json()) as Page;
  const cursor = encodeURIComponent(String(first.next_cursor));
  expect((await get(`/api/v2/events?cursor=${cursor}`)).error?.code).toBe('INVALID_CURSOR');
  expect((await server.http(`/api/v2/events?cursor=${cursor}`, { headers })).status).toBe(200);
  for (const [path] of LISTS.filter(([one]) => one !== '/api/v2/events')) {
    expect((await get(`${path}?cursor=${cursor}`)).error?.code).toBe('INVALID_CURSOR');
  }
  const tasks = await get('/api/v2/scheduler/tasks?executor=nexus-test&limit=1');
  const foreign = encodeURIComponent(String(tasks.next_cursor));
  expect((await get(`/api/v2/agents?cursor=${foreign}`)).error?.code).toBe('INVALID_CURSOR');
});

test('the doors take each other’s cursors', async () => {
  const page = await server.ok('admin_list_keys', { zone_id: 'one', user_id: 'ada', limit: 1 });
  const rest = await get(
    `/api/v2/auth/keys?user_id=ada&zone_id=one&cursor=${encodeURIComponent(page.next_cursor ?? '')}`,
  );
  expect(rest.keys).toHaveLength(2);
  expect(await server.fault('admin_list_keys', { user_id: 'bob', cursor: page.next_cursor })).toBe('INVALID_CURSOR');
});
