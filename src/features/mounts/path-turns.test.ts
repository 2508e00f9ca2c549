/** Turns on paths: an order for all who want them, and no two who wait for each other. */
import { expect, test } from 'vitest';
import { PathTurns } from './path-turns.ts';

test('of a path one has the turn, the others in the order in which they came', async () => {
  const turns = new PathTurns();
  const order: number[] = [];
  const waited = await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      const turn = turns.begin();
      const had = await turn.take(['a']);
      order.push(n);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(n);
      turn.release();
      turn.release();
      return had;
    }),
  );
  expect(order).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  expect(waited).toEqual([false, true, true, true]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await turns.begin().take(['a'])).toBe(false);
});

test('what is held costs nothing, and whoever wants more gives it back first: nobody waits in a ring', async () => {
  const turns = new PathTurns();
  const [one, other] = [turns.begin(), turns.begin()];
  await one.take(['a']);
  await other.take(['b']);
  expect(await one.take(['a'])).toBe(false);
  const both = [one.take(['a', 'b']), other.take(['b', 'a'])];
  const first = await Promise.race(both.map((taking, n) => taking.then(() => n)));
  [one, other][first]?.release();
  expect(await both[1 - first]).toBe(true);
});

test('one that gave up while it waited does not let the next one in before the first has ended', async () => {
  const turns = new PathTurns();
  const [first, second, third] = [turns.begin(), turns.begin(), turns.begin()];
  await first.take(['a']);
  void second.take(['a']);
  second.release();
  let entered = false;
  const entering = third.take(['a']).then(() => {
    entered = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(entered).toBe(false);
  first.release();
  await entering;
});
