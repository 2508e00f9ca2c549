/** What is said too often is said seldom. */
import { expect, test } from 'vitest';
import { seldom } from './seldom.ts';

test('the first call gets through, and then one in so many milliseconds', () => {
  let time = 5;
  const told: number[] = [];
  const tell = seldom(
    60,
    (at: number) => void told.push(at),
    () => time,
  );
  for (; time < 200; time += 10) tell(time);
  expect(told).toEqual([5, 65, 125, 185]);
});
