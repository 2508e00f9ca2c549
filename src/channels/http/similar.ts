/** Names close to one that is unknown, for the hint of a fault. */
import { distance } from 'fastest-levenshtein';

/** At most three, nearest first; none that differs in more than half. */
export const similarNames = (name: string, known: readonly string[]): string[] =>
  nearestFirst(name, known)
    .filter(({ candidate, far }) => far <= Math.max(name.length, candidate.length) / 2)
    .slice(0, 3)
    .map(({ candidate }) => candidate);

/** The three nearest, however far they are. */
export const nearestNames = (name: string, known: readonly string[]): string[] =>
  nearestFirst(name, known)
    .slice(0, 3)
    .map(({ candidate }) => candidate);

function nearestFirst(name: string, known: readonly string[]) {
  if (name.length > 64) return [];
  return known.map((candidate) => ({ candidate, far: distance(name, candidate) })).sort((a, b) => a.far - b.far);
}
