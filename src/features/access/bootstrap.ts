/**
 * The first zone and the first keys (access.md §3, infrastructure.md §2). Guarantees: repeating it changes nothing, also from
 * several nodes at once; a key's text is returned once, by the start that made it; a changed bootstrap value revokes the key
 * of the former one; a text that everybody knows works only where this start gave it; zone `root` has a working admin key
 * of its own afterwards.
 */
import { DEFAULT_KEY_TEXTS, isDefaultKeyText } from '../../base/default-keys.ts';
import { newId } from '../../base/ids.ts';
import { ROLES, type Role } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { insertZone } from '../zones/zones.sql.ts';
import { hashKey } from './credentials.ts';
import { seedFlags } from './flags/flags.sql.ts';
import { newKeyText } from './key-text.ts';
import { hasRootAdmin, insertKey, revokeOthersOf } from './keys.sql.ts';

/** Texts of configured keys by role; empty where none is configured. */
export type BootstrapKeys = Readonly<Record<Role, string>>;

export interface Bootstrapped {
  /** Text of the admin key that was made now; undefined when there was one, or when its text was configured. */
  readonly adminKey: string | undefined;
}

/** Zone `root`, the feature flags, an admin key, and keys of the roles that have a configured text. */
export async function bootstrap(tx: Tx, keys: BootstrapKeys, now: number): Promise<Bootstrapped> {
  await insertZone(tx, { zone_id: 'root', name: 'root', domain: null, description: null, limits: '{}', now });
  await tx.get(`SELECT zone_id FROM zones WHERE zone_id = 'root'${tx.dialect.forUpdate}`);
  await seedFlags(tx);
  const configured = ROLES.filter((role) => keys[role] !== '');
  await revokeDefaults(tx, Object.values(keys), now);
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

/** The key that this variable made with another value. A default is no value: another node may have been given one. */
async function revokeFormer(tx: Tx, key: Configured, now: number): Promise<void> {
  if (isDefaultKeyText(key.text)) return;
  const revoked = await revokeOthersOf(tx, { origin: originOf(key.role), hash: hashKey(key.text), now });
  if (revoked.length > 0) await rootChanged(tx);
}

/** Default texts of an earlier start that this one does not give. */
async function revokeDefaults(tx: Tx, given: readonly string[], now: number): Promise<void> {
  const left = Object.values(DEFAULT_KEY_TEXTS).filter((text) => !given.includes(text));
  if (left.length === 0) return;
  const revoked = await tx.run(
    `UPDATE keys SET revoked_at = ? WHERE zone_id = 'root' AND revoked_at IS NULL
       AND hash IN (${left.map(() => '?').join(', ')})`,
    [now, ...left.map(hashKey)],
  );
  if (revoked > 0) await rootChanged(tx);
}

/** The key with this text works. Who lowered it meant it; one that another variable made before takes the role of this one. */
async function enable(tx: Tx, key: Configured, now: number): Promise<void> {
  const hash = hashKey(key.text);
  const origin = originOf(key.role);
  const raw = rawModeOf(key.role);
  const enabled = await tx.run(
    `UPDATE keys SET revoked_at = NULL, expires_at = NULL, role = CASE WHEN origin = ? THEN role ELSE ? END,
       raw_mode_enabled = ?, origin = ?
     WHERE hash = ? AND zone_id = 'root' AND (revoked_at IS NOT NULL OR expires_at IS NOT NULL
       OR raw_mode_enabled <> ? OR origin IS NULL OR origin <> ?)`,
    [origin, key.role, raw, origin, hash, raw, origin],
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

/** The admin key of access.md §3 is that of `user:admin`; the others are those of the table in infrastructure.md §2. */
const subjectOf = ({ role, text }: Configured): string =>
  role === 'admin' && !isDefaultKeyText(text) ? role : `dev-${role}`;

/** A key of zone `root`; gives its id. */
export async function addRootKey(tx: Tx, key: Configured & { readonly origin: string }, now: number): Promise<string> {
  const key_id = newId('key');
  const subject = subjectOf(key);
  await insertKey(tx, {
    key_id,
    hash: hashKey(key.text),
    zone_id: 'root',
    name: subject,
    user_id: subject,
    subject_type: 'user',
    subject_id: subject,
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
