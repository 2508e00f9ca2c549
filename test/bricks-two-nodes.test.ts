/** Two servers on one PostgreSQL: what is switched off on one is off on the other, once that one has ended its calls too. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './harness.ts';
import { freshDatabase } from './servers/shared-postgres.ts';
import { base64 } from './tus/client.ts';
import { halfPatch } from './tus/half.ts';
import { tusOf } from './tus/ours.ts';

const SIZE = 200_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let first: TestServer;
let second: TestServer;
let stopped: Promise<void> | undefined;

beforeAll(async () => {
  database = await freshDatabase();
  const environment = { NEXUS_DATABASE_URL: database.url };
  first = await startTestServer({ environment });
  second = await startTestServer({ environment });
});
afterAll(async () => {
  await Promise.all([first.stop(), stopped ?? second.stop()]);
  await database.drop();
});

async function act(server: TestServer, verb: string, name = 'uploads'): Promise<Record<string, unknown>> {
  const response = await server.http(`/api/v2/bricks/${name}/${verb}`, { method: 'POST' });
  return (await response.json()) as Record<string, unknown>;
}
const statusOf = async (server: TestServer): Promise<number> => (await server.http('/api/v2/uploads')).status;
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('once it is answered both refuse, and once it is back both take', async () => {
  for (const [one, other] of [
    [first, second],
    [second, first],
  ] as const) {
    expect(await act(one, 'unmount')).toMatchObject({ state: 'unmounted', changed: true });
    expect([await statusOf(one), await statusOf(other)]).toEqual([503, 503]);
    expect(await act(one, 'mount')).toMatchObject({ state: 'active' });
    expect(await statusOf(one)).toBe(200);
    await until(async () => (await statusOf(other)) === 200);
  }
});

test('a call on the other one ends first', async () => {
  const tus = tusOf(second);
  const location = await tus.begin(SIZE, { 'upload-metadata': `path ${base64('/there')}` });
  const url = second.url + location;
  const { socket, closed } = await halfPatch(second, { url, size: SIZE, first: Buffer.alloc(SIZE / 2, 'a') });
  let answered = false;
  const stopping = act(first, 'unmount').finally(() => {
    answered = true;
  });
  await until(async () => (await statusOf(second)) === 503);
  expect(answered).toBe(false);
  socket.end(Buffer.alloc(SIZE / 2, 'b'));
  expect(await stopping).toMatchObject({ state: 'unmounted' });
  await closed;
  expect((await first.ok('get_metadata', { path: '/there' })).size).toBe(SIZE);
  await act(first, 'mount');
});

test('both at once make one choice; a server that ended is waited for no longer', async () => {
  const both = await Promise.all([act(first, 'unmount'), act(second, 'unmount')]);
  expect(both.map(({ changed }) => changed).sort()).toEqual([false, true]);
  expect(both.map(({ state }) => state)).toEqual(['unmounted', 'unmounted']);
  stopped = second.stop();
  await stopped;
  expect(await act(first, 'remount')).toMatchObject({ state: 'active', changed: true });
  expect(await statusOf(first)).toBe(200);
});
