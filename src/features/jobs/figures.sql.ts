/** Figures of all zones, asked at each scrape: of counts and workers, which are few rows however many jobs there are. */
import type { Tx } from '../../ports/sql.ts';
import { queueTime } from './clock.sql.ts';
import { MISSED_BEATS } from './job.ts';

export interface JobGauges {
  readonly queued: number;
  readonly running: number;
  readonly retry_wait: number;
  readonly workers: number;
}

const JOBS = `SELECT CAST(COALESCE(SUM(interactive + batch + background - retry_wait), 0) AS BIGINT) AS queued,
  CAST(COALESCE(SUM(running), 0) AS BIGINT) AS running, CAST(COALESCE(SUM(retry_wait), 0) AS BIGINT) AS retry_wait
  FROM job_counts`;
const WORKERS = `SELECT COUNT(*) AS workers FROM workers WHERE status = 'active' AND beat_at + ${MISSED_BEATS} * beat_ms >= ?`;

/** `now`: the time of this machine. */
export async function jobGauges(tx: Tx, now: number): Promise<JobGauges> {
  const none = { queued: 0, running: 0, retry_wait: 0 };
  const jobs = (await tx.get<Omit<JobGauges, 'workers'>>(JOBS)) ?? none;
  const at = await queueTime({ tx, now });
  const { workers } = (await tx.get<{ workers: number }>(WORKERS, [at])) ?? { workers: 0 };
  return { ...jobs, workers };
}
