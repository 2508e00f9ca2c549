/** Conditions on a column of paths that an index can bound. */
import { rangeBelow } from '../base/paths.ts';
import type { SqlValue } from './sql.ts';

/**
 * At or below one folder or file. The first two comparisons bound a range of an index, which an OR by itself does not:
 * the planner then goes through everything that the other conditions leave.
 */
export function atOrBelow(
  column: string,
  path: string,
): { readonly sql: string; readonly params: readonly SqlValue[] } {
  if (path === '/') return { sql: '1 = 1', params: [] };
  const range = rangeBelow(path);
  return {
    sql: `${column} >= ? AND ${column} < ? AND (${column} = ? OR ${column} > ?)`,
    params: [path, range.to, path, range.from],
  };
}
