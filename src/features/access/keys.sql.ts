/** Rows of API keys. Only the SHA-256 of a key's text is stored, and only it is looked up. */
import type { Tx } from '../../ports/sql.ts';

export interface KeyRow {
  readonly key_id: string;
  readonly zone_id: string;
  readonly name: string;
  readonly user_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly role: string;
  readonly inherit_permissions: number;
  readonly rate_limit_per_minute: number | null;
  readonly key_prefix: string;
  readonly origin: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

/** A key with what its zone says about it. */
export interface CredentialRow extends KeyRow {
  readonly phase: string;
  readonly access_revision: number;
}

const COLUMNS = `k.key_id, k.zone_id, k.name, k.user_id, k.subject_type, k.subject_id, k.role, k.inherit_permissions,
  k.rate_limit_per_minute, k.key_prefix, k.origin, k.created_at, k.expires_at, k.last_used_at, k.revoked_at`;

const CREDENTIAL = `SELECT ${COLUMNS}, z.phase, z.access_revision FROM keys k JOIN zones z ON z.zone_id = k.zone_id`;

export const findCredentialByHash = (tx: Tx, hash: string): Promise<CredentialRow | undefined> =>
  tx.get<CredentialRow>(`${CREDENTIAL} WHERE k.hash = ?`, [hash]);

export const findCredentialById = (tx: Tx, key_id: string): Promise<CredentialRow | undefined> =>
  tx.get<CredentialRow>(`${CREDENTIAL} WHERE k.key_id = ?`, [key_id]);

export interface NewKey extends Omit<KeyRow, 'last_used_at' | 'revoked_at'> {
  readonly hash: string;
}

export async function insertKey(tx: Tx, key: NewKey): Promise<void> {
  await tx.run(
    `INSERT INTO keys (key_id, hash, zone_id, name, user_id, subject_type, subject_id, role, inherit_permissions,
       rate_limit_per_minute, key_prefix, origin, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      key.key_id,
      key.hash,
      key.zone_id,
      key.name,
      key.user_id,
      key.subject_type,
      key.subject_id,
      key.role,
      key.inherit_permissions,
      key.rate_limit_per_minute,
      key.key_prefix,
      key.origin,
      key.created_at,
      key.expires_at,
    ],
  );
}
