/** A reading thread that starts late, and may find what it needs out of reach. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.ts';
import { sparePort } from '../../test/servers/spare-port.ts';
import type { CallContext, Operation } from '../core/operation.ts';
import { type LateThread, type ThreadOptions, threadOnDemand } from './threads.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ engine: 'postgres' });
});
afterAll(() => server.stop());

/** One that each thread refuses by its name: it says that the thread is there. */
const unknown = { name: 'unknown' } as Operation<unknown, unknown>;
const ANSWERED = 'no operation unknown';

function threadWith(options: Partial<ThreadOptions>, idleMs?: number) {
  const broken: unknown[] = [];
  const given: ThreadOptions = {
    role: 'reader',
    config: { ...server.config, AUDIT_KEY: 'k'.repeat(64) },
    fence: { epoch: 0, server: 1 },
    onBroken: (reason) => broken.push(reason),
    ...options,
  };
  const thread = threadOnDemand(given, idleMs);
  return { thread, broken, ask: () => thread.run(unknown, {}, {} as CallContext) };
}

test('one that comes while a backup is restored says so to its callers, and begins with the next call after', async () => {
  const fence = { epoch: -1, server: 1 };
  const { thread, broken, ask } = threadWith({ fence });
  const outcomes = await Promise.allSettled([ask(), ask()]);
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', data: { reason: 'restoring', retry_after: 2 } } });
  fence.epoch = 0;
  await expect(ask()).rejects.toMatchObject({ stack: expect.stringContaining(ANSWERED) });
  await thread.close();
  expect(broken).toEqual([]);
});

test('one that is closed while it is refused is closed', async () => {
  const { thread, broken } = threadWith({ fence: { epoch: -1, server: 1 } });
  thread.expect();
  await thread.close();
  expect(broken).toEqual([]);
});

test('a database that is not there is told as such', async () => {
  const DATABASE_URL = `postgres://nexus@127.0.0.1:${await sparePort()}/nexus`;
  const { thread, broken, ask } = threadWith({ config: { ...server.config, DATABASE_URL } });
  await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await thread.close();
  expect(broken).toEqual([]);
});

test('one that is started wrongly stops the server', async () => {
  const { thread, broken, ask } = threadWith({ config: server.config });
  await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE', data: { outcome: 'unknown' } });
  await thread.close();
  expect(broken).toMatchObject([{ message: expect.stringContaining('the audit log has no key') }]);
});

/** Connections that it holds: none when it is not there. */
const connections = async ({ stats }: LateThread): Promise<number | undefined> => (await stats())?.pool.size;

test('one that nobody needs for a while ends, comes again with the next call, and goes on counting', async () => {
  const { thread, broken, ask } = threadWith({}, 200);
  expect(await thread.stats()).toBeUndefined();
  await expect(ask()).rejects.toMatchObject({ stack: expect.stringContaining(ANSWERED) });
  expect(await connections(thread)).toBeGreaterThan(0);
  const counted = (await thread.stats())?.statements ?? 0;
  expect(counted).toBeGreaterThan(0);
  await vi.waitFor(async () => expect(await connections(thread)).toBe(0), { timeout: 20_000, interval: 50 });
  expect(await thread.stats()).toMatchObject({ statements: counted });
  await expect(ask()).rejects.toMatchObject({ stack: expect.stringContaining(ANSWERED) });
  expect(await thread.stats()).toMatchObject({ statements: 2 * counted });
  await thread.close();
  expect(broken).toEqual([]);
});

test('one that is called again and again stays', async () => {
  const { thread, ask } = threadWith({}, 100);
  await ask().catch(() => undefined);
  const seen: (number | undefined)[] = [];
  const until = performance.now() + 1_000;
  while (performance.now() < until) {
    thread.expect();
    await sleep(20);
    seen.push(await connections(thread));
  }
  expect(seen).not.toContain(0);
  await thread.close();
});
