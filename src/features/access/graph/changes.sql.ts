/**
 * How tuples come into a graph and what changed since it had them. Guarantees: every fact that ended is told, or that more
 * ended than is told; what is older than {@link CHANGES_KEPT} revisions is not.
 */

import { parseJson } from '../../../base/parse-json.ts';
import type { RowsInsert, Tx } from '../../../ports/sql.ts';
import { conditionsSchema } from '../conditions/conditions.ts';
import type { GraphFact, GraphTuple } from './graph.ts';

/** Access revisions that a graph may be behind and still follow. */
export const CHANGES_KEPT = 1_000;
/** Facts of one change that are told one by one. */
const TOLD_MAX = 1_000;

/** What makes a tuple the same fact as another, as its row has it. */
export interface FactRow {
  readonly zone_id: string;
  readonly subject_zone_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly subject_relation: string;
  readonly relation: string;
  readonly object_type: string;
  readonly object_id: string;
}

export const FACT_COLUMNS =
  'zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation, object_type, object_id';

/** Columns of a fact as a graph takes it. */
const GRAPH_FACT = `CASE WHEN subject_zone_id = zone_id THEN '' ELSE subject_zone_id END AS zone, subject_type, subject_id,
  subject_relation, relation, object_type, object_id`;

interface GraphRow extends Omit<GraphTuple, 'conditions'> {
  readonly revision: number;
  readonly conditions: string | null;
}

/** Conditions as their column has them. */
export const readConditions = (text: string | null) => (text === null ? null : conditionsSchema.parse(parseJson(text)));

/** Most have none, and are taken as they are: a zone has a million of them. */
const isPlain = (row: GraphRow): row is GraphRow & { readonly conditions: null } => row.conditions === null;
const tupleOf = (row: GraphRow): GraphTuple =>
  isPlain(row) ? row : { ...row, conditions: readConditions(row.conditions) };

/** Where a page of tuples ended, in order of revision. */
export interface TupleMark {
  readonly revision: number;
  readonly tuple_id: string;
}

/** Behind every tuple of a revision. */
export const endOf = (revision: number): TupleMark => ({ revision: revision + 1, tuple_id: '' });

export const TUPLES_PAGE = 10_000;

/** A page of the tuples written since a revision; the last one is the mark of the next page. */
export async function listTuplesSince(
  tx: Tx,
  zone_id: string,
  after: TupleMark,
): Promise<{ readonly tuples: GraphTuple[]; readonly next: TupleMark | undefined }> {
  const rows = await tx.all<GraphRow>(
    `SELECT ${GRAPH_FACT}, tuple_id, revision, expires_at, conditions FROM tuples
     WHERE zone_id = ? AND (revision, tuple_id) > (?, ?) ORDER BY revision, tuple_id LIMIT ?`,
    [zone_id, after.revision, after.tuple_id, TUPLES_PAGE],
  );
  const last = rows.length < TUPLES_PAGE ? undefined : rows.at(-1);
  return { tuples: rows.map(tupleOf), next: last };
}

/** Facts that ended since a revision; undefined where more did than is told. */
export async function listEndsSince(tx: Tx, zone_id: string, revision: number): Promise<GraphFact[] | undefined> {
  const rows = await tx.all<GraphFact>(`SELECT ${GRAPH_FACT} FROM tuple_ends WHERE zone_id = ? AND revision > ?`, [
    zone_id,
    revision,
  ]);
  return rows.some(({ object_type }) => object_type === '') ? undefined : rows;
}

const ENDS: RowsInsert = { into: 'tuple_ends', columns: ['revision', ...FACT_COLUMNS.split(', ')] };

const UNTOLD: Omit<FactRow, 'zone_id'> = {
  subject_zone_id: '',
  subject_type: '',
  subject_id: '',
  subject_relation: '',
  relation: '',
  object_type: '',
  object_id: '',
};

/** Tells that facts of a zone end with an access revision. */
export async function tellEnds(
  tx: Tx,
  of: { readonly zone_id: string; readonly revision: number },
  facts: readonly FactRow[],
): Promise<void> {
  if (facts.length === 0) return;
  const { zone_id, revision } = of;
  const told = facts.length > TOLD_MAX ? [{ zone_id, ...UNTOLD }] : facts;
  await tx.insert(
    ENDS,
    told.map((row) => [
      revision,
      zone_id,
      row.subject_zone_id,
      row.subject_type,
      row.subject_id,
      row.subject_relation,
      row.relation,
      row.object_type,
      row.object_id,
    ]),
  );
  await tx.run('DELETE FROM tuple_ends WHERE zone_id = ? AND revision < ?', [zone_id, revision - CHANGES_KEPT]);
}

/** What a zone that is ending leaves beside its tuples. */
export async function removeAccessLeftovers(tx: Tx, zone_id: string): Promise<void> {
  await tx.run('DELETE FROM tuple_ends WHERE zone_id = ?', [zone_id]);
  await tx.run('DELETE FROM access_schemas WHERE zone_id = ?', [zone_id]);
  await tx.run('DELETE FROM share_ends WHERE zone_id = ?', [zone_id]);
}
