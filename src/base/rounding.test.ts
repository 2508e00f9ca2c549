/** Rounding to decimals: ties on the binary value go to even, all else to the nearest; canonical JSON of the RFC. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';
import { ratio, roundTo } from './rounding.ts';

test.each([
  [0.0625, 3, 0.062],
  [0.1875, 3, 0.188],
  [0.5, 0, 0],
  [1.5, 0, 2],
  [2.5, 0, 2],
  [-0.0625, 3, -0.062],
  [-0.1875, 3, -0.188],
  [-2.5, 0, -2],
  // Not ties: the binary value lies below and above.
  [1.005, 2, 1],
  [2.0005, 3, 2.001],
  [0.03125, 4, 0.0312],
  [-0.00001, 3, 0],
])('%d to %d decimals is %d', (x, digits, rounded) => {
  expect(roundTo(x, digits)).toBe(rounded);
});

/** By whole numbers: x = n / 2^20 exactly. */
function exactly(n: bigint, digits: number): number {
  const scaled = n * 10n ** BigInt(digits);
  const one = 1n << 20n;
  const below = scaled >> 20n;
  const twice = (scaled - below * one) * 2n;
  const up = twice > one || (twice === one && below % 2n !== 0n);
  return Number(up ? below + 1n : below) / 10 ** digits;
}

test('it is the rounding of whole numbers', () => {
  const numbers = fc.integer({ min: -(2 ** 31), max: 2 ** 31 });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 0, max: 8 }), (n, digits) => {
      expect(roundTo(n / 2 ** 20, digits) - exactly(BigInt(n), digits)).toBe(0);
    }),
  );
});

test('a part of nothing is a part of one', () => {
  expect(ratio(0, 0, 3)).toBe(0);
  expect(ratio(3, 0, 3)).toBe(3);
  expect(ratio(1, 3, 3)).toBe(0.333);
});

test('equal values have one canonical text, with keys by UTF-16 units', () => {
  const odd = { '\u20ac': 1, '\r': 2, '\u{1f600}': 3, '\ufb33': 4, 1: 5, '\u0080': 6, ö: 7 };
  expect(canonicalJson(odd)).toBe('{"\\r":2,"1":5,"\u0080":6,"ö":7,"€":1,"\u{1f600}":3,"\ufb33":4}');
  expect(canonicalJson({ b: [1e21, 0.1, -0, null], a: { d: undefined, c: 'x"' } })).toBe(
    '{"a":{"c":"x\\""},"b":[1e+21,0.1,0,null]}',
  );
});
