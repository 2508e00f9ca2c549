/** What waits for its turn is late, and not missed. */
import { expect, test } from 'vitest';
import { Behind } from './behind.ts';

const looked = (behind: Behind, at: number, full: boolean): number => {
  const seen = behind.seen('a', at);
  behind.looked(new Map([['a', seen]]), { full });
  return seen;
};

test('what had no room in full looks was seen with the first of them', () => {
  const behind = new Behind();
  expect([0, 9_000, 18_000].map((at) => looked(behind, at, true))).toEqual([0, 0, 0]);
  expect(looked(behind, 27_000, false)).toBe(0);
  expect(looked(behind, 28_000, false)).toBe(28_000);
});

test('another zone is not behind with it', () => {
  const behind = new Behind();
  looked(behind, 0, true);
  expect(behind.seen('b', 9_000)).toBe(9_000);
});

test('whoever is behind for more than a minute begins anew', () => {
  const behind = new Behind();
  looked(behind, 0, true);
  expect(behind.seen('a', 60_000)).toBe(0);
  expect(looked(behind, 60_001, true)).toBe(60_001);
  expect(behind.seen('a', 70_000)).toBe(60_001);
});

test('a clock that went back makes nothing seen later than now', () => {
  const behind = new Behind();
  looked(behind, 5_000, true);
  expect(behind.seen('a', 1_000)).toBe(1_000);
});

test('nothing is left of what was before a pause', () => {
  const behind = new Behind();
  looked(behind, 0, true);
  behind.clear();
  expect(behind.seen('a', 9_000)).toBe(9_000);
});
