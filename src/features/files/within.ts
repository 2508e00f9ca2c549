/**
 * Conditions on a column of paths, named with its table: the sets they look into have columns too. Each is one part of
 * a statement, whatever the number of roots.
 */
import type { PathSet } from '../../core/call/access.ts';
import type { Dialect } from '../../ports/sql.ts';
import type { Piece } from './view.ts';

export { atOrBelow } from '../../ports/path-range.ts';

/** At or below any of some folders and files, given as a JSON array. */
export const belowAny = (column: string, dialect: Dialect): string =>
  `EXISTS (SELECT 1 FROM ${dialect.textsOf} r
    WHERE ${column} = r.value OR (${column} > r.value || '/' AND ${column} < r.value || '0'))`;

/** In a set of paths. */
export const inPathSet = (column: string, set: PathSet, dialect: Dialect): Piece =>
  set.everything
    ? { sql: '1 = 1', params: [] }
    : { sql: belowAny(column, dialect), params: [JSON.stringify(set.roots)] };
