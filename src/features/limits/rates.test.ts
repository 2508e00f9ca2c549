/** Whose budget is asked, how many requests it has, and what is remembered for how long. */
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../core/operation.ts';
import { SYSTEM } from '../access/credentials.ts';
import { MINUTE_MS } from './budget.ts';
import { Budgets, NAMES_MOST } from './budgets.ts';
import { Rates } from './rates.ts';

const table = {
  anonymous: 6,
  unknown: 7,
  failures: 8,
  roles: { viewer: 10, operator: 20, researcher: 30, admin: 40 },
};
const caller = (over: Partial<Caller>): Caller => ({ ...SYSTEM, ...over });

describe('rates', () => {
  test.each([
    [{ role: 'viewer' }, 10],
    [{ role: 'operator' }, 20],
    [{ role: 'researcher' }, 30],
    [{ role: 'admin' }, 40],
    [{ role: 'none' }, 7],
    [{ role: 'operator', rate_limit_per_minute: 3 }, 3],
    [{ role: 'viewer', rate_limit_per_minute: 1_000_000 }, 1_000_000],
    [{ role: 'admin', subject_type: 'app' }, 100],
    [{ subject_type: 'app', rate_limit_per_minute: 250 }, 250],
  ] as const)('of a caller %j are %i', (over, perMinute) => {
    const rates = new Rates({ table, now: () => 0, share: (all) => all });
    expect(rates.ofCaller('h', caller(over)).perMinute).toBe(perMinute);
  });

  test('are the share of a node, and never nothing', () => {
    const rates = new Rates({ table, now: () => 0, share: (all) => Math.max(1, Math.floor(all / 3)) });
    expect(rates.ofCaller('h', caller({ role: 'operator' })).perMinute).toBe(6);
    expect(rates.ofCaller('i', caller({ rate_limit_per_minute: 1 })).perMinute).toBe(1);
    expect([rates.ofAddress('a'), rates.ofUnknown('a'), rates.failuresOf('a')].map((one) => one.perMinute)).toEqual([
      2, 2, 2,
    ]);
  });

  test('belong to what was presented: one does not use up another, though all names are the same', () => {
    const rates = new Rates({ table, now: () => 0, share: (all) => all });
    const all = [
      rates.ofCaller('x', caller({})),
      rates.ofUnknown('x'),
      rates.ofAddress('x'),
      rates.failuresOf('x'),
      rates.ofCaller('y', caller({})),
      rates.ofAddress(null),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(rates.ofUnknown('x')).toBe(all[1]);
  });

  test('of working keys stay through a flood of made-up ones', () => {
    const rates = new Rates({ table, now: () => 0, share: (all) => all });
    const mine = rates.ofCaller('mine', caller({ role: 'viewer' }));
    const failures = rates.failuresOf('attacker');
    for (let i = 0; i < 10 * NAMES_MOST; i++) rates.ofUnknown(`made-up-${i}`).take(1, 0);
    expect(rates.ofCaller('mine', caller({ role: 'viewer' }))).toBe(mine);
    expect(rates.failuresOf('attacker')).toBe(failures);
  });
});

describe('budgets', () => {
  test('are found again while they are used, and forgotten after two idle minutes', () => {
    const budgets = new Budgets();
    const used = budgets.of('used', 10, 0);
    budgets.of('idle', 10, 0).take(1, 0);
    for (let now = 0; now <= 5 * MINUTE_MS; now += 10_000) expect(budgets.of('used', 10, now)).toBe(used);
    expect(budgets.size).toBe(1);
    const after = budgets.of('idle', 10, 5 * MINUTE_MS);
    expect(after.remaining(1, 5 * MINUTE_MS)).toBe(10);
  });

  test('are not forgotten before they are full again', () => {
    const budgets = new Budgets();
    for (let now = 0; now < 5 * MINUTE_MS; now += 7_000) {
      budgets.of(`n${now}`, 1, now).take(1, now);
      for (let used = now; used >= 0 && used > now - MINUTE_MS; used -= 7_000) {
        expect(budgets.of(`n${used}`, 1, now).take(1, now)).toBeGreaterThan(0);
      }
    }
  });

  test('are all forgotten after a long silence', () => {
    const budgets = new Budgets();
    for (let i = 0; i < 100; i++) budgets.of(`n${i}`, 10, 0);
    budgets.of('one', 10, 60 * MINUTE_MS);
    expect(budgets.size).toBe(1);
  });

  test('are never more than fit', () => {
    const budgets = new Budgets();
    for (let i = 0; i < 5 * NAMES_MOST; i++) {
      budgets.of(`n${i}`, 10, i / 100);
      expect(budgets.size).toBeLessThanOrEqual(2 * NAMES_MOST);
    }
  });
});
