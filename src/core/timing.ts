/** A timing of the JSON form of metrics (infrastructure.md §11): count and mean of all samples, p95 of the recent ones. */
import { roundTo } from '../base/rounding.ts';

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
  const avg = timing.count === 0 ? 0 : timing.total / timing.count;
  return { count: timing.count, avg_ms: roundTo(avg, 3), p95_ms: roundTo(p95, 3) };
}
