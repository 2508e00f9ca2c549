/** Pages and figures of jobs. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { HOUSE } from './job.ts';
import type { JobRow } from './jobs.sql.ts';

export interface Condition {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** Conditions that all have to hold; each begins with AND. */
export const allOf = (...conditions: readonly (Condition | undefined)[]): Condition => {
  const given = conditions.filter((one) => one !== undefined);
  return { sql: given.map(({ sql }) => sql).join(''), params: given.flatMap(({ params }) => params) };
};

export const equals = (column: string, value: SqlValue | undefined): Condition | undefined =>
  value === undefined ? undefined : { sql: ` AND ${column} = ?`, params: [value] };

/** One of the words, which are ours. */
export const isOneOf = (column: string, words: readonly string[] | undefined): Condition | undefined =>
  words && { sql: ` AND ${column} IN (${words.map(() => '?').join(', ')})`, params: [...words] };

/** Where a page ended. */
export interface Place {
  readonly created_at: number;
  readonly id: string;
}

export interface JobPage {
  readonly zone_id: string;
  readonly where: Condition;
  /** Behind this one in the order. */
  readonly after?: Place | undefined;
  readonly offset?: number;
  readonly limit: number;
}

/** Newest first. */
export function listJobs(tx: Tx, { zone_id, where, after, offset = 0, limit }: JobPage): Promise<JobRow[]> {
  const behind = after ? ' AND (created_at < ? OR (created_at = ? AND job_id < ?))' : '';
  return tx.all<JobRow>(
    `SELECT * FROM jobs WHERE zone_id = ?${where.sql}${behind} ORDER BY created_at DESC, job_id DESC LIMIT ? OFFSET ?`,
    [zone_id, ...where.params, ...(after ? [after.created_at, after.created_at, after.id] : []), limit, offset],
  );
}

export async function countJobs(tx: Tx, zone_id: string, where: Condition): Promise<number> {
  const row = await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM jobs WHERE zone_id = ?${where.sql}`, [
    zone_id,
    ...where.params,
  ]);
  return row?.n ?? 0;
}

export interface WaitingFigures {
  readonly executor: string;
  readonly n: number;
  readonly delayed: number;
  readonly oldest: number;
}

/** What waits in a zone, by executor: how many, how many of those not yet, and the time at which the first was due. */
export const waitingFigures = (tx: Tx, zone_id: string, now: number): Promise<WaitingFigures[]> =>
  tx.all<WaitingFigures>(
    `SELECT executor, COUNT(*) AS n, SUM(CASE WHEN run_at > ? THEN 1 ELSE 0 END) AS delayed, MIN(run_at) AS oldest
     FROM jobs WHERE zone_id = ? AND executor > '${HOUSE}' AND status IN ('queued', 'retry_wait') GROUP BY executor ORDER BY executor`,
    [now, zone_id],
  );
