/** Usage that is added up when it is asked for: it grows too seldom, or refuses nothing, for every write to count it. */
import { OPEN_END, type Tx } from '../../ports/sql.ts';

/** Bytes of old versions, by zone; a zone without any is not named. */
export async function historyBytes(tx: Tx, zone_ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.all<{ zone_id: string; bytes: number }>(
    `SELECT zone_id, CAST(SUM(size) AS BIGINT) AS bytes FROM file_states
     WHERE zone_id IN (SELECT value FROM ${tx.dialect.textsOf}) AND ended < ${OPEN_END} AND kind = 'f' GROUP BY zone_id`,
    [JSON.stringify(zone_ids)],
  );
  return new Map(rows.map(({ zone_id, bytes }) => [zone_id, bytes]));
}

/** Registered agents, by zone; a zone without any is not named. */
export async function agentCounts(tx: Tx, zone_ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.all<{ zone_id: string; n: number }>(
    `SELECT zone_id, COUNT(*) AS n FROM agents WHERE zone_id IN (SELECT value FROM ${tx.dialect.textsOf}) GROUP BY zone_id`,
    [JSON.stringify(zone_ids)],
  );
  return new Map(rows.map(({ zone_id, n }) => [zone_id, n]));
}
