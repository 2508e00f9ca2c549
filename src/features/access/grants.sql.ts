/** What tuples give one subject: one statement, however deep groups nest and however many grants there are. */
import type { SubjectId } from '../../core/operation.ts';
import { OPEN_END, type SqlValue, type Tx } from '../../ports/sql.ts';

export interface GrantQuestion {
  /** Zone of the objects. */
  readonly zone_id: string;
  readonly subject_zone_id: string;
  /** What counts as the subject: itself, for some agents also their user. */
  readonly subjects: readonly SubjectId[];
  readonly now: number;
}

interface Piece {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/**
 * A WITH clause that ends in `subjects (t, i, until)`: the subject, what stands for everybody, and every group that
 * holds one of these, as the subject's own zone has it. `until` is the first expiry that the membership relies on.
 */
export function withSubjects(question: Omit<GrantQuestion, 'zone_id'>): Piece {
  const { subject_zone_id, subjects, now } = question;
  const seeds = [...subjects, ...subjects.map(([type]) => [type, '*'] as const), ['*', '*'] as const];
  return {
    sql: `WITH RECURSIVE seeds (t, i) AS (${seeds.map(() => 'SELECT CAST(? AS TEXT), CAST(? AS TEXT)').join(' UNION ALL ')}),
     subjects (t, i, until) AS (
       SELECT t, i, CAST(${OPEN_END} AS BIGINT) FROM seeds
       UNION
       SELECT 'group', x.object_id, CASE WHEN x.expires_at < s.until THEN x.expires_at ELSE s.until END
       FROM subjects s CROSS JOIN tuples x
       WHERE x.zone_id = ? AND x.subject_type = s.t AND x.subject_id = s.i AND x.subject_relation IN ('', 'member')
         AND x.relation = 'member' AND x.object_type = 'group' AND x.subject_zone_id = x.zone_id
         AND (x.expires_at IS NULL OR x.expires_at > ?) AND x.conditions IS NULL
     )`,
    params: [...seeds.flat(), subject_zone_id, now],
  };
}

/**
 * Tuples `x` of the objects' zone whose subject is in `subjects s`, and that count. CROSS JOIN makes SQLite go from the
 * subject, who has few, to its tuples, and not through all tuples of the zone.
 */
function grantsTo(question: GrantQuestion): Piece {
  return {
    sql: `subjects s CROSS JOIN tuples x WHERE x.zone_id = ? AND x.subject_type = s.t AND x.subject_id = s.i
         AND x.subject_relation IN ('', 'member') AND x.subject_zone_id = ?
         AND (x.expires_at IS NULL OR x.expires_at > ?) AND x.conditions IS NULL`,
    params: [question.zone_id, question.subject_zone_id, question.now],
  };
}

export interface GrantRow {
  readonly relation: string;
  readonly object_id: string;
  /** Milliseconds; the first expiry that the grant relies on, OPEN_END for none. */
  readonly until: number;
}

/** Everything that is given on files. */
export function listFileGrants(tx: Tx, question: GrantQuestion): Promise<GrantRow[]> {
  const subjects = withSubjects(question);
  const grants = grantsTo(question);
  return tx.all<GrantRow>(
    `${subjects.sql}
     SELECT x.relation, x.object_id, MIN(CASE WHEN x.expires_at < s.until THEN x.expires_at ELSE s.until END) AS until
     FROM ${grants.sql} AND x.object_type = 'file' GROUP BY x.relation, x.object_id`,
    [...subjects.params, ...grants.params],
  );
}

/** Is one of the relations given on exactly this object? */
export async function isGiven(
  tx: Tx,
  question: GrantQuestion,
  asked: { readonly relations: readonly string[]; readonly type: string; readonly id: string },
): Promise<boolean> {
  const subjects = withSubjects(question);
  const grants = grantsTo(question);
  const row = await tx.get(
    `${subjects.sql} SELECT 1 AS one FROM ${grants.sql}
     AND x.object_type = ? AND x.object_id = ? AND x.relation IN (SELECT value FROM ${tx.dialect.textsOf}) LIMIT 1`,
    [...subjects.params, ...grants.params, asked.type, asked.id, JSON.stringify(asked.relations)],
  );
  return row !== undefined;
}

export interface ObjectsPage {
  readonly type: string;
  readonly relations: readonly string[];
  /** Only ids after this one. */
  readonly after: string;
  readonly limit: number;
}

/** Objects of a type on which one of the relations is given, to the subject or to its groups, in order of id. */
export async function listGiven(tx: Tx, question: GrantQuestion, page: ObjectsPage): Promise<string[]> {
  const subjects = withSubjects(question);
  const grants = grantsTo(question);
  const rows = await tx.all<{ object_id: string }>(
    `${subjects.sql} SELECT DISTINCT x.object_id FROM ${grants.sql}
     AND x.object_type = ? AND x.object_id > ? AND x.relation IN (SELECT value FROM ${tx.dialect.textsOf})
     ORDER BY x.object_id LIMIT ?`,
    [...subjects.params, ...grants.params, page.type, page.after, JSON.stringify(page.relations), page.limit],
  );
  return rows.map((row) => row.object_id);
}

/** Everything but groups that the subject owns, folders without what is below them. */
export async function listOwned(tx: Tx, question: GrantQuestion): Promise<SubjectId[]> {
  const subjects = withSubjects(question);
  const grants = grantsTo(question);
  const rows = await tx.all<{ object_type: string; object_id: string }>(
    `${subjects.sql} SELECT DISTINCT x.object_type, x.object_id FROM ${grants.sql}
     AND x.relation IN ('direct_owner', 'shared-owner') AND x.object_type <> 'group'`,
    [...subjects.params, ...grants.params],
  );
  return rows.map((row) => [row.object_type, row.object_id]);
}
