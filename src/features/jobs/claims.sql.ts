/**
 * Which jobs are next, and taking them. Guarantees: one statement takes the due jobs that are next, in the order of
 * platform.md §2.3, each with one holder, and none whose deadline has passed; it reads no row that it does not take, however many are due later or have finished.
 */
import type { SqlValue, Statement, Tx } from '../../ports/sql.ts';
import { type Claim, NEXUS, placeOf, RANKS, TIER_MS } from './job.ts';
import { ALL, type JobRow } from './jobs.sql.ts';

const WAITING = "status IN ('queued', 'retry_wait')";

/** What is past its deadline starts no more; the tender fails it. */
const IN_TIME = '(deadline IS NULL OR deadline > ?)';

/** The due jobs of every rank, each rank by its time, so that the index gives no row too many; `from` is asked of all. */
const bestOf = (where: string, columns: string, lock = ''): string =>
  RANKS.map(
    (rank) => `SELECT * FROM (SELECT ${columns}, run_at + ${rank * TIER_MS} AS place FROM jobs
      WHERE ${where} AND rank = ${rank} AND run_at <= ? AND ${WAITING} AND ${IN_TIME} ORDER BY run_at, job_id LIMIT ?${lock}) AS rank_${rank + 2}`,
  ).join(' UNION ALL ');

/** Looked up for each row, of which there are few, and not for all zones. */
const IN_ACTIVE = "(SELECT phase FROM zones WHERE zones.zone_id = jobs.zone_id) = 'Active'";

const dueHere = (where: string): string => `SELECT zone_id, COUNT(*) AS n FROM (
  SELECT zone_id FROM (${bestOf(where, 'job_id, zone_id')}) AS due
  ORDER BY place, job_id LIMIT ?) AS best GROUP BY zone_id`;

const HERE = `executor = '${NEXUS}' AND ${IN_ACTIVE}`;
const DUE_HERE = dueHere(HERE);

/** Zones that have the next jobs of executor `nexus`, and how many of those each has. Of some types none is next. */
export function listDueHere(
  tx: Tx,
  asked: { now: number; limit: number; without?: readonly string[] },
): Promise<{ zone_id: string; n: number }[]> {
  const { now, limit, without = [] } = asked;
  if (without.length === 0) return tx.all(DUE_HERE, [...RANKS.flatMap(() => [now, now, limit]), limit]);
  const left = JSON.stringify(without);
  const sql = dueHere(`${HERE} AND type NOT IN (SELECT value FROM ${tx.dialect.textsOf})`);
  return tx.all(sql, [...RANKS.flatMap(() => [left, now, now, limit]), limit]);
}

const RANK_ROWS = RANKS.map((rank) => `SELECT ${rank} AS rank`).join(' UNION ALL ');

/** A condition: that no job of executor `nexus` is next. */
export function noneDueHere({ dialect }: Tx, { now, without }: { now: number; without: readonly string[] }): Statement {
  const others = without.length > 0 ? ` AND type NOT IN (SELECT value FROM ${dialect.textsOf})` : '';
  const due = `SELECT 1 FROM jobs WHERE ${HERE} AND jobs.rank = ranks.rank AND run_at <= ? AND ${WAITING} AND ${IN_TIME}${others} LIMIT 1`;
  return {
    sql: `NOT EXISTS (SELECT 1 FROM (${RANK_ROWS}) AS ranks WHERE (${due}) = 1)`,
    params: [now, now, ...(others === '' ? [] : [JSON.stringify(without)])],
  };
}

export interface Claimable {
  readonly zone_id: string;
  readonly executors: readonly string[];
  /** Of these executors, only the jobs of this owner; of the others those of everybody. */
  readonly own?: { readonly owner: string; readonly executors: ReadonlySet<string> };
  /** Only of these types; null is of any. */
  readonly types: readonly string[] | null;
  /** None of these types. */
  readonly without?: readonly string[];
  readonly now: number;
  readonly limit: number;
}

/** A query for the jobs that are next, by texts that do not hold what is asked for, so that there are few of them. */
function nextOf(tx: Tx, asked: Claimable, lock: string): Statement {
  const { zone_id, types, without = [], own, now, limit } = asked;
  const { textsOf } = tx.dialect;
  const isOwn = (executor: string): boolean => own?.executors.has(executor) === true;
  const where = (executor: string): string =>
    [
      // A bare parameter beside an index WHERE executor = 'nexus' has SQLite plan the statement anew each time.
      'zone_id = ? AND executor = CAST(? AS TEXT)',
      isOwn(executor) && 'owner = ?',
      types && `type IN (SELECT value FROM ${textsOf})`,
      without.length > 0 && `type NOT IN (SELECT value FROM ${textsOf})`,
    ]
      .filter((part) => typeof part === 'string')
      .join(' AND ');
  // Sorted, so that only the number of each kind makes another text.
  const executors = asked.executors.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b)));
  const params = executors.flatMap((executor) => {
    const given: SqlValue[] = [
      zone_id,
      executor,
      ...(own && isOwn(executor) ? [own.owner] : []),
      ...(types ? [JSON.stringify(types)] : []),
      ...(without.length > 0 ? [JSON.stringify(without)] : []),
    ];
    return RANKS.flatMap(() => [...given, now, now, limit]);
  });
  const all = executors.map((executor) => bestOf(where(executor), 'job_id', lock)).join(' UNION ALL ');
  return {
    sql: `SELECT job_id FROM (${all}) AS due ORDER BY place, job_id LIMIT ?`,
    params: [...params, limit],
  };
}

/** Has anybody anything to claim there? */
export async function hasClaimable(tx: Tx, asked: Omit<Claimable, 'limit'>): Promise<boolean> {
  const { sql, params } = nextOf(tx, { ...asked, limit: 1 }, '');
  return (await tx.get(sql, params)) !== undefined;
}

const taking = (next: string): string => `UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_owner = ?,
  lease_subject = ?, lease_until = ?, started_at = ?, updated_at = ?, error = NULL
  WHERE job_id ${next} RETURNING ${ALL}`;

/** Takes the next jobs, in their order; gives them as they are then. */
export async function takeNext(tx: Tx, asked: Claimable, claim: Claim): Promise<JobRow[]> {
  const { sql, params } = nextOf(tx, asked, tx.dialect.skipLocked);
  const { owner, subject, until, now } = claim;
  const taken = await tx.all<JobRow>(taking(tx.dialect.amongFew(sql)), [owner, subject, until, now, now, ...params]);
  return taken.sort((a, b) => placeOf(a) - placeOf(b) || (a.job_id < b.job_id ? -1 : 1));
}
