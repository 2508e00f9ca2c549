/** What is remembered of uploads: once, for its server, and of the newest ones only. */
import { expect, test } from 'vitest';
import { Remembered } from './remembered.ts';

test('it is given once, to the server that left it, and the oldest are forgotten', () => {
  const [one, other] = [{}, {}];
  const all = new Remembered<number>();
  for (let n = 0; n <= 1_000; n++) all.keep(one, `u${n}`, n);
  expect([all.take(one, 'u0'), all.take(other, 'u1'), all.take(one, 'u1'), all.take(one, 'u1')]).toEqual([
    undefined,
    undefined,
    1,
    undefined,
  ]);
  expect(all.take(one, 'u1000')).toBe(1_000);
});
