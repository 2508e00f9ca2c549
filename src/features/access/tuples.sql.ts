/** What changes of files do to the tuples on them (access.md §9, rename and delete). */
import { cutAfter, rangeBelow } from '../../base/paths.ts';
import type { Call } from '../../core/operation.ts';
import type { SqlValue } from '../../ports/sql.ts';

/** Ends the tuples on a path that was removed, and with `below` on everything under it. */
export async function endTuples(call: Call, path: string, reach: { readonly below: boolean }): Promise<void> {
  if (call.zone.used_tuples === 0) return;
  const range = rangeBelow(path);
  const below = reach.below ? ' OR (object_id > ? AND object_id < ?)' : '';
  const params = reach.below ? [path, range.from, range.to] : [path];
  const ended = await call.tx.run(
    `DELETE FROM tuples WHERE zone_id = ? AND object_type = 'file' AND (object_id = ?${below})`,
    [call.zone.zone_id, ...params],
  );
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
  const range = rangeBelow(from);
  const cut = cutAfter(from);
  const zone = call.zone.zone_id;
  let moved = 0;
  let doubled = 0;
  for (const side of ['object', 'subject']) {
    // A fact that stands at the target already would be doubled: the moved one gives way.
    doubled += await call.tx.run(
      `DELETE FROM tuples WHERE zone_id = ? AND ${side}_type = 'file' AND (${side}_id = ? OR (${side}_id > ? AND ${side}_id < ?))
       AND EXISTS (SELECT 1 FROM tuples o WHERE o.zone_id = tuples.zone_id AND o.subject_type = tuples.subject_type
         AND o.subject_relation = tuples.subject_relation AND o.relation = tuples.relation
         AND o.object_type = tuples.object_type AND o.subject_zone_id = tuples.subject_zone_id
         AND o.${side}_id = CAST(? AS TEXT) || substr(tuples.${side}_id, ${cut})
         AND o.${side === 'object' ? 'subject' : 'object'}_id = tuples.${side === 'object' ? 'subject' : 'object'}_id)`,
      [zone, from, range.from, range.to, to],
    );
    moved += await call.tx.run(
      `UPDATE tuples SET ${side}_id = CAST(? AS TEXT) || substr(${side}_id, ${cut})${side === 'object' ? ', object_given = NULL' : ''}
       WHERE zone_id = ? AND ${side}_type = 'file' AND (${side}_id = ? OR (${side}_id > ? AND ${side}_id < ?))`,
      [to, zone, from, range.from, range.to],
    );
  }
  call.use('tuples', -doubled);
  if (moved + doubled > 0) call.accessChanged();
}
