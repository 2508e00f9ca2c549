/** What others have of an agent, or it of them, in rows of other features: keys, tuples, an inbox, jobs and schedules. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { FACT_COLUMNS, type FactRow } from '../access/graph/changes.sql.ts';
import type { KeyRow } from '../access/keys.sql.ts';

interface Claim {
  readonly zone_id: string;
  readonly agent_id: string;
  /** Whose keys and grants do not count. */
  readonly user_id: string;
  /** `type:id`, whose inbox and work do not count. */
  readonly subject: string;
}

/** By indexes of few rows each: those of a zone are too many. Finished jobs are seen by the key of their agent, so they count. */
const JOBS = [
  `agent_id = ? AND agent_id <> '' AND zone_id = ?`,
  `executor = CAST(? AS TEXT) AND zone_id = ? AND status IN ('queued', 'retry_wait')`,
  // Not by the zone, of which there is an index too.
  `executor = CAST(? AS TEXT) AND zone_id || '' = ? AND status = 'running' AND lease_until >= 0`,
  `executor = CAST(? AS TEXT) AND zone_id || '' = ? AND status = 'blocked' AND schedule_id >= ''`,
];
const SCHEDULES = ['agent_id = ? AND zone_id = ?', 'executor = ? AND zone_id = ?'];

/** Who else goes by a name in a zone; of agents there is the registry. */
const NAMESAKES = `keys WHERE zone_id = ? AND subject_type IN ('user', 'app', 'worker') AND subject_id = ? AND revoked_at IS NULL
  AND subject_type || ':' || subject_id <> ?`;

/** Is it the name of somebody else, who is no agent? */
export async function isNameOfOther(
  tx: Tx,
  { zone_id, name, subject }: Pick<Claim, 'zone_id' | 'subject'> & { readonly name: string },
): Promise<boolean> {
  return (await tx.get(`SELECT key_id FROM ${NAMESAKES} LIMIT 1`, [zone_id, name, subject])) !== undefined;
}

/** Has anybody else given keys, grants or an inbox to this agent, or work that it, or whoever registered it, would have; or go by that name? */
export async function isClaimed(tx: Tx, { zone_id, agent_id, user_id, subject }: Claim): Promise<boolean> {
  const params: SqlValue[] = [];
  const some = (from: string, ...values: SqlValue[]): string => {
    params.push(...values);
    return `EXISTS (SELECT 1 FROM ${from})`;
  };
  const ofAgent = "zone_id = ? AND subject_type = 'agent' AND subject_id = ?";
  // What the agent left that was the caller's before does not count either.
  const others = 'owner <> ? AND NOT (owner = ? AND user_id = ?)';
  const work = (from: string) =>
    some(`${from} AND ${others}`, agent_id, zone_id, subject, `agent:${agent_id}`, user_id);
  const claims = [
    some(`keys WHERE ${ofAgent} AND revoked_at IS NULL AND user_id <> ?`, zone_id, agent_id, user_id),
    some(`tuples WHERE ${ofAgent} AND created_by <> ?`, zone_id, agent_id, user_id),
    some(`tuples WHERE subject_${ofAgent} AND subject_zone_id <> zone_id`, zone_id, agent_id),
    some(NAMESAKES, zone_id, agent_id, subject),
    some('mailboxes WHERE zone_id = ? AND agent_id = ? AND owner <> ?', zone_id, agent_id, subject),
    ...JOBS.map((where) => work(`jobs WHERE ${where}`)),
    ...SCHEDULES.map((where) => work(`schedules WHERE ${where}`)),
  ];
  const row = await tx.get<{ n: number }>(`SELECT 1 AS n WHERE ${claims.join(' OR ')}`, params);
  return row !== undefined;
}

export type RevokedKey = Pick<KeyRow, 'key_id' | 'zone_id' | 'role' | 'expires_at'>;

/** Revokes the keys of an agent; gives what they were. */
export async function revokeKeysOf(
  tx: Tx,
  of: { readonly zone_id: string; readonly agent_id: string; readonly now: number },
): Promise<RevokedKey[]> {
  return tx.all<RevokedKey>(
    `UPDATE keys SET revoked_at = ? WHERE zone_id = ? AND subject_type = 'agent' AND subject_id = ? AND revoked_at IS NULL
     RETURNING key_id, zone_id, role, expires_at`,
    [of.now, of.zone_id, of.agent_id],
  );
}

/** Removes the tuples of a zone whose subject is an agent of it; gives them. */
export const deleteTuplesOf = (tx: Tx, zone_id: string, agent_id: string): Promise<FactRow[]> =>
  tx.all<FactRow>(
    `DELETE FROM tuples WHERE zone_id = ? AND subject_type = 'agent' AND subject_id = ? AND subject_zone_id = zone_id
     RETURNING ${FACT_COLUMNS}`,
    [zone_id, agent_id],
  );

/** Can a key act as the agent now? */
export async function hasWorkingKey(
  tx: Tx,
  of: { readonly zone_id: string; readonly agent_id: string; readonly now: number },
): Promise<boolean> {
  const key = await tx.get(
    `SELECT key_id FROM keys WHERE zone_id = ? AND subject_type = 'agent' AND subject_id = ? AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > ?) LIMIT 1`,
    [of.zone_id, of.agent_id, of.now],
  );
  return key !== undefined;
}
