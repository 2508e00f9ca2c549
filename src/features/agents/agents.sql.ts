/** Rows of agents. Every write of one runs under the lock of its zone. */
import type { RowsInsert, SqlValue, Tx } from '../../ports/sql.ts';
import type { Life } from './agent.ts';

/** What was said of an agent, and what is wanted of it. */
export interface Registration {
  readonly zone_id: string;
  readonly agent_id: string;
  readonly name: string;
  readonly description: string | null;
  /** `type:id` of the registering subject. */
  readonly owner: string;
  readonly user_id: string;
  /** JSON, of the registration. */
  readonly capabilities: string;
  /** JSON. */
  readonly metadata: string;
  readonly agent_type: string | null;
  /** JSON. */
  readonly spec: string | null;
  readonly spec_generation: number;
  readonly spec_first_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
}

/** What the last warmup that ended gave, and until when one may still run. */
export interface WarmRow {
  readonly warm_status: 'True' | 'False' | null;
  readonly warm_reason: string | null;
  readonly warm_message: string | null;
  readonly warm_generation: number | null;
  /** Since when it says so. */
  readonly warm_at: number | null;
  /** When the spec that it was made for was replaced. */
  readonly cooled_at: number | null;
  readonly warming_until: number | null;
}

export interface AgentRow extends Registration, WarmRow, Life {
  /** 1: a key that is not revoked has it as its subject. */
  readonly has_api_key: number;
}

const REGISTRATION = [
  'zone_id',
  'agent_id',
  'name',
  'description',
  'owner',
  'user_id',
  'capabilities',
  'metadata',
  'agent_type',
  'spec',
  'spec_generation',
  'spec_first_at',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof Registration)[];

const WARM = [
  'warm_status',
  'warm_reason',
  'warm_message',
  'warm_generation',
  'warm_at',
  'cooled_at',
  'warming_until',
] as const satisfies readonly (keyof WarmRow)[];

const LIFE = [
  'state',
  'generation',
  'moved_at',
  'heard_at',
  'fresh_at',
  'due_at',
  'beat_at',
  'activity',
  'active_at',
  'observed_generation',
  'tokens_used',
  'storage_used_mb',
  'context_usage_pct',
] as const satisfies readonly (keyof Life)[];

const of = (table: string, names: readonly string[]): string => names.map((name) => `${table}.${name}`).join(', ');

const ALL = `${of('a', [...REGISTRATION, ...WARM])}, ${of('l', LIFE)},
  CASE WHEN EXISTS (SELECT 1 FROM keys k WHERE k.zone_id = a.zone_id AND k.subject_type = 'agent' AND k.subject_id = a.agent_id
    AND k.revoked_at IS NULL) THEN 1 ELSE 0 END AS has_api_key`;
const BOTH = 'agents a JOIN agent_lives l ON l.zone_id = a.zone_id AND l.agent_id = a.agent_id';

export const findAgent = (tx: Tx, zone_id: string, agent_id: string): Promise<AgentRow | undefined> =>
  tx.get<AgentRow>(`SELECT ${ALL} FROM ${BOTH} WHERE a.zone_id = ? AND a.agent_id = ?`, [zone_id, agent_id]);

/** Whose an agent is, and how it lives: all that a heartbeat needs. */
export type AgentLife = Pick<Registration, 'zone_id' | 'agent_id' | 'owner' | 'user_id'> & Life;
const LIVES = `a.zone_id, a.agent_id, a.owner, a.user_id, ${of('l', LIFE)}`;

export const findLife = (tx: Tx, zone_id: string, agent_id: string): Promise<AgentLife | undefined> =>
  tx.get<AgentLife>(`SELECT ${LIVES} FROM ${BOTH} WHERE a.zone_id = ? AND a.agent_id = ?`, [zone_id, agent_id]);

/** Whose each of these agents is, of those that are registered. */
export const listOwners = (
  tx: Tx,
  zone_id: string,
  agent_ids: readonly string[],
): Promise<Pick<Registration, 'agent_id' | 'owner' | 'user_id'>[]> =>
  tx.all(
    `SELECT agent_id, owner, user_id FROM agents WHERE zone_id = ? AND agent_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(agent_ids)],
  );

const registrations: RowsInsert = { into: 'agents', columns: REGISTRATION };
const lives: RowsInsert = { into: 'agent_lives', columns: ['zone_id', 'agent_id', ...LIFE] };
const capabilityRows: RowsInsert = { into: 'agent_capabilities', columns: ['zone_id', 'capability', 'agent_id'] };

type Id = Pick<Registration, 'zone_id' | 'agent_id'>;

export async function insertAgent(tx: Tx, row: Registration, life: Life): Promise<void> {
  const { zone_id, agent_id } = row;
  await Promise.all([
    tx.insert(registrations, [REGISTRATION.map((column) => row[column])]),
    tx.insert(lives, [[zone_id, agent_id, ...LIFE.map((column) => life[column])]]),
  ]);
}

/** The capabilities by which an agent is found from now on. */
export async function saveCapabilities(tx: Tx, { zone_id, agent_id }: Id, names: readonly string[]): Promise<void> {
  await tx.run('DELETE FROM agent_capabilities WHERE zone_id = ? AND agent_id = ?', [zone_id, agent_id]);
  if (names.length === 0) return;
  await tx.insert(
    capabilityRows,
    names.map((name) => [zone_id, name, agent_id]),
  );
}

const CHANGING = REGISTRATION.filter(
  (name) => !['zone_id', 'agent_id', 'owner', 'user_id', 'created_at'].includes(name),
);
const set = (names: readonly string[]): string => names.map((name) => `${name} = ?`).join(', ');
const SAVE = `UPDATE agents SET ${set(CHANGING)} WHERE zone_id = ? AND agent_id = ?`;
const SAVE_WARM = `UPDATE agents SET ${set(WARM)} WHERE zone_id = ? AND agent_id = ?`;

export async function saveAgent(tx: Tx, row: Registration): Promise<void> {
  await tx.run(SAVE, [...CHANGING.map((name) => row[name]), row.zone_id, row.agent_id]);
}

/** Only what changed is set, so that a heartbeat touches no index. */
export async function saveLife(tx: Tx, before: Id & Life, after: Life): Promise<void> {
  const changed = LIFE.filter((name) => after[name] !== before[name]);
  if (changed.length === 0) return;
  const sql = `UPDATE agent_lives SET ${set(changed)} WHERE zone_id = ? AND agent_id = ?`;
  await tx.run(sql, [...changed.map((name) => after[name]), before.zone_id, before.agent_id]);
}

export async function saveWarm(tx: Tx, { zone_id, agent_id, ...warm }: Id & WarmRow): Promise<void> {
  await tx.run(SAVE_WARM, [...WARM.map((name) => warm[name]), zone_id, agent_id]);
}

const TABLES = ['agent_capabilities', 'agent_lives', 'agents'] as const;

export async function deleteAgent(tx: Tx, { zone_id, agent_id }: Id): Promise<void> {
  for (const table of TABLES) {
    await tx.run(`DELETE FROM ${table} WHERE zone_id = ? AND agent_id = ?`, [zone_id, agent_id]);
  }
}

export async function countAll(tx: Tx, zone_id: string): Promise<number> {
  return (await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM agents WHERE zone_id = ?', [zone_id]))?.n ?? 0;
}

export interface AgentFilter {
  readonly capabilities: readonly string[];
  readonly match: 'all' | 'any';
  readonly state: string | undefined;
  readonly agent_type: string | undefined;
  readonly stale: boolean | undefined;
  /** Whoever is live and was not heard of since is stale. */
  readonly heardSince: number;
}

interface Piece {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** The capabilities with those that fewest have first: the index of the first is walked, the others are looked up. */
async function rarestFirst(tx: Tx, zone_id: string, names: readonly string[]): Promise<readonly string[]> {
  if (names.length < 2) return names;
  const rows = await tx.all<{ capability: string; n: number }>(
    `SELECT capability, COUNT(*) AS n FROM agent_capabilities
     WHERE zone_id = ? AND capability IN (${names.map(() => '?').join(', ')}) GROUP BY capability`,
    [zone_id, ...names],
  );
  const counts = new Map(rows.map(({ capability, n }) => [capability, n]));
  return names.toSorted((one, other) => (counts.get(one) ?? 0) - (counts.get(other) ?? 0));
}

/** Ids that the capabilities leave, as `c`: of each of them, of any, or all of the zone. */
function among(zone_id: string, { capabilities, match }: AgentFilter): Piece {
  const [first, ...others] = capabilities;
  if (first === undefined) return { sql: 'agents c WHERE c.zone_id = ?', params: [zone_id] };
  if (match === 'any') {
    const marks = capabilities.map(() => '?').join(', ');
    const ids = `SELECT agent_id FROM agent_capabilities WHERE zone_id = ? AND capability IN (${marks})`;
    return {
      sql: `agents c WHERE c.zone_id = ? AND c.agent_id IN (${ids})`,
      params: [zone_id, zone_id, ...capabilities],
    };
  }
  const also = others.map(
    () => ` AND EXISTS (SELECT 1 FROM agent_capabilities o WHERE o.zone_id = c.zone_id AND o.capability = ?
      AND o.agent_id = c.agent_id)`,
  );
  const sql = `agent_capabilities c WHERE c.zone_id = ? AND c.capability = ?${also.join('')}`;
  return { sql, params: [zone_id, first, ...others] };
}

const JOINED = {
  a: 'JOIN agents a ON a.zone_id = c.zone_id AND a.agent_id = c.agent_id',
  l: 'JOIN agent_lives l ON l.zone_id = c.zone_id AND l.agent_id = c.agent_id',
} as const;

/** From where the agents of a filter are read, with all of their columns or only what the filter looks at. */
function filtered(zone_id: string, filter: AgentFilter, columns: 'all' | 'needed'): Piece {
  const { state, agent_type, stale, heardSince } = filter;
  const silent = "(l.state IN ('CONNECTED', 'IDLE') AND l.heard_at < ?)";
  const conditions: [keyof typeof JOINED, string, SqlValue][] = [];
  if (state !== undefined) conditions.push(['l', 'l.state = ?', state]);
  if (stale !== undefined) conditions.push(['l', stale ? silent : `NOT ${silent}`, heardSince]);
  if (agent_type !== undefined) conditions.push(['a', 'a.agent_type = ?', agent_type]);
  const used = columns === 'all' ? (['a', 'l'] as const) : [...new Set(conditions.map(([table]) => table))];
  const { sql, params } = among(zone_id, filter);
  const from = sql.replace(' c WHERE ', ` c ${used.map((table) => JOINED[table]).join(' ')} WHERE `);
  return {
    sql: [from, ...conditions.map(([, condition]) => condition)].join(' AND '),
    params: [...params, ...conditions.map(([, , value]) => value)],
  };
}

/** By id. */
export async function listAgents(
  tx: Tx,
  zone_id: string,
  page: { readonly filter: AgentFilter; readonly after: string; readonly limit: number },
): Promise<AgentRow[]> {
  const capabilities = await rarestFirst(tx, zone_id, page.filter.capabilities);
  const { sql, params } = filtered(zone_id, { ...page.filter, capabilities }, 'all');
  return tx.all<AgentRow>(`SELECT ${ALL} FROM ${sql} AND c.agent_id > ? ORDER BY c.agent_id LIMIT ?`, [
    ...params,
    page.after,
    page.limit,
  ]);
}

export async function countAgents(tx: Tx, zone_id: string, filter: AgentFilter): Promise<number> {
  const capabilities = await rarestFirst(tx, zone_id, filter.capabilities);
  const { sql, params } = filtered(zone_id, { ...filter, capabilities }, 'needed');
  return (await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${sql}`, params))?.n ?? 0;
}

/** Active zones in which it is time to look at agents. */
export async function listDueZones(tx: Tx, now: number): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    `SELECT DISTINCT l.zone_id FROM agent_lives l JOIN zones z ON z.zone_id = l.zone_id
     WHERE l.due_at IS NOT NULL AND l.due_at < ? AND z.phase = 'Active' ORDER BY l.zone_id`,
    [now],
  );
  return rows.map(({ zone_id }) => zone_id);
}

export const listDue = (tx: Tx, zone_id: string, due: { before: number; limit: number }): Promise<AgentLife[]> =>
  tx.all<AgentLife>(
    `SELECT ${LIVES} FROM ${BOTH} WHERE l.zone_id = ? AND l.due_at IS NOT NULL AND l.due_at < ? ORDER BY l.due_at LIMIT ?`,
    [zone_id, due.before, due.limit],
  );

/** When to look again at agents that were heard of meanwhile, and at none of those whose lapse is told. */
export async function saveLooks(
  tx: Tx,
  zone_id: string,
  looks: { readonly told: readonly string[]; readonly again: readonly string[]; readonly limit: number },
): Promise<void> {
  const among = `zone_id = ? AND agent_id IN (SELECT value FROM ${tx.dialect.textsOf})`;
  const { told, again, limit } = looks;
  if (told.length > 0) {
    await tx.run(`UPDATE agent_lives SET due_at = NULL WHERE ${among}`, [zone_id, JSON.stringify(told)]);
  }
  if (again.length === 0) return;
  await tx.run(`UPDATE agent_lives SET due_at = heard_at + ? WHERE ${among}`, [limit, zone_id, JSON.stringify(again)]);
}

/** Removes at most so many rows of agents of a zone that is ending. */
export async function removeAgents(tx: Tx, zone_id: string, rows: number): Promise<number> {
  let removed = 0;
  for (const table of TABLES) {
    const key = table === 'agent_capabilities' ? 'zone_id, capability, agent_id' : 'zone_id, agent_id';
    removed += await tx.run(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE zone_id = ? LIMIT ?)`,
      [zone_id, rows - removed],
    );
  }
  return removed;
}
