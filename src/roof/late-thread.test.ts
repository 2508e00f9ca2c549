/** When a late thread starts, and what becomes of those who ask meanwhile. */
import { expect, test } from 'vitest';
import type { CallContext } from '../core/operation.ts';
import { getOperation } from '../core/operations.ts';
import { lateThread } from './late-thread.ts';
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
  return { seen, thread: lateThread(start) };
}

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
