/** Names close to one that is unknown, for the hint of a fault. */
import { distance } from 'fastest-levenshtein';

/** At most three, nearest first; none that differs in more than half. */
export function similarNames(name: string, known: readonly string[]): string[] {
  if (name.length > 64) return [];
  return known
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .filter(({ candidate, far }) => far <= Math.max(name.length, candidate.length) / 2)
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}
