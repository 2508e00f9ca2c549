/** Rows of schedules. Every write of one runs under the lock of its zone. */
import type { RowsInsert, Tx } from '../../ports/sql.ts';
import type { CatchUp } from './cron.ts';
import type { Condition, Place } from './tasks.sql.ts';

export type Overlap = 'allow' | 'skip' | 'queue';

export interface ScheduleRow {
  readonly schedule_id: string;
  readonly zone_id: string;
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly executor: string;
  readonly type: string;
  /** JSON. */
  readonly payload: string;
  readonly tier: number;
  readonly max_attempts: number;
  /** JSON. */
  readonly backoff: string;
  readonly enabled: number;
  readonly catch_up: CatchUp;
  readonly overlap: Overlap;
  readonly next_run_at: number | null;
  readonly last_run_at: number | null;
  readonly last_job_id: string | null;
  readonly skipped_total: number;
  readonly owner: string;
  readonly user_id: string;
  readonly agent_id: string;
  readonly key_id: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

const COLUMNS = [
  'schedule_id',
  'zone_id',
  'name',
  'cron',
  'timezone',
  'executor',
  'type',
  'payload',
  'tier',
  'max_attempts',
  'backoff',
  'enabled',
  'catch_up',
  'overlap',
  'next_run_at',
  'last_run_at',
  'last_job_id',
  'skipped_total',
  'owner',
  'user_id',
  'agent_id',
  'key_id',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ScheduleRow)[];
const scheduleRows: RowsInsert = { into: 'schedules', columns: COLUMNS };
const ALL = COLUMNS.join(', ');
const CHANGING = COLUMNS.filter((name) => !['schedule_id', 'zone_id', 'created_at'].includes(name));

export const insertSchedule = (tx: Tx, row: ScheduleRow): Promise<void> =>
  tx.insert(scheduleRows, [COLUMNS.map((column) => row[column])]);

export const findSchedule = (tx: Tx, zone_id: string, schedule_id: string): Promise<ScheduleRow | undefined> =>
  tx.get<ScheduleRow>(`SELECT ${ALL} FROM schedules WHERE schedule_id = ? AND zone_id = ?`, [schedule_id, zone_id]);

const SAVE = `UPDATE schedules SET ${CHANGING.map((name) => `${name} = ?`).join(', ')} WHERE schedule_id = ?`;

export async function saveSchedule(tx: Tx, row: ScheduleRow): Promise<void> {
  await tx.run(SAVE, [...CHANGING.map((name) => row[name]), row.schedule_id]);
}

export async function deleteSchedule(tx: Tx, schedule_id: string): Promise<void> {
  await tx.run('DELETE FROM schedules WHERE schedule_id = ?', [schedule_id]);
}

export async function countSchedules(tx: Tx, zone_id: string): Promise<number> {
  const row = await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM schedules WHERE zone_id = ?', [zone_id]);
  return row?.n ?? 0;
}

export interface SchedulePage {
  readonly zone_id: string;
  readonly where: Condition;
  readonly after: Place | undefined;
  readonly limit: number;
}

/** Newest first. */
export function listSchedules(tx: Tx, { zone_id, where, after, limit }: SchedulePage): Promise<ScheduleRow[]> {
  const behind = after ? ' AND (created_at < ? OR (created_at = ? AND schedule_id < ?))' : '';
  return tx.all<ScheduleRow>(
    `SELECT ${ALL} FROM schedules WHERE zone_id = ?${where.sql}${behind} ORDER BY created_at DESC, schedule_id DESC LIMIT ?`,
    [zone_id, ...where.params, ...(after ? [after.created_at, after.created_at, after.id] : []), limit],
  );
}

export interface DueAsked {
  readonly now: number;
  readonly limit: number;
  readonly without?: { readonly zones: readonly string[]; readonly schedules: readonly string[] } | undefined;
}

const NOBODY = { zones: [], schedules: [] };

/** Schedules of Active zones that are to fire: the earliest of each zone, then the next of each, so that no zone waits for all of another. */
export function listDueSchedules(
  tx: Tx,
  { now, limit, without = NOBODY }: DueAsked,
): Promise<{ schedule_id: string; zone_id: string }[]> {
  const others = `NOT IN (SELECT value FROM ${tx.dialect.textsOf})`;
  return tx.all(
    `SELECT schedule_id, zone_id FROM (
       SELECT schedule_id, zone_id, next_run_at,
         ROW_NUMBER() OVER (PARTITION BY zone_id ORDER BY next_run_at, schedule_id) AS place
       FROM schedules WHERE enabled = 1 AND next_run_at <= ? AND zone_id ${others} AND schedule_id ${others}
         AND zone_id IN (SELECT zone_id FROM zones WHERE phase = 'Active')) AS due
     ORDER BY place, next_run_at, schedule_id LIMIT ?`,
    [now, JSON.stringify(without.zones), JSON.stringify(without.schedules), limit],
  );
}
