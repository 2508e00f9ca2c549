/** The zone object (access.md §5), from a zone's row. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Tx } from '../../ports/sql.ts';
import { finalizersOf } from './finalizers.ts';
import { limitsOf } from './quota.ts';
import { agentCounts, historyBytes, openJobs, uploadBytes } from './usage.sql.ts';
import type { ZoneRecord } from './zones.sql.ts';

const numbers = z.record(z.string(), z.number());

export const zoneObject = z.object({
  zone_id: z.string(),
  id: z.string(),
  name: z.string(),
  domain: z.string().nullable(),
  description: z.string().nullable(),
  phase: z.string(),
  status: z.string(),
  is_active: z.boolean(),
  isolation: z.literal('strict'),
  limits: numbers,
  quota: numbers,
  usage: numbers,
  finalizers: z.array(z.string()),
  finalizers_pending: z.array(z.string()),
  finalizers_completed: z.array(z.string()),
  finalizers_failed: z.array(z.string()),
  created_at: z.string(),
  updated_at: z.string(),
  deleted_at: z.string().nullable(),
});
export type ZoneObject = z.infer<typeof zoneObject>;

/** The objects of zones, in the order of their rows. */
export async function zoneObjects(tx: Tx, rows: readonly ZoneRecord[]): Promise<ZoneObject[]> {
  const ids = rows.map(({ zone_id }) => zone_id);
  const [history, uploads, agents, jobs] = await Promise.all([
    historyBytes(tx, ids),
    uploadBytes(tx, ids),
    agentCounts(tx, ids),
    openJobs(tx, ids),
  ]);
  return rows.map((row) => {
    const of = (counts: ReadonlyMap<string, number>): number => counts.get(row.zone_id) ?? 0;
    const storage_bytes = row.used_storage_bytes + of(uploads);
    return toZoneObject(row, { storage_bytes, history_bytes: of(history), agents: of(agents), jobs_queued: of(jobs) });
  });
}

interface AddedUp {
  readonly storage_bytes: number;
  readonly history_bytes: number;
  readonly agents: number;
  readonly jobs_queued: number;
}

function toZoneObject(row: ZoneRecord, { storage_bytes, history_bytes, agents, jobs_queued }: AddedUp): ZoneObject {
  const limits = limitsOf(row);
  const finalizers = Object.entries(finalizersOf(row));
  const named = (state: string): string[] => finalizers.filter(([, at]) => at.state === state).map(([name]) => name);
  return {
    zone_id: row.zone_id,
    id: row.zone_id,
    name: row.name,
    domain: row.domain,
    description: row.description,
    phase: row.phase,
    status: row.phase,
    is_active: row.phase === 'Active',
    isolation: 'strict',
    limits,
    quota: limits,
    usage: {
      storage_bytes,
      history_bytes,
      files: row.used_files,
      agents,
      keys: row.used_keys,
      tuples: row.used_tuples,
      // Of these there are none yet.
      workflows: 0,
      executions: 0,
      executions_per_day: 0,
      jobs_queued,
    },
    finalizers: finalizers.map(([name]) => name),
    finalizers_pending: named('pending'),
    finalizers_completed: named('completed'),
    finalizers_failed: named('failed'),
    created_at: isoTime(row.created_at),
    updated_at: isoTime(row.updated_at),
    deleted_at: row.deleted_at === null ? null : isoTime(row.deleted_at),
  };
}
