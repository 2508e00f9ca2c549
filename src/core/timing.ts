/** A timing of the JSON form of metrics (infrastructure.md §11): count and mean of all samples, p95 of the recent ones. */

/** Samples of which the JSON form tells the 95th percentile. */
const RECENT = 1024;

export interface Timing {
  count: number;
  total: number;
  readonly recent: number[];
}

export interface TimingJson {
  readonly count: number;
  readonly avg_ms: number;
  readonly p95_ms: number;
}

export const noSamples = (): Timing => ({ count: 0, total: 0, recent: [] });

export function observe(timing: Timing, ms: number): void {
  timing.recent[timing.count % RECENT] = ms;
  timing.count++;
  timing.total += ms;
}

/** p95 is the element at index max(0, ⌊0.95 n⌋ − 1) of the recent samples in ascending order. */
export function timingJson(timing: Timing): TimingJson {
  const sorted = timing.recent.toSorted((a, b) => a - b);
  const p95 = sorted[Math.max(0, Math.floor(0.95 * sorted.length) - 1)] ?? 0;
  return { count: timing.count, avg_ms: toThree(timing.total / timing.count), p95_ms: toThree(p95) };
}

/** Three decimals, ties to even on the binary value. */
function toThree(value: number): number {
  const scaled = value * 1000;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return (up ? floor + 1 : floor) / 1000;
}
