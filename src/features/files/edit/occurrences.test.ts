/** The linear search against the one of strings, on an alphabet so small that patterns overlap themselves. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { occurrences, unitsOf } from './occurrences.ts';

function allIndexesOf(text: string, pattern: string): number[] {
  const found = [];
  for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) found.push(at);
  return found;
}

test('finds every occurrence, overlapping ones too', () => {
  const text = (minLength: number, maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b', '😀'), minLength, maxLength });
  fc.assert(
    fc.property(text(0, 60), text(1, 6), (content, pattern) => {
      expect(occurrences(unitsOf(content), unitsOf(pattern))).toEqual(allIndexesOf(content, pattern));
    }),
    { numRuns: 1000 },
  );
});

test('works on numbers that are no units', () => {
  expect(occurrences(Int32Array.of(70_000, -1, 70_000, -1, 70_000), Int32Array.of(70_000, -1, 70_000))).toEqual([0, 2]);
});
