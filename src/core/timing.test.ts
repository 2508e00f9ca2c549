/** Timings of the JSON form of metrics: the vectors of the contract, rounding, and the bound on what is kept. */
import { expect, test } from 'vitest';
import { noSamples, observe, timingJson } from './timing.ts';

const timed = (...samples: number[]) => {
  const timing = noSamples();
  for (const sample of samples) observe(timing, sample);
  return timingJson(timing);
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

// The first eight are those of corpus-vectors.json, `metrics`.
test.each([
  [[], { count: 0, avg_ms: 0, p95_ms: 0 }],
  [[5], { count: 1, avg_ms: 5, p95_ms: 5 }],
  [upTo(10), { count: 10, avg_ms: 5.5, p95_ms: 9 }],
  [upTo(20), { count: 20, avg_ms: 10.5, p95_ms: 19 }],
  [[0.0625, 0.1875], { count: 2, avg_ms: 0.125, p95_ms: 0.062 }],
  [[2.0005, 2.0005], { count: 2, avg_ms: 2.001, p95_ms: 2.001 }],
  [[0.1, 0.2, 0.4], { count: 3, avg_ms: 0.233, p95_ms: 0.2 }],
  [upTo(41).reverse(), { count: 41, avg_ms: 21, p95_ms: 38 }],
  [upTo(100), { count: 100, avg_ms: 50.5, p95_ms: 95 }],
  [[0.1875], { count: 1, avg_ms: 0.188, p95_ms: 0.188 }],
])('%j', (samples, expected) => {
  expect(timed(...samples)).toEqual(expected);
});

test('count and mean are of all samples, the percentile of the last 1,024', () => {
  expect(timed(...Array(1_000).fill(1_000), ...Array(1_024).fill(1))).toEqual({
    count: 2_024,
    avg_ms: 494.577,
    p95_ms: 1,
  });
});
