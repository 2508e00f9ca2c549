/** What changes of files do to the tuples on them (access.md §9, rename and delete). */
import { cutAfter } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import { atOrBelow } from '../../ports/path-range.ts';
import type { SqlValue } from '../../ports/sql.ts';

/** Ends the tuples on a path that was removed, and with `below` on everything under it. */
export async function endTuples(call: Call, path: string, reach: { readonly below: boolean }): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const gone = reach.below ? atOrBelow('object_id', path) : { sql: 'object_id = ?', params: [path] };
  const ended = await call.tx.run(`DELETE FROM tuples WHERE zone_id = ? AND object_type = 'file' AND ${gone.sql}`, [
    call.zone.zone_id,
    ...gone.params,
  ]);
  if (ended === 0) return;
  call.use('tuples', -ended);
  call.accessChanged();
}

/** The same for a set of paths, given as a SELECT of them. */
export async function endTuplesOf(
  call: Call,
  paths: { readonly sql: string; readonly params: readonly SqlValue[] },
): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const ended = await call.tx.run(
    `DELETE FROM tuples WHERE zone_id = ? AND object_type = 'file' AND object_id IN (${paths.sql})`,
    [call.zone.zone_id, ...paths.params],
  );
  if (ended === 0) return;
  call.use('tuples', -ended);
  call.accessChanged();
}

/** Tuples on a path and below it follow a rename, as objects and as subjects of `parent`. */
export async function moveTuples(call: Call, from: string, to: string): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const cut = cutAfter(from);
  const zone = call.zone.zone_id;
  const sides = { object: atOrBelow('object_id', from), subject: atOrBelow('subject_id', from) };
  const having = (side: 'object' | 'subject'): string =>
    `FROM tuples WHERE zone_id = ? AND ${side}_type = 'file' AND ${sides[side].sql}`;
  // Most of what is renamed has none: one look instead of four changes.
  const any = await call.tx.get(`SELECT 1 AS one ${having('object')} UNION ALL SELECT 1 ${having('subject')} LIMIT 1`, [
    zone,
    ...sides.object.params,
    zone,
    ...sides.subject.params,
  ]);
  if (!any) return;
  let moved = 0;
  let doubled = 0;
  for (const [side, other] of [
    ['object', 'subject'],
    ['subject', 'object'],
  ] as const) {
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
    moved += await call.tx.run(
      `UPDATE tuples SET ${side}_id = CAST(? AS TEXT) || substr(${side}_id, ${cut})${side === 'object' ? ', object_given = NULL' : ''}
       WHERE zone_id = ? AND ${side}_type = 'file' AND ${sides[side].sql}`,
      [to, zone, ...sides[side].params],
    );
  }
  call.use('tuples', -doubled);
  if (moved + doubled > 0) call.accessChanged();
}
