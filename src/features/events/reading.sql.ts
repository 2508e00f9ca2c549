/** Reading the log of a zone, by sequence number: each statement walks the primary key and touches no row outside its bounds. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import type { EventRow } from './events.sql.ts';

/** What the database itself leaves out. */
export interface EventsQuery extends Wanted {
  readonly zone_id: string;
  /** First and last number that is looked at. */
  readonly first: number;
  readonly last: number;
  readonly newestFirst: boolean;
  readonly rows: number;
}

/** Columns that can be asked for as they are. */
export const PLAIN_COLUMNS = ['agent_id', 'user_id', 'request_id', 'object_type', 'object_id'] as const;

/** null or left out: all. */
interface Wanted extends Partial<Readonly<Record<(typeof PLAIN_COLUMNS)[number], string | null>>> {
  readonly types?: readonly string[] | null;
}

const COLUMNS =
  'zone_id, seq, at, type, path, old_path, branch, object_type, object_id, user_id, agent_id, channel, request_id, data';

type Condition = readonly [sql: string, value: SqlValue];

function conditionsOf(tx: Tx, query: Omit<EventsQuery, 'newestFirst' | 'rows'>): Condition[] {
  const { zone_id, first, last, types } = query;
  const conditions: Condition[] = [
    ['zone_id = ?', zone_id],
    ['seq >= ?', first],
    ['seq <= ?', last],
  ];
  if (types) conditions.push([`type IN (SELECT value FROM ${tx.dialect.textsOf})`, JSON.stringify(types)]);
  for (const column of PLAIN_COLUMNS) {
    const value = query[column] ?? null;
    if (value !== null) conditions.push([`${column} = ?`, value]);
  }
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

interface CountQuery extends Omit<EventsQuery, 'newestFirst' | 'rows'> {
  /** null: the zone of the log where somebody is named, else all. */
  readonly user_zone_id: string | null;
}

/** Of file events: in their data the quotes of a text of anybody's are escaped, so that this is no part of one. */
const ELSEWHERE = '"user_zone_id":"';

function homeOf({ zone_id, user_id, user_zone_id }: CountQuery): Condition[] {
  if ((user_id ?? null) === null && user_zone_id === null) return [];
  const isHome = user_zone_id === null || user_zone_id === zone_id;
  const sought = isHome ? ELSEWHERE : `${ELSEWHERE}${user_zone_id}"`;
  return [[`data ${isHome ? 'NOT ' : ''}LIKE ? ESCAPE '!'`, `%${sought.replace(/[!%_]/g, '!$&')}%`]];
}

/** Of file events alone. */
export async function countEvents(tx: Tx, query: CountQuery): Promise<number> {
  const conditions = [...conditionsOf(tx, query), ...homeOf(query)];
  const row = await tx.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM events WHERE ${allOf(conditions)}`,
    valuesOf(conditions),
  );
  return row?.n ?? 0;
}
