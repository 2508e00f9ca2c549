/** Decimals, ties to even, decided on the exact binary value (infrastructure.md §11, corpus.md §1). Pure. */

/**
 * `x` to `digits` decimals (at most 8). A tie needs `x` to be an odd multiple of 1/2^(digits+1), which a product with a power of
 * two shows exactly; everything else `toFixed` rounds by the exact value.
 */
export function roundTo(x: number, digits: number): number {
  const halves = x * 2 ** (digits + 1);
  const isTie = Number.isInteger(halves) && Math.abs(halves % 2) === 1;
  if (!isTie) return withoutMinusZero(Number(x.toFixed(digits)));
  const below = (halves * 5 ** digits - 1) / 2;
  return withoutMinusZero((below % 2 === 0 ? below : below + 1) / 10 ** digits);
}

const withoutMinusZero = (x: number): number => (x === 0 ? 0 : x);

/** A part of a whole that may be empty. */
export const ratio = (part: number, whole: number, digits: number): number =>
  roundTo(part / Math.max(1, whole), digits);
