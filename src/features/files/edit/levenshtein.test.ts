/** The bit-parallel distance against the textbook's table, and against an independent library where units are characters. */
import * as fc from 'fast-check';
import { distance as peer } from 'fastest-levenshtein';
import { describe, expect, test } from 'vitest';
import { distance, mostSteps, scratchFor } from './levenshtein.ts';

function table(a: Int32Array, b: Int32Array): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [row, symbol] of a.entries()) {
    const here = [row + 1];
    for (let column = 0; column < b.length; column++) {
      const change = above[column]! + (symbol === b[column] ? 0 : 1);
      here.push(Math.min(change, above[column + 1]! + 1, here[column]! + 1));
    }
    above = here;
  }
  return above[b.length]!;
}

const ignore = (): void => {};

function cutOffDistance(pattern: Int32Array, text: Int32Array, cutoff: number): number {
  return distance({ pattern, text, cutoff }, scratchFor(8, text.length), ignore);
}

/** Sequences that are often near each other: the second is the first with some pieces cut out, put in or changed. */
const pairs = (maxLength: number): fc.Arbitrary<[Int32Array, Int32Array]> =>
  fc
    .tuple(
      fc.array(fc.integer({ min: 1, max: 4 }), { maxLength }),
      fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.array(fc.nat(4), { maxLength: 3 })), { maxLength: 12 }),
    )
    .map(([pattern, changes]) => {
      const text = [...pattern];
      for (const [at, cut, put] of changes) text.splice(at % (text.length + 1), cut, ...put);
      return [Int32Array.from(pattern), Int32Array.from(text)];
    });

describe('distance', () => {
  test('is that of the full table up to the cut-off, and Infinity above it', () => {
    fc.assert(
      fc.property(pairs(200), fc.nat(220), ([pattern, text], cutoff) => {
        const exact = table(pattern, text);
        expect(cutOffDistance(pattern, text, cutoff)).toBe(exact <= cutoff ? exact : Infinity);
      }),
      { numRuns: 400 },
    );
  });

  test('is symmetric for unrelated sequences wider than the first band', () => {
    const sequence = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 300, maxLength: 500 });
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const [x, y] = [Int32Array.from(a), Int32Array.from(b)];
        const exact = table(x, y);
        expect(cutOffDistance(x, y, 500)).toBe(exact);
        expect(cutOffDistance(y, x, exact)).toBe(exact);
        expect(cutOffDistance(x, y, exact - 1)).toBe(Infinity);
      }),
      { numRuns: 20 },
    );
  });

  test('agrees with fastest-levenshtein on text', () => {
    const text = fc.string({ unit: fc.constantFrom(...'abc \n'), maxLength: 300 });
    const symbols = (line: string): Int32Array => Int32Array.from(line, (c) => 1 + 'abc \n'.indexOf(c));
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(cutOffDistance(symbols(a), symbols(b), 300)).toBe(peer(a, b));
      }),
      { numRuns: 200 },
    );
  });

  test('asks for few steps when long sequences are nearly equal, and never makes a pass it could not pay', () => {
    const pattern = Int32Array.from({ length: 100_000 }, (_, i) => 1 + ((i * i) % 7));
    const text = pattern.slice();
    for (let i = 500; i < text.length; i += 20_000) text[i] = 0;
    let steps = 0;
    const comparison = { pattern, text, cutoff: 50_000 };
    expect(distance(comparison, scratchFor(8, text.length), (more) => (steps += more))).toBe(5);
    expect(steps).toBeLessThan(mostSteps(comparison) / 50);
    const refuse = (): void => {
      throw new Error('no steps left');
    };
    expect(() => distance(comparison, scratchFor(8, text.length), refuse)).toThrow('no steps left');
  });
});
