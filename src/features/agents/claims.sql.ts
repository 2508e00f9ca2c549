/** What others have of an agent, or it of them, in rows of other features: keys, tuples, an inbox. */
import type { Tx } from '../../ports/sql.ts';
import { FACT_COLUMNS, type FactRow } from '../access/graph/changes.sql.ts';
import type { KeyRow } from '../access/keys.sql.ts';

interface Claim {
  readonly zone_id: string;
  readonly agent_id: string;
  /** Whose keys and grants do not count. */
  readonly user_id: string;
  /** `type:id`, whose inbox does not count. */
  readonly subject: string;
}

/** Has anybody else given keys, grants or an inbox to this agent? */
export async function isClaimed(tx: Tx, { zone_id, agent_id, user_id, subject }: Claim): Promise<boolean> {
  const row = await tx.get<{ n: number }>(
    `SELECT 1 AS n WHERE EXISTS (SELECT 1 FROM keys WHERE zone_id = ? AND subject_type = 'agent' AND subject_id = ?
         AND revoked_at IS NULL AND user_id <> ?)
       OR EXISTS (SELECT 1 FROM tuples WHERE zone_id = ? AND subject_type = 'agent' AND subject_id = ? AND created_by <> ?)
       OR EXISTS (SELECT 1 FROM tuples WHERE subject_zone_id = ? AND subject_zone_id <> zone_id AND subject_type = 'agent'
         AND subject_id = ?)
       OR EXISTS (SELECT 1 FROM mailboxes WHERE zone_id = ? AND agent_id = ? AND owner <> ?)`,
    [zone_id, agent_id, user_id, zone_id, agent_id, user_id, zone_id, agent_id, zone_id, agent_id, subject],
  );
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
