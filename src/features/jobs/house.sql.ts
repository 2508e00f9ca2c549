/** Rows of the server's own jobs. All of them lie in zone root and are written under its lock. */
import type { Tx } from '../../ports/sql.ts';
import { BEST_EFFORT, HOUSE } from './job.ts';
import type { JobRow } from './jobs.sql.ts';

const dueHousework = (where = ''): string => `SELECT COUNT(*) AS n FROM (SELECT job_id FROM jobs WHERE zone_id = 'root'
  AND executor = '${HOUSE}' AND rank = ${BEST_EFFORT} AND status IN ('queued', 'retry_wait') AND run_at <= ?${where} LIMIT ?) AS due`;

const DUE = dueHousework();

export interface DueAsked {
  readonly now: number;
  readonly limit: number;
  /** None of these types. */
  readonly without?: readonly string[];
}

/** How many are due, at most so many. */
export async function countDueHousework(tx: Tx, { now, limit, without = [] }: DueAsked): Promise<number> {
  const left = ` AND type NOT IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const row =
    without.length === 0
      ? await tx.get<{ n: number }>(DUE, [now, limit])
      : await tx.get<{ n: number }>(dueHousework(left), [now, JSON.stringify(without), limit]);
  return row?.n ?? 0;
}

export type Unfinished = Pick<JobRow, 'job_id' | 'status' | 'payload'>;

/** Those of a type that have not ended. */
export const listUnfinished = (tx: Tx, type: string): Promise<Unfinished[]> =>
  tx.all<Unfinished>(
    "SELECT job_id, status, payload FROM jobs WHERE door = 'house' AND type = ? AND ended_at IS NULL",
    [type],
  );

/** Those of a type that went well, without the newest few. */
export async function listOldPasses(tx: Tx, type: string, kept: number): Promise<string[]> {
  const rows = await tx.all<{ job_id: string }>(
    `SELECT job_id FROM jobs WHERE door = 'house' AND type = ? AND status = 'succeeded'
     ORDER BY created_at DESC, job_id DESC LIMIT 100 OFFSET ?`,
    [type, kept],
  );
  return rows.map(({ job_id }) => job_id);
}

/** Makes those lost that no worker process has: for the one server of a database, whoever else had them is dead. */
export async function loseHousework(tx: Tx): Promise<void> {
  await tx.run(
    `UPDATE jobs SET lease_until = 0 WHERE door = 'house' AND status = 'running'
       AND lease_owner NOT IN (SELECT worker_id FROM workers WHERE kind = 'process')`,
  );
}
