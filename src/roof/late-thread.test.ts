/** When a late thread starts and goes, and what becomes of those who ask meanwhile. */
import { expect, test } from 'vitest';
import type { CallContext } from '../core/operation.ts';
import { getOperation } from '../core/operations.ts';
import { noCommits } from '../ports/sql.ts';
import { lateThread } from './late-thread.ts';
import type { ThreadStats } from './thread-protocol.ts';
import type { CallThread } from './threads.ts';

const operation = getOperation('caller.whoami');
// Handed on as it is: the thread of this test looks at nothing.
const context = { zone_id: 'root' } as CallContext;

function counted(failing = 0) {
  const seen = { starts: 0, closed: 0 };
  const start = async (): Promise<CallThread> => {
    if (++seen.starts <= failing) throw new Error('no thread today');
    return {
      run: async (_, ready) => ready as never,
      stats: async () => undefined,
      close: async () => {
        seen.closed++;
      },
    };
  };
  return { seen, thread: lateThread(start, 20) };
}

const STATS: ThreadStats = {
  statements: 5,
  commits: noCommits(),
  pool: { size: 1, checkedOut: 0, overflow: 0 },
  hits: 1,
  misses: 2,
  sets: 3,
  size: 4,
  decisions: { allowed: { cached: 1, read: 2 }, denied: { cached: 3, read: 4 } },
};

const ask = (thread: CallThread, ready: string): Promise<unknown> => thread.run(operation, ready, context);

test('it starts with the first call, once, and is closed', async () => {
  const { seen, thread } = counted();
  expect(await thread.stats()).toBeUndefined();
  expect(seen.starts).toBe(0);
  expect(await Promise.all([ask(thread, 'a'), ask(thread, 'b')])).toEqual(['a', 'b']);
  expect(await ask(thread, 'c')).toBe('c');
  await thread.close();
  expect(seen).toEqual({ starts: 1, closed: 1 });
});

test('one that was never needed is not started to be closed', async () => {
  const { seen, thread } = counted();
  await thread.close();
  expect(seen).toEqual({ starts: 0, closed: 0 });
});

test('one that could not start is tried again by the next call', async () => {
  const { seen, thread } = counted(1);
  await expect(ask(thread, 'a')).rejects.toThrow('no thread today');
  expect(await ask(thread, 'b')).toBe('b');
  await thread.close();
  expect(seen).toEqual({ starts: 2, closed: 1 });
});

test('it goes when nobody has asked for a while, not while it has a call, and comes again', async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const seen = { starts: 0, closed: 0 };
  const start = async (): Promise<CallThread> => {
    seen.starts++;
    return {
      run: async (_, ready) => {
        if (ready === 'slow') await answered;
        return ready as never;
      },
      stats: async () => STATS,
      close: async () => {
        seen.closed++;
      },
    };
  };
  const thread = lateThread(start, 1);
  const slow = ask(thread, 'slow');
  for (let i = 0; i < 5; i++) {
    expect(await ask(thread, 'quick')).toBe('quick');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(seen).toEqual({ starts: 1, closed: 0 });
  answer();
  expect(await slow).toBe('slow');
  await expect.poll(() => seen).toEqual({ starts: 1, closed: 1 });
  const none = { size: 0, checkedOut: 0, overflow: 0 };
  expect(await thread.stats()).toEqual({ ...STATS, sets: 0, size: 0, pool: none });
  expect(await ask(thread, 'again')).toBe('again');
  const { allowed, denied } = { allowed: { cached: 2, read: 4 }, denied: { cached: 6, read: 8 } };
  expect(await thread.stats()).toEqual({
    ...STATS,
    statements: 10,
    hits: 2,
    misses: 4,
    decisions: { allowed, denied },
  });
  await thread.close();
  expect(seen).toEqual({ starts: 2, closed: 2 });
});
