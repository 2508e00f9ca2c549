/**
 * Two or three views side by side, path by path: the states of each are joined to a list of paths, so that the cost
 * goes by that list and not by the tree. Guarantees: a path has one row, and a column is null where a view has nothing.
 */

import { ancestorsOf, rangeBelow } from '../../../base/paths.ts';
import { atOrBelow } from '../../../ports/path-range.ts';
import { OPEN_END, type SqlValue } from '../../../ports/sql.ts';
import type { PastView, Piece } from '../view.ts';

export interface Joined extends Piece {
  /** The value of a column of `file_states` in the view. */
  col(name: string): string;
  /** Does the state belong to the branch itself? 1 or 0. */
  readonly own: string;
}

/** LEFT JOINs of a view's states to the paths `path`; `alias` names them apart from those of other views. */
export function joinView(view: PastView, alias: string, path: string): Joined {
  const params: SqlValue[] = [];
  const names = view.layers.map((layer, depth) => {
    params.push(view.zone_id, layer.branch, layer.at, layer.at);
    return `${alias}${depth}`;
  });
  const joins = names.map(
    (n) => `LEFT JOIN file_states ${n} ON ${n}.zone_id = ? AND ${n}.branch = ? AND ${n}.path = ${path}
      AND ${n}.began <= ? AND ${n}.ended > ?`,
  );
  const [own, ...parents] = names;
  return {
    sql: joins.join(' '),
    params,
    // The first branch of the chain that says anything has the word; a removal says that there is nothing.
    col: (name) =>
      parents.length === 0
        ? `${own}.${name}`
        : `CASE ${names.map((n) => `WHEN ${n}.kind = 'x' THEN NULL WHEN ${n}.kind IS NOT NULL THEN ${n}.${name}`).join(' ')} END`,
    own: `CASE WHEN ${own}.kind IN ('f', 'd') THEN 1 ELSE 0 END`,
  };
}

/** The columns of a joined view under names with a prefix: `o_kind, o_etag …`. */
export const columnsOf = (joined: Joined, prefix: string, names: readonly string[]): string =>
  names.map((name) => `${joined.col(name)} AS ${prefix}_${name}`).join(', ');

export interface Scope {
  /** Only what lies at or below. */
  readonly path: string;
  /** Only paths after this one. */
  readonly after?: string;
  /** A further condition on `s.path`. */
  readonly only?: Piece;
}

/**
 * A SELECT of the paths at which two views of one zone may differ, each once: what began or ended between their
 * revisions, and of a branch that only one of them sees all that it has.
 */
export function changedPaths(one: PastView, other: PastView, scope: Scope): Piece {
  const within: Piece[] = [atOrBelow('s.path', scope.path)];
  if (scope.after) within.push({ sql: 's.path > ?', params: [scope.after] });
  if (scope.only) within.push(scope.only);
  for (const point of one.apart ?? other.apart ?? []) within.push(outsideMount(point));
  const tail = within.map(({ sql }) => ` AND ${sql}`).join('');
  const tailParams = within.flatMap(({ params }) => params);
  const params: SqlValue[] = [];
  const arms: string[] = [];
  const add = (sql: string, ...values: SqlValue[]): void => {
    arms.push(`SELECT s.path FROM file_states s WHERE s.zone_id = ? AND s.branch = ? AND ${sql}${tail}`);
    params.push(one.zone_id, ...values, ...tailParams);
  };
  for (const [branch, [low, high]] of spans(one, other)) {
    if (low === undefined) add('s.began <= ? AND s.ended > ?', branch, high, high);
    else if (low < high) {
      add('s.began > ? AND s.began <= ?', branch, low, high);
      add(`s.ended > ? AND s.ended <= ? AND s.ended < ${OPEN_END}`, branch, low, high);
    }
  }
  if (arms.length === 0) return { sql: 'SELECT path FROM file_states WHERE 1 = 0', params: [] };
  // One arm may name a path twice; a union of several never does.
  return { sql: arms.length === 1 ? arms[0]!.replace('SELECT', 'SELECT DISTINCT') : arms.join(' UNION '), params };
}

/** Neither at or below a mount point nor on the way to it: that is there as long as the mount is. */
function outsideMount(point: string): Piece {
  const below = rangeBelow(point);
  const way = [...ancestorsOf(point), point];
  return {
    sql: `NOT (s.path > ? AND s.path < ?)${way.map(() => ' AND s.path <> ?').join('')}`,
    params: [below.from, below.to, ...way],
  };
}

/** For each branch that either view sees: the revisions at which the two see it, or one where only one does. */
function spans(one: PastView, other: PastView): Map<string, readonly [number | undefined, number]> {
  const seen = new Map<string, readonly [number | undefined, number]>();
  for (const { branch, at } of one.layers) seen.set(branch, [undefined, at]);
  for (const { branch, at } of other.layers) {
    const there = seen.get(branch)?.[1];
    seen.set(branch, there === undefined ? [undefined, at] : [Math.min(there, at), Math.max(there, at)]);
  }
  return seen;
}
