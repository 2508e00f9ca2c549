/** Observations counted by their size: plain data that crosses threads, and what several threads counted adds up. */

export interface Distribution {
  /** Upper bounds, ascending, each inclusive; what is larger than the last has a count of its own behind them. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
}

export const distribution = (bounds: readonly number[]): Distribution => ({
  bounds,
  counts: new Array<number>(bounds.length + 1).fill(0),
  sum: 0,
});

export function observe(into: Distribution, value: number): void {
  const place = into.bounds.findIndex((bound) => value <= bound);
  const at = place < 0 ? into.bounds.length : place;
  into.counts[at] = (into.counts[at] ?? 0) + 1;
  into.sum += value;
}

/** A new one that holds what all of them hold; they have the same bounds. */
export function added(first: Distribution, ...others: readonly Distribution[]): Distribution {
  const all = [first, ...others];
  return {
    bounds: first.bounds,
    counts: first.counts.map((_, i) => all.reduce((sum, one) => sum + (one.counts[i] ?? 0), 0)),
    sum: all.reduce((sum, one) => sum + one.sum, 0),
  };
}

export const countOf = (of: Distribution): number => of.counts.reduce((sum, count) => sum + count, 0);
