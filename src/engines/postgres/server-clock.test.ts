/** The server's time between its answers, with both clocks in hand. */
import { expect, test } from 'vitest';
import { ServerClock } from './server-clock.ts';

test('nothing is known before the server has said something', () => {
  expect(new ServerClock().time(5)).toBeUndefined();
});

test('an answer that was long under way does not set the time back', () => {
  const clock = new ServerClock();
  clock.hear(1_000_000, 100);
  expect([clock.time(100), clock.time(350.7)]).toEqual([1_000_000, 1_000_250]);
  // Said at 200 of this clock, heard at 1500.
  clock.hear(1_000_100, 1_500);
  expect(clock.time(1_500)).toBe(1_001_400);
  // A quicker one is closer.
  clock.hear(1_001_510, 1_600);
  expect(clock.time(1_600)).toBe(1_001_510);
});

test('a clock that was set back is believed after two windows, or after a long silence', () => {
  const clock = new ServerClock();
  clock.hear(9_000_000, 0);
  const heard = [1, 9_000, 11_000, 19_000].map((now) => {
    clock.hear(1_000_000 + now, now);
    return clock.time(now);
  });
  expect(heard).toEqual([9_000_001, 9_009_000, 9_011_000, 9_019_000]);
  clock.hear(1_021_500, 21_500);
  expect(clock.time(21_500)).toBe(1_021_500);
  clock.hear(500_000, 60_000);
  expect(clock.time(60_000)).toBe(500_000);
});
