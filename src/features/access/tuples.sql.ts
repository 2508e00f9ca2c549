/**
 * What changes of files do to the tuples on them (access.md §9, rename and delete), and to `parent` tuples from them.
 * Guarantee: graphs are told of every fact that ended.
 */
import { cutAfter } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import { atOrBelow } from '../../ports/path-range.ts';
import type { SqlValue } from '../../ports/sql.ts';
import { FACT_COLUMNS, type FactRow, tellEnds } from './graph/changes.sql.ts';

interface Piece {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** Tuples of a zone on paths, or from them as children. */
async function end(call: Call, on: Piece, from: Piece): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const { zone_id } = call.zone;
  const ended = await call.tx.all<FactRow>(
    `DELETE FROM tuples WHERE (zone_id = ? AND object_type = 'file' AND ${on.sql})
       OR (zone_id = ? AND subject_type = 'file' AND relation = 'parent' AND ${from.sql}) RETURNING ${FACT_COLUMNS}`,
    [zone_id, ...on.params, zone_id, ...from.params],
  );
  if (ended.length === 0) return;
  await tellEnds(call.tx, { zone_id, revision: call.zone.access_revision + 1 }, ended);
  call.use('tuples', -ended.length);
  call.accessChanged();
}

/** Ends the tuples on paths that were removed; `gone` says it of a column that holds one. */
export const endTuplesWhere = (call: Call, gone: (column: string) => Piece): Promise<void> =>
  end(call, gone('object_id'), gone('subject_id'));

/** The same for one path. */
export const endTuples = (call: Call, path: string): Promise<void> =>
  endTuplesWhere(call, (column) => ({ sql: `${column} = ?`, params: [path] }));

/** The same for a set of paths, given as a SELECT of them. */
export const endTuplesOf = (call: Call, paths: Piece): Promise<void> =>
  endTuplesWhere(call, (column) => ({ sql: `${column} IN (${paths.sql})`, params: paths.params }));

/** Tuples on a path and below it follow a rename, as objects and as subjects of `parent`. */
export async function moveTuples(call: Call, from: string, to: string): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const zone = call.zone.zone_id;
  const revision = call.zone.access_revision + 1;
  const sides = { object: atOrBelow('object_id', from), subject: atOrBelow('subject_id', from) };
  const having = (side: 'object' | 'subject'): string =>
    `FROM tuples WHERE zone_id = ? AND ${side}_type = 'file' AND ${sides[side].sql}`;
  // Most of what is renamed has none: one look instead of four changes.
  const before = await call.tx.all<FactRow>(
    `SELECT ${FACT_COLUMNS} ${having('object')} UNION SELECT ${FACT_COLUMNS} ${having('subject')}`,
    [zone, ...sides.object.params, zone, ...sides.subject.params],
  );
  if (before.length === 0) return;
  let doubled = 0;
  for (const [side, other] of [
    ['object', 'subject'],
    ['subject', 'object'],
  ] as const) {
    const cut = cutAfter(from);
    // A fact that stands at the target already would be doubled: the moved one gives way.
    doubled += await call.tx.run(
      `DELETE ${having(side)}
       AND EXISTS (SELECT 1 FROM tuples o WHERE o.zone_id = tuples.zone_id AND o.subject_type = tuples.subject_type
         AND o.subject_relation = tuples.subject_relation AND o.relation = tuples.relation
         AND o.object_type = tuples.object_type AND o.subject_zone_id = tuples.subject_zone_id
         AND o.${side}_id = CAST(? AS TEXT) || substr(tuples.${side}_id, ${cut})
         AND o.${other}_id = tuples.${other}_id)`,
      [zone, ...sides[side].params, to],
    );
    await call.tx.run(
      `UPDATE tuples SET ${side}_id = CAST(? AS TEXT) || substr(${side}_id, ${cut}), revision = ?${side === 'object' ? ', object_given = NULL' : ''}
       WHERE zone_id = ? AND ${side}_type = 'file' AND ${sides[side].sql}`,
      [to, revision, zone, ...sides[side].params],
    );
  }
  await tellEnds(call.tx, { zone_id: zone, revision }, before);
  call.use('tuples', -doubled);
  call.accessChanged();
}
