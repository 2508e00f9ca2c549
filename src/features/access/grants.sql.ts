/** What tuples give one subject on files: one statement, however deep groups nest and however many grants there are. */
import type { Tx } from '../../ports/sql.ts';
import { OPEN_END } from '../../ports/sql.ts';

export interface GrantRow {
  readonly relation: string;
  readonly object_id: string;
  /** Milliseconds; the first expiry that the grant relies on, OPEN_END for none. */
  readonly until: number;
}

export interface GrantQuestion {
  readonly zone_id: string;
  readonly subject_zone_id: string;
  /** `[type, id]` pairs that count as the subject: itself, for some agents also their user. */
  readonly subjects: readonly (readonly [string, string])[];
  readonly now: number;
}

/**
 * A subject of the zone also has what is given to its groups, to `type:*` and to `*:*`; one of another zone only what
 * is shared with it by name (access.md §8).
 */
export function listFileGrants(tx: Tx, question: GrantQuestion): Promise<GrantRow[]> {
  const own = question.subject_zone_id === question.zone_id;
  const start = own
    ? [...question.subjects, ...question.subjects.map(([type]) => [type, '*'] as const), ['*', '*'] as const]
    : question.subjects;
  const seeds = start.map(() => 'SELECT CAST(? AS TEXT), CAST(? AS TEXT)').join(' UNION ALL ');
  return tx.all<GrantRow>(
    `WITH RECURSIVE seeds (t, i) AS (${seeds}),
     subjects (t, i, until) AS (
       SELECT t, i, CAST(${OPEN_END} AS BIGINT) FROM seeds
       UNION
       SELECT 'group', x.object_id, CASE WHEN x.expires_at < s.until THEN x.expires_at ELSE s.until END
       FROM subjects s JOIN tuples x ON x.zone_id = ? AND x.subject_type = s.t AND x.subject_id = s.i
         AND x.subject_relation IN ('', 'member') AND x.relation = 'member' AND x.object_type = 'group'
         AND x.subject_zone_id = x.zone_id
       WHERE x.expires_at IS NULL OR x.expires_at > ?
     )
     SELECT x.relation, x.object_id, MIN(CASE WHEN x.expires_at < s.until THEN x.expires_at ELSE s.until END) AS until
     FROM subjects s JOIN tuples x ON x.zone_id = ? AND x.subject_type = s.t AND x.subject_id = s.i
       AND x.subject_relation IN ('', 'member') AND x.subject_zone_id = ? AND x.object_type = 'file'
     WHERE (x.expires_at IS NULL OR x.expires_at > ?) AND x.conditions IS NULL
     GROUP BY x.relation, x.object_id`,
    [...start.flat(), question.zone_id, question.now, question.zone_id, question.subject_zone_id, question.now],
  );
}
