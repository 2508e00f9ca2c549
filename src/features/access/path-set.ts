/** Sets of paths closed downwards: with a folder comes all below it. Pure; a lookup costs the depth of the path. */
import { ancestorsOf, comparePaths, isBelow } from '../../base/paths.ts';
import type { PathSet } from '../../core/call/access.ts';

export const everyPath: PathSet = { everything: true, roots: ['/'], has: () => true, touches: () => true };

export function pathSet(paths: Iterable<string>): PathSet {
  const roots = topmost(paths);
  const set = new Set(roots);
  if (set.has('/')) return everyPath;
  const has = (path: string): boolean => set.has(path) || ancestorsOf(path).some((above) => set.has(above));
  return {
    everything: false,
    roots,
    has,
    touches: (path) => has(path) || hasBelow(roots, path),
  };
}

/** Sorted, without those that lie below another. */
function topmost(paths: Iterable<string>): string[] {
  const all = new Set(paths);
  return [...all].filter((path) => !ancestorsOf(path).some((above) => all.has(above))).sort(comparePaths);
}

/** Binary search for the first root past `path/`, which is below `path` if any is. */
function hasBelow(roots: readonly string[], path: string): boolean {
  const edge = path === '/' ? '/' : `${path}/`;
  let low = 0;
  let high = roots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePaths(roots[middle]!, edge) < 0) low = middle + 1;
    else high = middle;
  }
  const found = roots[low];
  return found !== undefined && isBelow(found, path);
}
