/** The connections of one engine, real ones; only the clock of waiting is the test's. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { type Connection, connect } from './connection.ts';
import { Pool } from './pool.ts';

const RECYCLE_MS = 60_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let proxy: TcpProxy;
let opened: Connection[];
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startTcpProxy(Number(new URL(database.url).port));
});
afterAll(async () => {
  await proxy.stop();
  await database.drop();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  opened = [];
  const url = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
  const open = async (): Promise<Connection> => {
    const connection = await connect(url);
    opened.push(connection);
    return connection;
  };
  pool = new Pool({ size: 2, overflow: 1, recycleMs: RECYCLE_MS, prePing: true, open });
});
afterEach(async () => {
  vi.useRealTimers();
  proxy.mute = false;
  proxy.shut = false;
  await pool.close();
});

/** Resolves once what has been answered was heard. */
const heard = (): Promise<unknown> => opened[0]?.command('SELECT 1') ?? Promise.resolve();
const alive = (): number => opened.filter(({ lost }) => lost === undefined).length;

test('lends what came back, opens no more than are needed', async () => {
  for (let i = 0; i < 5; i++) pool.giveBack(await pool.take());
  expect(opened).toHaveLength(1);
  const two = [await pool.take(), await pool.take()];
  expect(opened).toHaveLength(2);
  expect(new Set(two).size).toBe(2);
  for (const connection of two) pool.giveBack(connection);
});

test('beyond its size it waits a little, opens one more, and closes that when nobody waits', async () => {
  const two = [await pool.take(), await pool.take()];
  const third = pool.take();
  await heard();
  expect(opened).toHaveLength(2);
  vi.advanceTimersByTime(20);
  const extra = await third;
  expect(opened).toHaveLength(3);
  pool.giveBack(extra);
  await vi.waitFor(() => expect(extra.lost).toBeDefined());
  for (const connection of two) pool.giveBack(connection);
  expect(alive()).toBe(2);
});

test('whoever waits is served in turn, before anything is opened', async () => {
  const two = [await pool.take(), await pool.take()];
  const served: number[] = [];
  const waiting = [1, 2, 3].map(async (i) => {
    const connection = await pool.take();
    served.push(i);
    pool.giveBack(connection);
  });
  for (const connection of two) pool.giveBack(connection);
  await Promise.all(waiting);
  expect(served).toEqual([1, 2, 3]);
  expect(opened).toHaveLength(2);
});

test('none free within ten seconds is UNAVAILABLE', async () => {
  const all = [await pool.take(), await pool.take()];
  const third = pool.take();
  vi.advanceTimersByTime(20);
  all.push(await third);
  const fourth = pool.take();
  vi.advanceTimersByTime(20);
  vi.advanceTimersByTime(9_980);
  await expect(fourth).rejects.toMatchObject({ code: 'UNAVAILABLE', data: { reason: 'busy' } });
  for (const connection of all) pool.giveBack(connection);
});

test('a connection that the server ended is not lent', async () => {
  const [one, two] = [await pool.take(), await pool.take()];
  await two.command(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
  );
  await vi.waitFor(() => expect(one.lost).toBeDefined());
  pool.giveBack(one);
  pool.giveBack(two);
  expect(await pool.take()).toBe(two);
  const fresh = await pool.take();
  expect(fresh).not.toBe(one);
  for (const connection of [two, fresh]) pool.giveBack(connection);
});

test('one that was idle for a second is tried first; one that keeps silent is replaced', async () => {
  const one = await pool.take();
  pool.giveBack(one);
  vi.advanceTimersByTime(999);
  const turns = proxy.turns;
  expect(await pool.take()).toBe(one);
  expect(proxy.turns).toBe(turns);
  pool.giveBack(one);
  vi.advanceTimersByTime(1_000);
  expect(await pool.take()).toBe(one);
  expect(proxy.turns).toBe(turns + 1);
  pool.giveBack(one);
  vi.advanceTimersByTime(1_000);
  proxy.mute = true;
  const next = pool.take();
  vi.advanceTimersByTime(2_000);
  proxy.mute = false;
  const other = await next;
  expect(other).not.toBe(one);
  pool.giveBack(other);
});

test('one that is too old is replaced before it is lent, whether it was idle or somebody waits for it', async () => {
  const one = await pool.take();
  pool.giveBack(one);
  vi.advanceTimersByTime(RECYCLE_MS - 1);
  expect(await pool.take()).toBe(one);
  pool.giveBack(one);
  vi.advanceTimersByTime(1);
  const two = [await pool.take(), await pool.take()];
  expect(two).not.toContain(one);
  expect(alive()).toBe(2);
  vi.advanceTimersByTime(RECYCLE_MS);
  const waiting = pool.take();
  for (const connection of two) pool.giveBack(connection);
  const young = await waiting;
  expect(two).not.toContain(young);
  await vi.waitFor(() => expect(two.every(({ lost }) => lost !== undefined)).toBe(true));
  pool.giveBack(young);
});

test('without a try, one that was idle is lent as it is', async () => {
  const trusting = new Pool({ size: 1, overflow: 0, recycleMs: 0, prePing: false, open: () => connect(database.url) });
  const one = await trusting.take();
  trusting.giveBack(one);
  vi.advanceTimersByTime(RECYCLE_MS);
  const asked = vi.spyOn(one, 'command');
  expect(await trusting.take()).toBe(one);
  expect(asked).not.toHaveBeenCalled();
  trusting.giveBack(one);
  await trusting.close();
});

test('those who wait hear at once that the server is out of reach', async () => {
  const two = [await pool.take(), await pool.take()];
  const waiting = Promise.allSettled([pool.take(), pool.take(), pool.take()]);
  proxy.shut = true;
  for (const connection of two) connection.destroy();
  await vi.waitFor(() => expect(two.every(({ lost }) => lost !== undefined)).toBe(true));
  for (const connection of two) pool.giveBack(connection);
  const refused = { status: 'rejected', reason: { code: 'UNAVAILABLE', data: { reason: 'database' } } };
  expect(await waiting).toMatchObject([refused, refused, refused]);
});

test('closing waits for what is lent, and lends nothing more', async () => {
  const lent = await pool.take();
  let closed = false;
  const closing = pool.close().then(() => {
    closed = true;
  });
  await expect(pool.take()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await lent.command('SELECT 1');
  expect(closed).toBe(false);
  pool.giveBack(lent);
  await closing;
  expect(lent.lost).toBeDefined();
});
