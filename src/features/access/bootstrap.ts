/**
 * The first zone and the first keys (access.md §3). Guarantees: repeating it changes nothing, also from several nodes at
 * once; a key's text is returned once, by the start that made it; a changed bootstrap value revokes the key of the
 * former one; zone `root` has a working admin key afterwards.
 */
import { newId } from '../../base/ids.ts';
import { ROLES, type Role } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { insertZone } from '../zones/zones.sql.ts';
import { hashKey } from './credentials.ts';
import { newKeyText } from './key-text.ts';
import { hasRootAdmin, insertKey, revokeOthersOf } from './keys.sql.ts';

/** Texts of configured keys by role; empty where none is configured. */
export type BootstrapKeys = Readonly<Record<Role, string>>;

export interface Bootstrapped {
  /** Text of the admin key that was made now; undefined when there was one, or when its text was configured. */
  readonly adminKey: string | undefined;
}

/** Zone `root`, an admin key, and keys of the roles that have a configured text. */
export async function bootstrap(tx: Tx, keys: BootstrapKeys, now: number): Promise<Bootstrapped> {
  await insertZone(tx, { zone_id: 'root', name: 'root', domain: null, description: null, limits: '{}', now });
  await tx.get(`SELECT zone_id FROM zones WHERE zone_id = 'root'${tx.dialect.forUpdate}`);
  const configured = ROLES.filter((role) => keys[role] !== '');
  for (const role of configured) await revokeFormer(tx, { role, text: keys[role] }, now);
  for (const role of configured) await enable(tx, { role, text: keys[role] }, now);
  let adminKey: string | undefined;
  if (!(await hasRootAdmin(tx, '', now))) {
    adminKey = newKeyText('root', 'admin');
    await addRootKey(tx, { role: 'admin', text: adminKey, origin: 'generated' }, now);
  }
  await countKeys(tx);
  return { adminKey };
}

interface Configured {
  readonly role: Role;
  readonly text: string;
}

/** First keys of the roles that have the mode RAW may use it (infrastructure.md §2). */
const rawModeOf = (role: Role): number => (role === 'researcher' || role === 'admin' ? 1 : 0);

const originOf = (role: Role): string => `bootstrap:${role}`;

/** The key that this variable made with another value. */
async function revokeFormer(tx: Tx, key: Configured, now: number): Promise<void> {
  const revoked = await revokeOthersOf(tx, { origin: originOf(key.role), hash: hashKey(key.text), now });
  if (revoked.length > 0) await rootChanged(tx);
}

/** The key with this text works and has this role, be it new, revoked since, or made by another variable before. */
async function enable(tx: Tx, key: Configured, now: number): Promise<void> {
  const hash = hashKey(key.text);
  const origin = originOf(key.role);
  const raw = rawModeOf(key.role);
  const enabled = await tx.run(
    `UPDATE keys SET revoked_at = NULL, expires_at = NULL, role = ?, raw_mode_enabled = ?, origin = ?
     WHERE hash = ? AND zone_id = 'root' AND (revoked_at IS NOT NULL OR expires_at IS NOT NULL OR role <> ?
       OR raw_mode_enabled <> ? OR origin IS NULL OR origin <> ?)`,
    [key.role, raw, origin, hash, key.role, raw, origin],
  );
  if (enabled > 0) return rootChanged(tx);
  const known = await tx.get('SELECT key_id FROM keys WHERE hash = ?', [hash]);
  if (!known) await addRootKey(tx, { ...key, origin }, now);
}

/** Cached decisions of every node end. */
const rootChanged = async (tx: Tx): Promise<void> => {
  await tx.run("UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = 'root'");
};

const countKeys = async (tx: Tx): Promise<void> => {
  await tx.run(
    `UPDATE zones SET used_keys = (SELECT COUNT(*) FROM keys WHERE zone_id = 'root' AND revoked_at IS NULL)
     WHERE zone_id = 'root'`,
  );
};

/** A key of zone `root` whose user is named like its role; gives its id. */
export async function addRootKey(tx: Tx, key: Configured & { readonly origin: string }, now: number): Promise<string> {
  const key_id = newId('key');
  await insertKey(tx, {
    key_id,
    hash: hashKey(key.text),
    zone_id: 'root',
    name: key.role,
    user_id: key.role,
    subject_type: 'user',
    subject_id: key.role,
    role: key.role,
    inherit_permissions: 0,
    raw_mode_enabled: rawModeOf(key.role),
    rate_limit_per_minute: null,
    key_prefix: key.text.slice(0, 12),
    origin: key.origin,
    created_at: now,
    expires_at: null,
  });
  return key_id;
}
