/** Rows of tuples. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { FACT_COLUMNS, type FactRow, removeAccessLeftovers } from './graph/changes.sql.ts';

export interface TupleRow {
  readonly tuple_id: string;
  readonly zone_id: string;
  readonly subject_zone_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly subject_relation: string;
  readonly relation: string;
  readonly object_type: string;
  readonly object_id: string;
  readonly object_given: string | null;
  readonly expires_at: number | null;
  /** As JSON. */
  readonly conditions: string | null;
  readonly created_at: number;
  readonly created_by: string;
  /** Access revision of the zone with which it was written. */
  readonly revision: number;
}

/** Of a tuple `t`. */
export const TUPLE_COLUMNS = `t.tuple_id, t.zone_id, t.subject_zone_id, t.subject_type, t.subject_id, t.subject_relation, t.relation,
  t.object_type, t.object_id, t.object_given, t.expires_at, t.conditions, t.created_at, t.created_by, t.revision`;

export const findTuple = (tx: Tx, zone_id: string, tuple_id: string): Promise<TupleRow | undefined> =>
  tx.get<TupleRow>(`SELECT ${TUPLE_COLUMNS} FROM tuples t WHERE t.tuple_id = ? AND t.zone_id = ?`, [tuple_id, zone_id]);

/** The zone of a tuple, if nothing bars the way to it. */
export async function findTupleZone(tx: Tx, tuple_id: string): Promise<string | undefined> {
  const row = await tx.get<{ zone_id: string }>(
    `SELECT t.zone_id FROM tuples t JOIN zones z ON z.zone_id = t.zone_id WHERE t.tuple_id = ? AND z.phase = 'Active'`,
    [tuple_id],
  );
  return row?.zone_id;
}

export const findFact = (tx: Tx, fact: FactRow): Promise<TupleRow | undefined> =>
  tx.get<TupleRow>(
    `SELECT ${TUPLE_COLUMNS} FROM tuples t WHERE t.zone_id = ? AND t.subject_type = ? AND t.subject_id = ?
       AND t.subject_relation = ? AND t.relation = ? AND t.object_type = ? AND t.object_id = ? AND t.subject_zone_id = ?`,
    [
      fact.zone_id,
      fact.subject_type,
      fact.subject_id,
      fact.subject_relation,
      fact.relation,
      fact.object_type,
      fact.object_id,
      fact.subject_zone_id,
    ],
  );

export async function insertTuple(tx: Tx, row: TupleRow): Promise<void> {
  await tx.run(
    `INSERT INTO tuples (tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation,
       object_type, object_id, object_given, expires_at, conditions, created_at, created_by, revision)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      row.tuple_id,
      row.zone_id,
      row.subject_zone_id,
      row.subject_type,
      row.subject_id,
      row.subject_relation,
      row.relation,
      row.object_type,
      row.object_id,
      row.object_given,
      row.expires_at,
      row.conditions,
      row.created_at,
      row.created_by,
      row.revision,
    ],
  );
}

export async function setTerms(
  tx: Tx,
  tuple_id: string,
  change: Pick<TupleRow, 'expires_at' | 'conditions' | 'revision'>,
): Promise<void> {
  await tx.run('UPDATE tuples SET expires_at = ?, conditions = ?, revision = ? WHERE tuple_id = ?', [
    change.expires_at,
    change.conditions,
    change.revision,
    tuple_id,
  ]);
}

export async function deleteTuple(tx: Tx, tuple_id: string): Promise<void> {
  await tx.run('DELETE FROM tuples WHERE tuple_id = ?', [tuple_id]);
}

export interface TupleFilter {
  /** Null: those of every Active zone. */
  readonly zone_id: string | null;
  readonly subject: { readonly type: string; readonly id: string; readonly relation: string | null } | null;
  readonly relation: string | null;
  readonly object: { readonly type: string; readonly id: string } | null;
  /** Also tuples whose subject is one of another zone. */
  readonly namesakes: boolean;
}

export interface TuplePage {
  /** Only tuples whose id is after this one. */
  readonly after: string;
  readonly limit: number;
}

/** In order of id. */
export function listTuples(tx: Tx, filter: TupleFilter, page: TuplePage): Promise<TupleRow[]> {
  const parts = ["z.phase = 'Active'", 't.tuple_id > ?'];
  const params: SqlValue[] = [page.after];
  const only = (sql: string, ...values: SqlValue[]): void => {
    parts.push(sql);
    params.push(...values);
  };
  const { zone_id, subject, relation, object } = filter;
  if (zone_id !== null) only('t.zone_id = ?', zone_id);
  if (subject) only('t.subject_type = ? AND t.subject_id = ?', subject.type, subject.id);
  if (subject && subject.relation !== null) only('t.subject_relation = ?', subject.relation);
  if (!filter.namesakes) only('t.subject_zone_id = t.zone_id');
  if (relation !== null) only('t.relation = ?', relation);
  if (object) only('t.object_type = ? AND t.object_id = ?', object.type, object.id);
  return tx.all<TupleRow>(
    `SELECT ${TUPLE_COLUMNS} FROM tuples t JOIN zones z ON z.zone_id = t.zone_id WHERE ${parts.join(' AND ')}
     ORDER BY t.tuple_id LIMIT ?`,
    [...params, page.limit],
  );
}

/** Removes at most so many tuples of a zone that is ending, with the last of them all else that graphs are made of. */
export async function removeTuples(tx: Tx, zone_id: string, rows: number): Promise<number> {
  const removed = await tx.run(
    'DELETE FROM tuples WHERE tuple_id IN (SELECT tuple_id FROM tuples WHERE zone_id = ? LIMIT ?)',
    [zone_id, rows],
  );
  if (removed < rows) await removeAccessLeftovers(tx, zone_id);
  return removed;
}

/** Active zones that share something with subjects of a zone. */
export async function listHosts(tx: Tx, guest: string): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    `SELECT DISTINCT t.zone_id FROM tuples t JOIN zones z ON z.zone_id = t.zone_id
     WHERE t.subject_zone_id = ? AND t.subject_zone_id <> t.zone_id AND z.phase = 'Active' ORDER BY t.zone_id`,
    [guest],
  );
  return rows.map((row) => row.zone_id);
}

export type EndedTuple = FactRow & Pick<TupleRow, 'tuple_id'>;

/** Removes at most so many of the tuples of one zone that name subjects of another; gives them. */
export function endGuestTuples(
  tx: Tx,
  of: { readonly zone_id: string; readonly guest: string; readonly rows: number },
): Promise<EndedTuple[]> {
  return tx.all(
    `DELETE FROM tuples WHERE tuple_id IN (SELECT tuple_id FROM tuples WHERE subject_zone_id = ?
       AND subject_zone_id <> zone_id AND zone_id = ? LIMIT ?) RETURNING tuple_id, ${FACT_COLUMNS}`,
    [of.guest, of.zone_id, of.rows],
  );
}

/** Notes that what other zones share with a subject of this one is to end: exactly the shares that are there now. */
export async function noteShareEnds(
  tx: Tx,
  subject: { readonly zone_id: string; readonly type: string; readonly id: string },
): Promise<void> {
  await tx.run(
    `INSERT INTO share_ends (zone_id, tuple_id) SELECT t.zone_id, t.tuple_id FROM tuples t
     WHERE t.subject_zone_id = ? AND t.subject_zone_id <> t.zone_id AND t.subject_type = ? AND t.subject_id = ?
     ON CONFLICT DO NOTHING`,
    [subject.zone_id, subject.type, subject.id],
  );
}

/** Are shares with a subject still to end? */
export async function hasNotedShares(
  tx: Tx,
  subject: { readonly zone_id: string; readonly type: string; readonly id: string },
): Promise<boolean> {
  const row = await tx.get(
    `SELECT 1 AS n FROM share_ends e JOIN tuples t ON t.tuple_id = e.tuple_id
     WHERE t.subject_zone_id = ? AND t.subject_type = ? AND t.subject_id = ? LIMIT 1`,
    [subject.zone_id, subject.type, subject.id],
  );
  return row !== undefined;
}

/** Active zones in which shares are to end. */
export async function listEnding(tx: Tx): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    `SELECT DISTINCT e.zone_id FROM share_ends e JOIN zones z ON z.zone_id = e.zone_id WHERE z.phase = 'Active'`,
  );
  return rows.map((row) => row.zone_id);
}

/** Removes at most so many of the shares of a zone that are to end; gives those that were still there. */
export async function endNotedShares(
  tx: Tx,
  of: { readonly zone_id: string; readonly rows: number },
): Promise<EndedTuple[]> {
  const noted = await tx.all<{ tuple_id: string }>('SELECT tuple_id FROM share_ends WHERE zone_id = ? LIMIT ?', [
    of.zone_id,
    of.rows,
  ]);
  const where = `zone_id = ? AND tuple_id IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const params = [of.zone_id, JSON.stringify(noted.map(({ tuple_id }) => tuple_id))];
  await tx.run(`DELETE FROM share_ends WHERE ${where}`, params);
  return tx.all(`DELETE FROM tuples WHERE ${where} RETURNING tuple_id, ${FACT_COLUMNS}`, params);
}
