/** Buckets under a clock that the test sets: bursts, refill, changes, a clock that jumps; and against a naive bucket. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Budget, MINUTE_MS } from './budget.ts';

const SLOT = 7;

function budgetOf(perMinute: number, now = 0): Budget {
  const budget = new Budget();
  budget.allow(perMinute, now);
  return budget;
}

/** How many of `tries` requests pass. */
const passing = (budget: Budget, tries: number, now: number): number =>
  Array.from({ length: tries }, () => budget.take(SLOT, now)).filter((wait) => wait === 0).length;

describe('a bucket', () => {
  test.each([1, 2, 3, 7, 59, 60, 61, 100, 12_000, 60_000])('of %i lets a minute through at once, and no more', (n) => {
    const budget = budgetOf(n);
    expect(budget.remaining(SLOT, 0)).toBe(n);
    expect(passing(budget, n + 5, 0)).toBe(n);
    expect(budget.remaining(SLOT, 0)).toBe(0);
    expect(budget.resetSeconds(SLOT, 0)).toBe(60);
  });

  test('fills evenly, and passes exactly after the wait that it tells', () => {
    const budget = budgetOf(60);
    expect(passing(budget, 60, 0)).toBe(60);
    const wait = budget.take(SLOT, 0);
    expect(wait).toBeCloseTo(1_000);
    expect(budget.take(SLOT, 900)).toBeCloseTo(100);
    expect(budget.take(SLOT, 1_000)).toBe(0);
    expect(budget.take(SLOT, 1_000)).toBeCloseTo(1_000);
    expect(passing(budget, 60, 31_000)).toBe(30);
    expect(passing(budget, 100, 31_000 + MINUTE_MS)).toBe(60);
    expect(passing(budget, 100, 1e9)).toBe(60);
  });

  test('is kind to a burst after a pause, and holds the rate in the long run', () => {
    const budget = budgetOf(600);
    let passed = 0;
    for (let now = 0; now < 10 * MINUTE_MS; now += 10) passed += passing(budget, 1, now);
    expect(passed).toBeGreaterThanOrEqual(6_000);
    expect(passed).toBeLessThanOrEqual(6_600);
  });

  test('is one for each operation', () => {
    const budget = budgetOf(5);
    expect(passing(budget, 9, 0)).toBe(5);
    expect(budget.take(SLOT + 1, 0)).toBe(0);
    expect(budget.remaining(SLOT + 1, 0)).toBe(4);
    expect(budget.remaining(SLOT + 2, 0)).toBe(5);
  });

  test('takes several at once, all or none', () => {
    const budget = budgetOf(10);
    expect(budget.take(SLOT, 0, 4)).toBe(0);
    expect(budget.wait(SLOT, 0, 7)).toBeCloseTo(6_000);
    expect(budget.take(SLOT, 0, 7)).toBeCloseTo(6_000);
    expect(budget.wait(SLOT, 0, 6)).toBe(0);
    expect(budget.remaining(SLOT, 0)).toBe(6);
    expect(budget.take(SLOT, 0, 6)).toBe(0);
    expect(budget.remaining(SLOT, 0)).toBe(0);
  });

  test('is closed for a minute at most after the clock was set back', () => {
    const budget = budgetOf(10, 1e9);
    expect(passing(budget, 10, 1e9)).toBe(10);
    expect(passing(budget, 10, 0)).toBe(0);
    expect(passing(budget, 20, MINUTE_MS)).toBe(10);
  });
});

describe('another number', () => {
  test('that is higher lets the difference through at once', () => {
    const budget = budgetOf(1);
    expect(passing(budget, 3, 0)).toBe(1);
    budget.allow(100, 0);
    expect(budget.limitText).toBe('100');
    expect(passing(budget, 200, 0)).toBe(99);
  });

  test('that is lower leaves what was not used of it, and closes for a minute at most', () => {
    const budget = budgetOf(100);
    expect(passing(budget, 30, 0)).toBe(30);
    budget.allow(40, 0);
    expect(budget.remaining(SLOT, 0)).toBe(10);
    budget.allow(5, 0);
    expect(passing(budget, 5, 0)).toBe(0);
    expect(passing(budget, 9, MINUTE_MS)).toBe(5);
  });
});

test('agrees with a bucket that is refilled step by step', () => {
  const steps = fc.array(
    fc.record({ after: fc.integer({ min: 0, max: 20_000 }), asks: fc.integer({ min: 1, max: 40 }) }),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), steps, (perMinute, walk) => {
      const budget = budgetOf(perMinute);
      let now = 0;
      // In thousandths of a thousandth of a request, so that the model has no rounding of its own.
      const whole = MINUTE_MS;
      let level = perMinute * whole;
      for (const { after, asks } of walk) {
        now += after;
        level = Math.min(perMinute * whole, level + after * perMinute);
        for (let i = 0; i < asks; i++) {
          const passes = level >= whole;
          if (passes) level -= whole;
          expect(budget.take(SLOT, now) === 0).toBe(passes);
          expect(budget.remaining(SLOT, now)).toBe(Math.floor(level / whole));
        }
      }
    }),
    { numRuns: 300 },
  );
});
