/** When backups are made, where they go, and which of them stay. Pure, but for the row that keeps it. */
import { z } from 'zod';
import { allInvalid } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Tx } from '../../ports/sql.ts';
import { findSetting, putSetting } from '../access/settings.sql.ts';
import { checkCron } from '../jobs/cron.ts';
import type { Manifest } from './manifest.ts';

const DAY_MS = 86_400_000;
export const RETENTION_DAYS_MAX = 3_650;

export const planShape = z.object({
  schedule: z.string().describe('cron line: when one is made by itself'),
  timezone: z.string().describe('of the schedule'),
  retention_days: z.int().describe('for how long one is kept; the newest good one always is'),
  destination: z.string().describe('directory or s3://bucket/prefix?region=…&endpoint=…'),
  enabled: z.boolean().describe('whether the schedule is followed'),
});
export type Plan = z.infer<typeof planShape>;

/** As it is kept. */
const keptShape = planShape.extend({
  /** When its schedule was set, in milliseconds: what lies before was never asked for. */
  since: z.number().optional(),
});
export type KeptPlan = z.infer<typeof keptShape>;

const NAME = 'backup_plan';

/** What holds until somebody says otherwise. */
export const firstPlan = (destination: string): Plan => ({
  schedule: '0 2 * * *',
  timezone: 'UTC',
  retention_days: 30,
  destination,
  enabled: false,
});

export async function readPlan(tx: Tx, destination: string): Promise<KeptPlan> {
  const kept = await findSetting(tx, NAME);
  return kept === undefined ? firstPlan(destination) : keptShape.parse(parseJson(kept));
}

export const keepPlan = (tx: Tx, plan: KeptPlan): Promise<void> => putSetting(tx, NAME, JSON.stringify(plan));

/** Are its instants those of before? */
export const hasSameSchedule = (one: Plan, other: Plan): boolean =>
  one.schedule === other.schedule && one.timezone === other.timezone && one.enabled === other.enabled;

/** INVALID_PARAMS that names the field. */
export function checkSchedule({ schedule, timezone }: Pick<Plan, 'schedule' | 'timezone'>): void {
  try {
    checkCron({ cron: schedule, timezone });
  } catch (thrown) {
    const issues = (thrown as { data?: { issues?: { path: string; message: string }[] } }).data?.issues;
    if (!issues) throw thrown;
    throw allInvalid(issues.map(({ path, message }) => ({ path: path === 'cron' ? 'schedule' : path, message })));
  }
}

/** Backups that are kept no longer. The newest stays, however old it is, and so does the newest that is no safety backup. */
export const expired = (
  manifests: readonly Pick<Manifest, 'id' | 'at' | 'reason'>[],
  { retention_days }: Pick<Plan, 'retention_days'>,
  now: number,
): string[] => {
  const newestFirst = manifests.toSorted((one, other) => (one.id < other.id ? 1 : -1));
  const stay = [newestFirst[0], newestFirst.find(({ reason }) => reason !== 'safety')];
  const before = now - retention_days * DAY_MS;
  return newestFirst.filter((one) => !stay.includes(one) && Date.parse(one.at) < before).map(({ id }) => id);
};
