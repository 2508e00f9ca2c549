/** Rows of jobs. Every write of one runs under the lock of its zone. */
import type { ColumnType, RowsInsert, RowsUpdate, SqlValue, Statement, Tx } from '../../ports/sql.ts';
import type { Artifact, Attempt, ExecutionMode, JobDoor, JobState, JobTerms, RequestState } from './job.ts';
import { MISSED_BEATS } from './job.ts';

export interface JobRow extends JobState, JobTerms {
  readonly job_id: string;
  readonly zone_id: string;
  readonly type: string;
  readonly executor: string;
  readonly door: JobDoor;
  readonly rank: number;
  readonly tier: number;
  readonly class: number;
  readonly boost: number;
  readonly request_state: RequestState;
  readonly deadline: number | null;
  readonly service_time: number | null;
  readonly execution_mode: ExecutionMode;
  readonly idempotency_key: string | null;
  readonly schedule_id: string | null;
  readonly retry_of: string | null;
  readonly owner: string;
  readonly user_id: string;
  readonly agent_id: string;
  readonly key_id: string | null;
  readonly request_id: string;
  readonly traceparent: string | null;
  readonly created_at: number;
  readonly payload: string;
}

const COLUMNS = [
  'job_id',
  'zone_id',
  'type',
  'executor',
  'door',
  'status',
  'rank',
  'run_at',
  'tier',
  'class',
  'boost',
  'request_state',
  'attempt',
  'max_attempts',
  'backoff',
  'deadline',
  'service_time',
  'execution_mode',
  'idempotency_key',
  'schedule_id',
  'retry_of',
  'owner',
  'user_id',
  'agent_id',
  'key_id',
  'request_id',
  'traceparent',
  'lease_owner',
  'lease_subject',
  'lease_until',
  'created_at',
  'started_at',
  'ended_at',
  'updated_at',
  'payload',
  'result',
  'error',
] as const satisfies readonly (keyof JobRow)[];

const jobRows: RowsInsert = { into: 'jobs', columns: COLUMNS };
export const ALL = COLUMNS.join(', ');

export const insertJobs = (tx: Tx, rows: readonly JobRow[]): Promise<void> =>
  tx.insert(
    jobRows,
    rows.map((row) => COLUMNS.map((column) => row[column])),
  );

export const findJob = (tx: Tx, zone_id: string, job_id: string): Promise<JobRow | undefined> =>
  tx.get<JobRow>(`SELECT ${ALL} FROM jobs WHERE job_id = ? AND zone_id = ?`, [job_id, zone_id]);

/** The zone is compared here: PostgreSQL, asked for both, may look all jobs of the zone up instead. */
export async function findJobs(tx: Tx, zone_id: string, job_ids: readonly string[]): Promise<JobRow[]> {
  const jobs = await tx.all<JobRow>(
    `SELECT ${ALL} FROM jobs WHERE job_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [JSON.stringify(job_ids)],
  );
  return jobs.filter((job) => job.zone_id === zone_id);
}

export interface JobKey {
  readonly zone_id: string;
  readonly owner: string;
  readonly agent_id: string;
  readonly type: string;
  readonly idempotency_key: string;
}

export const findJobByKey = (tx: Tx, key: JobKey): Promise<JobRow | undefined> =>
  tx.get<JobRow>(
    `SELECT ${ALL} FROM jobs WHERE zone_id = ? AND owner = ? AND agent_id = ? AND type = ? AND idempotency_key = ?`,
    [key.zone_id, key.owner, key.agent_id, key.type, key.idempotency_key],
  );

/** Another job is to have its key. */
export const releaseKey = (tx: Tx, job_id: string): Promise<number> =>
  tx.run('UPDATE jobs SET idempotency_key = NULL WHERE job_id = ?', [job_id]);

/** What changes when an attempt ends, or the job. */
const ENDS = {
  status: 'TEXT',
  run_at: 'BIGINT',
  lease_owner: 'TEXT',
  lease_until: 'BIGINT',
  ended_at: 'BIGINT',
  updated_at: 'BIGINT',
  result: 'TEXT',
  error: 'TEXT',
} as const satisfies Partial<Record<keyof JobState, ColumnType>>;
const NAMES = Object.keys(ENDS) as readonly (keyof typeof ENDS)[];
const jobEnds: RowsUpdate = { table: 'jobs', key: 'job_id', columns: ENDS };
/**
 * The status is given as the rest is: named in the text, PostgreSQL would go through the index of all that runs, with the
 * entries of whatever ran since it was last cleaned, instead of looking the rows up by their keys.
 */
const heldEnds: RowsUpdate = {
  ...jobEnds,
  expects: { status: 'TEXT', zone_id: 'TEXT', lease_owner: 'TEXT', attempt: 'INTEGER' },
};

const endValues = (job: JobState): SqlValue[] => NAMES.map((name) => job[name]);

/** How jobs are from now on, whose attempt has ended or they themselves. */
export const saveEnds = (tx: Tx, jobs: readonly JobRow[]): Promise<void> =>
  tx.update(
    jobEnds,
    jobs.map((job) => [job.job_id, ...endValues(job)]),
  );

/** The same of those whose attempt is in the hands of this holder; gives which they were. */
export async function saveHeldEnds(tx: Tx, jobs: readonly JobRow[], holder: string): Promise<Set<SqlValue>> {
  const rows = jobs.map((job) => [job.job_id, 'running', job.zone_id, holder, job.attempt, ...endValues(job)]);
  return new Set(await tx.updateGiving(heldEnds, rows));
}

const attemptRows: RowsInsert = {
  into: 'job_attempts',
  columns: ['zone_id', 'job_id', 'attempt', 'claimed_by', 'outcome', 'ended_by', 'error', 'started_at', 'finished_at'],
};

export interface EndedAttempt extends Attempt {
  readonly zone_id: string;
  readonly job_id: string;
}

export const insertAttempts = (tx: Tx, rows: readonly EndedAttempt[]): Promise<void> =>
  tx.insert(
    attemptRows,
    rows.map((row) => [
      row.zone_id,
      row.job_id,
      row.attempt,
      row.claimed_by,
      row.outcome,
      row.ended_by,
      row.error,
      row.started_at,
      row.finished_at,
    ]),
  );

export const listAttempts = (tx: Tx, job_id: string): Promise<Attempt[]> =>
  tx.all<Attempt>(
    'SELECT attempt, claimed_by, outcome, ended_by, error, started_at, finished_at FROM job_attempts WHERE job_id = ? ORDER BY attempt',
    [job_id],
  );

const artifactRows: RowsInsert = {
  into: 'job_artifacts',
  columns: ['zone_id', 'job_id', 'n', 'type', 'ref', 'payload', 'created_at'],
};

export interface NewArtifacts {
  readonly job: { readonly zone_id: string; readonly job_id: string };
  readonly artifacts: readonly Artifact[];
  readonly now: number;
}

export const insertArtifacts = (tx: Tx, { job, artifacts, now }: NewArtifacts): Promise<void> =>
  tx.insert(
    artifactRows,
    artifacts.map(({ type, ref, payload }, n) => [job.zone_id, job.job_id, n, type, ref, payload, now]),
  );

export interface ArtifactRow extends Artifact {
  readonly created_at: number;
}

export const listArtifacts = (tx: Tx, job_id: string): Promise<ArtifactRow[]> =>
  tx.all<ArtifactRow>('SELECT type, ref, payload, created_at FROM job_artifacts WHERE job_id = ? ORDER BY n', [job_id]);

export interface HeldJob {
  readonly job_id: string;
  readonly zone_id: string;
  readonly attempt: number;
}

export interface LateAsked {
  readonly now: number;
  readonly limit: number;
  /** Zones that are left out. */
  readonly without: readonly string[];
}

/** Running jobs whose lease is over, or whose worker has missed five beats. */
export function listLost(tx: Tx, { now, limit, without }: LateAsked): Promise<HeldJob[]> {
  const elsewhere = `zone_id NOT IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const zones = JSON.stringify(without);
  return tx.all<HeldJob>(
    `SELECT job_id, zone_id, attempt FROM jobs WHERE status = 'running' AND lease_until <= ? AND ${elsewhere}
     UNION SELECT job_id, zone_id, attempt FROM jobs WHERE status = 'running' AND lease_owner IN
       (SELECT worker_id FROM workers WHERE beat_at + ${MISSED_BEATS} * beat_ms < ?) AND ${elsewhere}
     LIMIT ?`,
    [now, zones, now, zones, limit],
  );
}

/** Waiting jobs past their deadline. */
export const listOverdue = (tx: Tx, { now, limit, without }: LateAsked): Promise<HeldJob[]> =>
  tx.all<HeldJob>(
    `SELECT job_id, zone_id, attempt FROM jobs WHERE deadline <= ? AND deadline IS NOT NULL
       AND status IN ('queued', 'retry_wait', 'blocked')
       AND zone_id NOT IN (SELECT value FROM ${tx.dialect.textsOf}) ORDER BY deadline LIMIT ?`,
    [now, JSON.stringify(without), limit],
  );

/** Of these jobs, those that still run at these attempts. */
export const listStillHeld = (tx: Tx, job_ids: readonly string[]): Promise<HeldJob[]> =>
  tx.all<HeldJob>(
    `SELECT job_id, zone_id, attempt FROM jobs WHERE job_id IN (SELECT value FROM ${tx.dialect.textsOf}) AND status = 'running'`,
    [JSON.stringify(job_ids)],
  );

const RENEW =
  "UPDATE jobs SET lease_until = ? WHERE job_id = ? AND zone_id = ? AND status = 'running' AND attempt = ? AND lease_owner = ?";

export interface Renewal extends HeldJob {
  readonly lease_owner: string;
  readonly until: number;
}

/** False where the attempt is no longer this holder's. */
export const renewLease = async (tx: Tx, one: Renewal): Promise<boolean> =>
  (await tx.run(RENEW, [one.until, one.job_id, one.zone_id, one.attempt, one.lease_owner])) === 1;

/** The oldest job of a schedule that waits for the one before it. */
export const findBlocked = (tx: Tx, schedule_id: string): Promise<{ job_id: string } | undefined> =>
  tx.get("SELECT job_id FROM jobs WHERE schedule_id = ? AND status = 'blocked' ORDER BY job_id LIMIT 1", [schedule_id]);

/** Has the schedule a job that runs, or may? */
export async function hasActive(tx: Tx, schedule_id: string): Promise<boolean> {
  const row = await tx.get(
    "SELECT 1 AS one FROM jobs WHERE schedule_id = ? AND schedule_id IS NOT NULL AND ended_at IS NULL AND status <> 'blocked' LIMIT 1",
    [schedule_id],
  );
  return row !== undefined;
}

export const unblock = (tx: Tx, job_id: string): Promise<number> =>
  tx.run("UPDATE jobs SET status = 'queued' WHERE job_id = ?", [job_id]);

/** Some jobs of a zone, whatever their status. */
export async function listSomeJobs(tx: Tx, zone_id: string, limit: number): Promise<string[]> {
  const rows = await tx.all<{ job_id: string }>(
    'SELECT job_id FROM jobs WHERE zone_id = ? ORDER BY created_at, job_id LIMIT ?',
    [zone_id, limit],
  );
  return rows.map(({ job_id }) => job_id);
}

/** What a zone has beside its jobs. */
export async function deleteRestOf(tx: Tx, zone_id: string): Promise<void> {
  await tx.run('DELETE FROM schedules WHERE zone_id = ?', [zone_id]);
  await tx.run('DELETE FROM job_counts WHERE zone_id = ?', [zone_id]);
}

/** Zones with jobs that ended before a time. */
export const listPrunable = (tx: Tx, before: number): Promise<{ zone_id: string }[]> =>
  tx.all('SELECT DISTINCT zone_id FROM jobs WHERE ended_at IS NOT NULL AND ended_at < ? LIMIT 100', [before]);

/** Finished jobs of a zone that are older, a slice of them; the oldest first. */
export const listEndedBefore = (tx: Tx, zone_id: string, page: { before: number; limit: number }): Promise<JobRow[]> =>
  tx.all<JobRow>(
    `SELECT ${ALL} FROM jobs WHERE ended_at IS NOT NULL AND ended_at < ? AND zone_id = ? ORDER BY ended_at LIMIT ?`,
    [page.before, zone_id, page.limit],
  );

export async function deleteJobs(tx: Tx, job_ids: readonly string[]): Promise<void> {
  const ids = [JSON.stringify(job_ids)];
  for (const table of ['job_attempts', 'job_artifacts', 'jobs']) {
    await tx.run(`DELETE FROM ${table} WHERE job_id IN (SELECT value FROM ${tx.dialect.textsOf})`, ids);
  }
}

export interface JobCounts {
  readonly zone_id: string;
  readonly interactive: number;
  readonly batch: number;
  readonly background: number;
  /** Of those in the three before, the ones that wait for another attempt. */
  readonly retry_wait: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
}

const NONE = {
  interactive: 0,
  batch: 0,
  background: 0,
  retry_wait: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
};
export type Counted = keyof typeof NONE;
const COUNTED = Object.keys(NONE) as readonly Counted[];

export async function readCounts(tx: Tx, zone_id: string): Promise<JobCounts> {
  const row = await tx.get<JobCounts>('SELECT * FROM job_counts WHERE zone_id = ?', [zone_id]);
  return row ?? { zone_id, ...NONE };
}

/** Gives a row where fewer than so many jobs of a zone have not ended; a zone that never had one gives none. */
export const hasRoomFor = (zone_id: string, most: number): Statement => ({
  sql: 'SELECT 1 AS one FROM job_counts WHERE zone_id = ? AND interactive + batch + background + running < ?',
  params: [zone_id, most],
});

const countRows: RowsInsert = {
  into: 'job_counts',
  columns: ['zone_id', ...COUNTED],
  tail: `ON CONFLICT (zone_id) DO UPDATE SET ${COUNTED.map((name) => `${name} = job_counts.${name} + excluded.${name}`).join(', ')}`,
};

export const addCounts = (tx: Tx, zone_id: string, by: ReadonlyMap<Counted, number>): Promise<void> =>
  tx.insert(countRows, [[zone_id, ...COUNTED.map((name) => by.get(name) ?? 0)]]);
