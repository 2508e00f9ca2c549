/** Turns: order, exclusion, and that nothing is kept of a key that nobody wants. */
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const manyTicks = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await null;
};

test('those who want the same turn get it in the order in which they asked, never two at once', async () => {
  const turns = new Turns();
  const order: number[] = [];
  let inside = 0;
  await Promise.all(
    [1, 2, 3, 4, 5].map(async (n) => {
      const end = await turns.take('a');
      expect(++inside).toBe(1);
      await manyTicks();
      order.push(n);
      inside--;
      end();
    }),
  );
  expect(order).toEqual([1, 2, 3, 4, 5]);
  expect(turns.wanted('a')).toBe(false);
});

test('the turn of one key does not hold up another', async () => {
  const turns = new Turns();
  const end = await turns.take('a');
  const other = await turns.take('b');
  expect(turns.wanted('a')).toBe(true);
  other();
  end();
  expect(turns.wanted('a') || turns.wanted('b')).toBe(false);
});

test('who comes after a turn has ended waits for nobody', async () => {
  const turns = new Turns();
  const first = await turns.take('a');
  const second = turns.take('a');
  first();
  expect(turns.wanted('a')).toBe(true);
  (await second)();
  expect(turns.wanted('a')).toBe(false);
});
