/** Reading the log of a zone, by sequence number: each statement walks the primary key and touches no row outside its bounds. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import type { EventRow } from './events.sql.ts';

/** What the database itself leaves out. */
export interface EventsQuery {
  readonly zone_id: string;
  /** First and last number that is looked at. */
  readonly first: number;
  readonly last: number;
  readonly newestFirst: boolean;
  /** null: all. */
  readonly types: readonly string[] | null;
  readonly agent_id: string | null;
  readonly user_id: string | null;
  readonly rows: number;
}

const COLUMNS =
  'zone_id, seq, at, type, path, old_path, branch, object_type, object_id, user_id, agent_id, channel, request_id, data';

type Condition = readonly [sql: string, value: SqlValue];

function conditionsOf(tx: Tx, query: Omit<EventsQuery, 'newestFirst' | 'rows'>): Condition[] {
  const { zone_id, first, last, types, agent_id, user_id } = query;
  const conditions: Condition[] = [
    ['zone_id = ?', zone_id],
    ['seq >= ?', first],
    ['seq <= ?', last],
  ];
  if (types) conditions.push([`type IN (SELECT value FROM ${tx.dialect.textsOf})`, JSON.stringify(types)]);
  if (agent_id !== null) conditions.push(['agent_id = ?', agent_id]);
  if (user_id !== null) conditions.push(['user_id = ?', user_id]);
  return conditions;
}

const allOf = (conditions: readonly Condition[]): string => conditions.map(([sql]) => sql).join(' AND ');
const valuesOf = (conditions: readonly Condition[]): SqlValue[] => conditions.map(([, value]) => value);

export function listEvents(tx: Tx, query: EventsQuery): Promise<EventRow[]> {
  const conditions = conditionsOf(tx, query);
  return tx.all<EventRow>(
    `SELECT ${COLUMNS} FROM events WHERE ${allOf(conditions)} ORDER BY seq ${query.newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
    [...valuesOf(conditions), query.rows],
  );
}

export async function countEvents(tx: Tx, query: Omit<EventsQuery, 'newestFirst' | 'rows'>): Promise<number> {
  const conditions = conditionsOf(tx, query);
  const row = await tx.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM events WHERE ${allOf(conditions)}`,
    valuesOf(conditions),
  );
  return row?.n ?? 0;
}
