/** What every engine of the clock port must pass. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Clock } from './clock.ts';

/** Milliseconds that a clock may be away from this machine's, which NTP keeps. */
const SKEW_MS = 60_000;
const WAIT_MS = 100;

export function clockContract(name: string, clock: Clock): void {
  describe(`clock: ${name}`, () => {
    test('tells whole milliseconds since the epoch, near those of the machine', () => {
      const now = clock.now();
      expect(Number.isSafeInteger(now)).toBe(true);
      expect(Math.abs(now - Date.now())).toBeLessThan(SKEW_MS);
      expect(Date.parse(new Date(now).toISOString())).toBe(now);
    });

    test('goes on as time does', async () => {
      const began = performance.now();
      const before = clock.now();
      await sleep(WAIT_MS);
      const [passed, told] = [performance.now() - began, clock.now() - before];
      // Each reading is cut to whole milliseconds.
      expect(Math.abs(told - passed)).toBeLessThanOrEqual(WAIT_MS / 4);
    });

    test('works without its object', () => {
      const { now } = clock;
      expect(now()).toBeGreaterThan(0);
    });
  });
}
