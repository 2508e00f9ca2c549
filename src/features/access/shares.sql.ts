/** Queries on shares: tuples with a shared-* relation. */
import type { SubjectId } from '../../core/call/access.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { TUPLE_COLUMNS, type TupleRow } from './tuple-rows.sql.ts';

const SHARED = "t.relation IN ('shared-viewer', 'shared-editor', 'shared-owner')";

/** Objects of a zone on which somebody may share. */
export interface Owned {
  /** Everything, of every type. */
  readonly everything: boolean;
  /** Topmost paths. */
  readonly paths: readonly string[];
  /** Objects of other types, as `type:id`. */
  readonly others: readonly string[];
}

export interface SharesPage {
  /** Only on this object. */
  readonly object: { readonly zone_id: string; readonly type: string; readonly id: string } | null;
  /** Only tuples whose id is after this one. */
  readonly after: string;
  readonly limit: number;
}

function ofPage(page: SharesPage): { sql: string; params: SqlValue[] } {
  const { object } = page;
  return {
    sql: `${SHARED} AND t.tuple_id > ?${object ? ' AND t.zone_id = ? AND t.object_type = ? AND t.object_id = ?' : ''}`,
    params: [page.after, ...(object ? [object.zone_id, object.type, object.id] : [])],
  };
}

/** Shares of a zone on what is owned. */
export function listOutgoing(tx: Tx, of: { zone_id: string; owned: Owned }, page: SharesPage): Promise<TupleRow[]> {
  const { owned } = of;
  const paged = ofPage(page);
  const mine = owned.everything
    ? ''
    : ` AND ((t.object_type = 'file' AND EXISTS (SELECT 1 FROM ${tx.dialect.textsOf} r
        WHERE t.object_id = r.value OR r.value = '/' OR (t.object_id > r.value || '/' AND t.object_id < r.value || '0')))
      OR t.object_type || ':' || t.object_id IN (SELECT value FROM ${tx.dialect.textsOf}))`;
  const params = owned.everything ? [] : [JSON.stringify(owned.paths), JSON.stringify(owned.others)];
  return tx.all<TupleRow>(
    `SELECT ${TUPLE_COLUMNS} FROM tuples t WHERE t.zone_id = ? AND ${paged.sql}${mine} ORDER BY t.tuple_id LIMIT ?`,
    [of.zone_id, ...paged.params, ...params, page.limit],
  );
}

/** Shares of every Active zone with one of these subjects, given by type, that have not ended. */
export function listIncoming(
  tx: Tx,
  of: { zone_id: string; subjects: ReadonlyMap<string, readonly string[]>; now: number },
  page: SharesPage,
): Promise<TupleRow[]> {
  const paged = ofPage(page);
  // Each arm has an index of its own: by subject in the own zone, by guest in all others. A subject has few tuples, so
  // CROSS JOIN makes SQLite begin with it.
  const arm = (where: string): string =>
    `SELECT ${TUPLE_COLUMNS} FROM ${tx.dialect.textsOf} s CROSS JOIN tuples t JOIN zones z ON z.zone_id = t.zone_id AND z.phase = 'Active'
     WHERE ${where} AND t.subject_type = ? AND t.subject_id = s.value AND t.subject_relation IN ('', 'member')
       AND (t.expires_at IS NULL OR t.expires_at > ?) AND ${paged.sql}`;
  const arms: string[] = [];
  const params: SqlValue[] = [];
  for (const [type, ids] of of.subjects) {
    for (const where of [
      't.zone_id = ? AND t.subject_zone_id = t.zone_id',
      't.subject_zone_id = ? AND t.subject_zone_id <> t.zone_id',
    ]) {
      arms.push(arm(where));
      params.push(JSON.stringify(ids), of.zone_id, type, of.now, ...paged.params);
    }
  }
  if (arms.length === 0) return Promise.resolve([]);
  return tx.all<TupleRow>(`${arms.join(' UNION ')} ORDER BY tuple_id LIMIT ?`, [...params, page.limit]);
}

/** Shares of one object with one subject, whichever level they give. */
export function listSharesWith(
  tx: Tx,
  of: {
    readonly zone_id: string;
    readonly object: { readonly type: string; readonly id: string };
    readonly subject: SubjectId;
    readonly subject_zone_id: string;
  },
): Promise<TupleRow[]> {
  return tx.all<TupleRow>(
    `SELECT ${TUPLE_COLUMNS} FROM tuples t WHERE t.zone_id = ? AND t.object_type = ? AND t.object_id = ?
       AND t.subject_type = ? AND t.subject_id = ? AND t.subject_zone_id = ? AND ${SHARED}`,
    [of.zone_id, of.object.type, of.object.id, ...of.subject, of.subject_zone_id],
  );
}
