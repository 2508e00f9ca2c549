/** Usage that is added up when it is asked for: it grows too seldom, or refuses nothing, for every write to count it. */
import type { ZoneRow } from '../../core/operation.ts';
import { OPEN_END, type Tx } from '../../ports/sql.ts';
import { limitsOf } from './quota.ts';

/** Numbers by zone, of those that have any. */
type ByZone = ReadonlyMap<string, number>;

/** A statement that gives a number `n` for each zone that it finds in `zones`. */
async function byZone(tx: Tx, zone_ids: readonly string[], sql: (zones: string) => string): Promise<ByZone> {
  const zones = `zone_id IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const rows = await tx.all<{ zone_id: string; n: number }>(sql(zones), [JSON.stringify(zone_ids)]);
  return new Map(rows.map(({ zone_id, n }) => [zone_id, n]));
}

/** Bytes of old versions. */
export const historyBytes = (tx: Tx, zone_ids: readonly string[]): Promise<ByZone> =>
  byZone(
    tx,
    zone_ids,
    (zones) => `SELECT zone_id, CAST(SUM(size) AS BIGINT) AS n FROM file_states
     WHERE ${zones} AND ended < ${OPEN_END} AND kind = 'f' GROUP BY zone_id`,
  );

/** Bytes of uploads that are not complete: announced, or received where nothing is. */
export const uploadBytes = (tx: Tx, zone_ids: readonly string[]): Promise<ByZone> =>
  byZone(
    tx,
    zone_ids,
    (zones) => `SELECT zone_id, CAST(SUM(COALESCE(length, received)) AS BIGINT) AS n FROM uploads
     WHERE ${zones} AND status IN ('open', 'failed') GROUP BY zone_id`,
  );

/** What of a zone's storage is spoken for beside what is used, without this upload; 0 where nobody counts. */
export async function reservedBytes(tx: Tx, zone: Pick<ZoneRow, 'zone_id' | 'limits'>, without = ''): Promise<number> {
  if (!limitsOf(zone).max_storage_bytes) return 0;
  const row = await tx.get<{ n: number }>(
    `SELECT CAST(COALESCE(SUM(COALESCE(length, received)), 0) AS BIGINT) AS n FROM uploads
     WHERE zone_id = ? AND status IN ('open', 'failed') AND upload_id <> ?`,
    [zone.zone_id, without],
  );
  return Number(row?.n ?? 0);
}

/** Registered agents. */
export const agentCounts = (tx: Tx, zone_ids: readonly string[]): Promise<ByZone> =>
  byZone(tx, zone_ids, (zones) => `SELECT zone_id, COUNT(*) AS n FROM agents WHERE ${zones} GROUP BY zone_id`);

/** Jobs that have not finished. */
export const openJobs = (tx: Tx, zone_ids: readonly string[]): Promise<ByZone> =>
  byZone(
    tx,
    zone_ids,
    (zones) => `SELECT zone_id, interactive + batch + background + running AS n FROM job_counts WHERE ${zones}`,
  );
