/** Usage that is added up when it is asked for: it grows too seldom, or refuses nothing, for every write to count it. */
import { OPEN_END, type Tx } from '../../ports/sql.ts';

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
