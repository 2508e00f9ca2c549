/** UUIDs sort by time, and within a millisecond as they were made. */
import { expect, test } from 'vitest';
import { isUuid, newUuid } from './ids.ts';

test('a UUID has its version, its variant and its time, and sorts by when it was made', () => {
  const made = [1_700_000_000_000, 1_700_000_000_001].flatMap((now) =>
    Array.from({ length: 1_000 }, () => newUuid(now)),
  );
  for (const id of made) expect(id).toMatch(/^018bcfe5-680[01]-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(made.every(isUuid)).toBe(true);
  expect(made.toSorted()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
});
