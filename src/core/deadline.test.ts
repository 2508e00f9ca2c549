/** A call whose time is up changed nothing, wherever it was; one whose commit had begun is told what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../test/harness.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { callerByHash, hashKey } from '../features/access/credentials.ts';
import { GrantCache } from '../features/access/grant-cache.ts';
import type { Sql } from '../ports/sql.ts';
import type { Computing } from './call/computing.ts';
import { beforeDeadline, computingUntil, deadlineIn, NO_DEADLINE } from './deadline.ts';
import { invoke } from './invoke.ts';
import type { AnyOperation } from './operation.ts';
import { getOperation } from './operations.ts';
import type { Server } from './server.ts';
import { localRunner } from './transact.ts';

const LIMIT_MS = 400;
const LATE_MS = 2 * LIMIT_MS;

const WRITE = getOperation('file.write');

describe('work that may take so long', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** What became of it so far. */
  function watched(work: Promise<unknown>): unknown[] {
    const ends: unknown[] = [];
    beforeDeadline(deadlineIn(LIMIT_MS), work).then(
      (value) => ends.push(value),
      ({ code }) => ends.push(code),
    );
    return ends;
  }

  test('is answered at its time, not before and not when it ends', async () => {
    const long = Promise.withResolvers<string>();
    const ends = watched(long.promise);
    await vi.advanceTimersByTimeAsync(LIMIT_MS - 1);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(ends).toEqual(['DEADLINE_EXCEEDED']);
    long.resolve('late');
    await vi.advanceTimersByTimeAsync(LIMIT_MS);
    expect(ends).toEqual(['DEADLINE_EXCEEDED']);
  });

  test('is answered with what came of it in time, and leaves no timer', async () => {
    const ends = watched(Promise.resolve('soon'));
    await vi.advanceTimersByTimeAsync(0);
    expect([ends, vi.getTimerCount()]).toEqual([['soon'], 0]);
  });
});

describe('what is computed for a call', () => {
  /** The signals that computations of such a call are given. */
  function signalsUntil(deadline: number, own?: AbortSignal): readonly (AbortSignal | undefined)[] {
    const given: (AbortSignal | undefined)[] = [];
    const take = (_task: unknown, _input: unknown, signal?: AbortSignal) => void given.push(signal);
    const computing = computingUntil(deadline, { run: take, stream: take } as unknown as Computing);
    computing.run({ name: 'run', compute: () => null }, null, own);
    computing.stream({ name: 'stream', pieces: () => [] }, null, own);
    return given;
  }

  test('is ended when its time is up', { timeout: 30_000 }, async () => {
    for (const signal of signalsUntil(deadlineIn(-LIMIT_MS))) await expect.poll(() => signal?.aborted).toBe(true);
    for (const signal of signalsUntil(deadlineIn(3_600_000))) expect(signal?.aborted).toBe(false);
  });

  test('is ended by its own signal too, and goes on without a deadline', () => {
    for (const signal of signalsUntil(deadlineIn(3_600_000), AbortSignal.abort())) expect(signal?.aborted).toBe(true);
    expect(signalsUntil(NO_DEADLINE)).toEqual([undefined, undefined]);
  });
});

forEachEngine('a call whose time is up', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_OPERATION_MS: String(LIMIT_MS) } });
  });
  afterAll(() => server.stop());

  /** The server's rooms over that connection, in this thread. */
  const over = (sql: Sql): Server => {
    const { blobs, limits } = server.running.server;
    const runner = localRunner({ sql, blobs, limits, clock: systemClock, grants: new GrantCache(), auditKeys: [''] });
    return { ...server.running.server, sql, runner };
  };

  const call = async (rooms: Server, operation: AnyOperation, raw: object): Promise<unknown> => {
    const caller = await server.sql.read((tx) => callerByHash(tx, hashKey(ADMIN_KEY), systemClock.now()));
    const from = { channel: 'rpc', request_id: 'deadline', address: null, zone_id: undefined, tolerant: true } as const;
    return (await invoke(rooms, operation, { raw, request: { ...from, caller } })).output;
  };

  const exists = async (path: string) => (await server.ok('exists', { path })).exists;
  const revision = () => server.sql.read((tx) => tx.get("SELECT seq FROM zones WHERE zone_id = 'root'"));

  test('while it waited behind another process is not begun', async () => {
    const held = Promise.withResolvers<void>();
    const other = server.sql.write('root', async (tx) => {
      await tx.run("UPDATE zones SET name = name WHERE zone_id = 'root'");
      held.resolve();
      await sleep(LATE_MS);
    });
    await held.promise;
    const { status, error } = await server.rpc('write', { path: '/queued', content: 'x' });
    await other;
    expect([status, error?.data]).toMatchObject([504, { code: 'DEADLINE_EXCEEDED', limit: 'OPERATION_MS' }]);
    expect(await exists('/queued')).toBe(false);
    await server.ok('write', { path: '/after', content: 'x' });
  });

  test('in its handler is rolled back', async () => {
    const before = await revision();
    const slow: AnyOperation = {
      ...WRITE,
      run: async (running, ready) => {
        const output = await WRITE.run(running, ready);
        await sleep(LATE_MS);
        return output;
      },
    };
    await expect(call(over(server.sql), slow, { path: '/slow', content: 'x' })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect([await exists('/slow'), await revision()]).toEqual([false, before]);
  });

  test('while it prepared is answered then, and never begins', async () => {
    let ended = false;
    const slow: AnyOperation = {
      ...WRITE,
      prepare: async (input, preparation) => {
        await sleep(LATE_MS);
        ended = true;
        return WRITE.prepare?.(input, preparation);
      },
    };
    await expect(call(over(server.sql), slow, { path: '/unprepared', content: 'x' })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(ended).toBe(false);
    await sleep(LATE_MS);
    expect([ended, await exists('/unprepared')]).toEqual([true, false]);
  });

  test('in its commit is acknowledged', async () => {
    const { sql } = server;
    const slow: Sql = Object.assign(Object.create(sql), {
      read: sql.read.bind(sql),
      write: async (...asked: Parameters<Sql['write']>) => {
        const value = await sql.write(...asked);
        await sleep(LATE_MS);
        return value;
      },
    });
    expect(await call(over(slow), WRITE, { path: '/kept', content: 'x' })).toMatchObject({ created: true });
    expect(await exists('/kept')).toBe(true);
  });

  test('in a long read is told so', async () => {
    // 40 million characters, gone through one by one, as no line is that short.
    const line = 'x'.repeat(4_000);
    const content = Array.from({ length: 1_000 }, () => line).join('\n');
    for (let name = 0; name < 10; name++) {
      const put = { method: 'PUT', body: content };
      // On a busy machine this too may come to its time.
      const stored = async (): Promise<number> => (await server.http(`/api/v2/files/long/${name}`, put)).status;
      await expect.poll(stored, { timeout: 20_000 }).toBeLessThan(300);
    }
    const { status, error } = await server.rpc('grep', { pattern: '^(x{1,20}){1,20}$', path: '/long' });
    expect([status, error?.data.code], error?.message).toEqual([504, 'DEADLINE_EXCEEDED']);
    expect(await exists('/long/0')).toBe(true);
  });
});
