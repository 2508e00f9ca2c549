/** Threads that compute: when there are any, who shares one, and what becomes of computations that are aborted or die. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { count, echo, fail, grow, length, none, spin, spinInTurn } from '../../test/threads/tasks.ts';
import { type OpenComputing, openComputing } from './computing.ts';

const file = new URL('../../test/threads/compute-thread.ts', import.meta.url);
const open: OpenComputing[] = [];
function computingOf(more: Parameters<typeof openComputing>[0] = {}): OpenComputing {
  const computing = openComputing({ file, ...more });
  open.push(computing);
  return computing;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((computing) => computing.close()));
});

const until = (holds: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(holds()).toBe(true), { timeout: 20_000 });
const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(8));
const begun = (flags: Int32Array): Promise<void> => until(() => Atomics.load(flags, 1) > 0);
const released = (flags: Int32Array): void => void Atomics.store(flags, 0, 1);

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('threads begin with the first computation and end when nobody uses them', async () => {
  const computing = computingOf({ idleMs: 50 });
  expect(computing.threads).toBe(0);
  const { value, thread } = await computing.run(echo, { deep: ['é', 1] });
  expect(value).toEqual({ deep: ['é', 1] });
  expect((await computing.run(echo, null)).thread).toBe(thread);
  await until(() => computing.threads === 0);
  expect((await computing.run(echo, null)).thread).not.toBe(thread);
});

test('two runs at once, a third waits', async () => {
  const computing = computingOf();
  const [one, two] = [shared(), shared()];
  const spinning = [computing.run(spin, one), computing.run(spin, two)];
  await Promise.all([begun(one), begun(two)]);
  const third = computing.run(echo, 3);
  expect(await Promise.race([third, sleep(30, 'waits')])).toBe('waits');
  released(one);
  expect((await third).thread).toBe(await spinning[0]);
  expect(computing.threads).toBe(2);
  released(two);
  await spinning[1];
});

test('of one turn one runs at a time, and others go before those that wait for it', async () => {
  const computing = computingOf();
  const [one, two] = [shared(), shared()];
  const first = computing.run(spinInTurn, { turn: 'a', shared: one });
  await begun(one);
  const second = computing.run(spinInTurn, { turn: 'a', shared: two });
  expect((await computing.run(echo, 'of nobody')).value).toBe('of nobody');
  const other = shared();
  released(other);
  await computing.run(spinInTurn, { turn: 'b', shared: other });
  expect(Atomics.load(two, 1)).toBe(0);
  released(one);
  released(two);
  await Promise.all([first, second]);
  expect(Atomics.load(two, 1)).toBe(1);
});

test('an aborted run is ended in the middle, one that waits is never begun, and the next use starts anew', async () => {
  const computing = computingOf();
  const flags = [shared(), shared(), shared()] as const;
  const controllers = flags.map(() => new AbortController());
  const runs = flags.map((each, n) => computing.run(spin, each, controllers[n]?.signal));
  const outcomes = Promise.allSettled(runs);
  await Promise.all([begun(flags[0]), begun(flags[1])]);
  controllers.forEach((each, n) => {
    each.abort(new Error(`stop ${n}`));
  });
  expect(await outcomes).toMatchObject([0, 1, 2].map((n) => ({ reason: { message: `stop ${n}` } })));
  expect((await computing.run(echo, 'again')).value).toBe('again');
  expect(Atomics.load(flags[2], 1)).toBe(0);
  await expect(computing.run(echo, 1, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});

test('faults come back as faults, defects with their stack, and the thread goes on', async () => {
  const computing = computingOf();
  const { thread } = await computing.run(echo, 1);
  await expect(computing.run(fail, 'fault')).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    message: 'as asked',
    data: { at: 1 },
  });
  await expect(computing.run(fail, 'defect')).rejects.toMatchObject({
    stack: expect.stringContaining('TypeError: a defect'),
  });
  await expect(computing.run(fail, 'uncloneable')).rejects.toMatchObject({
    stack: expect.stringContaining('could not be cloned'),
  });
  await expect(computing.run(echo, () => 1)).rejects.toThrow('could not be cloned');
  await expect(computing.run({ ...echo, name: 'other' }, 1)).rejects.toMatchObject({
    stack: expect.stringContaining('no task other'),
  });
  expect((await computing.run(echo, 2)).thread).toBe(thread);
});

test('a thread that dies fails what it held with UNAVAILABLE', async () => {
  const computing = computingOf({ heapMiB: 64, outsideBytes: 64 * 1024 * 1024 });
  await expect(computing.run(fail, 'exit')).rejects.toMatchObject({ code: 'UNAVAILABLE', data: { reason: 'died' } });
  const memory = { code: 'UNAVAILABLE', data: { reason: 'memory' } };
  await expect(computing.run(grow, 'heap')).rejects.toMatchObject(memory);
  await expect(computing.run(grow, 'buffers')).rejects.toMatchObject(memory);
  expect((await computing.run(echo, 1)).value).toBe(1);
});

test('given buffers are moved, not copied', async () => {
  const bytes = new Uint8Array(1_000);
  expect(await computingOf().run(length, bytes)).toBe(1_000);
  expect(bytes.length).toBe(0);
});

test('a stream comes in order, no more than two ahead, and ends with its fault', async () => {
  const computing = computingOf();
  expect(await listOf(computing.stream(none, null))).toEqual([]);
  const seen = shared();
  const taken: number[] = [];
  const taking = async (): Promise<void> => {
    for await (const { n } of computing.stream(count, { to: 20, seen })) {
      taken.push(n);
      await sleep(1);
      expect(Atomics.load(seen, 0)).toBeLessThanOrEqual(n + 3);
    }
  };
  await expect(taking()).rejects.toMatchObject({ code: 'CONFLICT', message: 'counted out' });
  expect(taken).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('streams take turns in one thread, and leave the other to runs', async () => {
  const computing = computingOf();
  const endless = { to: 2 ** 30, seen: shared() };
  const slow = computing.stream(count, endless)[Symbol.asyncIterator]();
  const first = await slow.next();
  const seen = shared();
  const threads = new Set<number>();
  await expect(
    (async () => {
      for await (const { thread } of computing.stream(count, { to: 100, seen })) threads.add(thread);
    })(),
  ).rejects.toThrow('counted out');
  expect([...threads]).toEqual([first.value?.thread]);
  expect((await computing.run(echo, 1)).thread).not.toBe(first.value?.thread);
  await slow.return?.();
  await until(() => Atomics.load(endless.seen, 1) === -1);
  expect(computing.threads).toBe(2);
});

test('a stream that is left or aborted is computed no further, others of its thread go on', async () => {
  const computing = computingOf();
  const [kept, left] = [
    { to: 2 ** 30, seen: shared() },
    { to: 2 ** 30, seen: shared() },
  ];
  const going = computing.stream(count, kept)[Symbol.asyncIterator]();
  const first = await going.next();
  for await (const { n } of computing.stream(count, left)) if (n === 3) break;
  await until(() => Atomics.load(left.seen, 1) === -1);
  const controller = new AbortController();
  const aborted = { to: 2 ** 30, seen: shared() };
  const taking = listOf(computing.stream(count, aborted, controller.signal));
  await until(() => Atomics.load(aborted.seen, 0) > 5);
  controller.abort(new Error('enough'));
  await expect(taking).rejects.toThrow('enough');
  await until(() => Atomics.load(aborted.seen, 1) === -1);
  expect((await going.next()).value).toEqual({ n: 1, thread: first.value?.thread });
  await going.return?.();
});

test('a fifth stream waits for one of four', async () => {
  const computing = computingOf();
  const four = Array.from({ length: 4 }, () =>
    computing.stream(count, { to: 2 ** 30, seen: shared() })[Symbol.asyncIterator](),
  );
  await Promise.all(four.map((each) => each.next()));
  const fifth = computing.stream(count, { to: 2 ** 30, seen: shared() })[Symbol.asyncIterator]();
  const next = fifth.next();
  expect(await Promise.race([next, sleep(30, 'waits')])).toBe('waits');
  await four[0]?.return?.();
  expect((await next).value).toMatchObject({ n: 0 });
});

test('closing ends all of it with UNAVAILABLE', async () => {
  const computing = computingOf();
  const [one, two] = [shared(), shared()];
  const all = Promise.allSettled([computing.run(spin, one), computing.run(spin, two), computing.run(echo, 1)]);
  await Promise.all([begun(one), begun(two)]);
  await computing.close();
  expect(await all).toMatchObject([1, 2, 3].map(() => ({ reason: { code: 'UNAVAILABLE' } })));
  await expect(computing.run(echo, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(computing.threads).toBe(0);
});
