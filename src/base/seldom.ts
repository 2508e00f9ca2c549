/** At most one of many calls gets through in so many milliseconds, the first at once; those between are left out. */
export function seldom<A extends readonly unknown[]>(
  ms: number,
  tell: (...told: A) => void,
  now: () => number = () => performance.now(),
): (...told: A) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (...told) => {
    if (now() - toldAt < ms) return;
    toldAt = now();
    tell(...told);
  };
}
