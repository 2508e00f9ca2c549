/**
 * Two sides measured in turn, A B A B …, on the same machine in the same minutes; what is told is the median of the
 * pairs' ratios, beside both sides' own figures.
 */

export interface Side {
  readonly name: string;
  /** One measurement: operations a second, seconds, bytes … in the bar's unit. */
  measure(): Promise<number>;
}

export interface PairsResult {
  readonly ratio: number;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The value that this part of all stays below. */
export const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

/** `pairs` alternations after one uncounted measurement of each side. */
export async function measurePairs(ours: Side, theirs: Side, pairs: number): Promise<PairsResult> {
  await ours.measure();
  await theirs.measure();
  const all = { ours: [] as number[], theirs: [] as number[], ratios: [] as number[] };
  for (let i = 0; i < pairs; i++) {
    const a = await ours.measure();
    const b = await theirs.measure();
    all.ours.push(a);
    all.theirs.push(b);
    all.ratios.push(a / b);
  }
  return { ratio: median(all.ratios), ours: all.ours, theirs: all.theirs };
}

/** Two figures that are taken once, as a result. */
export const measuredOnce = (ours: number, theirs: number): PairsResult => ({
  ratio: ours / theirs,
  ours: [ours],
  theirs: [theirs],
});

export interface Bar {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  /** The ratio has to be at least, or at most, this. */
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const range = (values: readonly number[]): string => {
  if (values.length === 1) return number(values[0]!);
  return `${number(median(values))} (${number(Math.min(...values))}–${number(Math.max(...values))})`;
};

/** Prints one bar and says whether it is met. */
export function printBar(
  bar: Bar,
  sides: { readonly ours: { readonly name: string }; readonly theirs: { readonly name: string } },
  result: PairsResult,
): boolean {
  const bound = 'atLeast' in bar.bound ? `≥ ${bar.bound.atLeast}` : `≤ ${bar.bound.atMost}`;
  const met = 'atLeast' in bar.bound ? result.ratio >= bar.bound.atLeast : result.ratio <= bar.bound.atMost;
  console.log(`${bar.id}  ${bar.what}`);
  console.log(`    ${sides.ours.name}: ${range(result.ours)} ${bar.unit}`);
  console.log(`    ${sides.theirs.name}: ${range(result.theirs)} ${bar.unit}`);
  console.log(`    ratio ${result.ratio.toFixed(2)}, bar ${bound}: ${met ? 'met' : 'NOT MET'}`);
  return met;
}
