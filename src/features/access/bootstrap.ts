/**
 * The first zone and the first keys (access.md §3). Guarantees: repeating it changes nothing; a key's text is returned
 * once, by the start that made it; a changed bootstrap value revokes the key of the former one.
 */
import { randomBytes } from 'node:crypto';
import type { Role } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { insertZone } from '../zones/zones.sql.ts';
import { hashKey } from './credentials.ts';
import { newKeyText } from './key-text.ts';
import { insertKey } from './keys.sql.ts';

export interface BootstrapKeys {
  readonly admin: string;
  readonly researcher: string;
  readonly operator: string;
  readonly viewer: string;
}

export interface Bootstrapped {
  /** Text of the admin key that was made now; undefined when there was one, or when its text was configured. */
  readonly adminKey: string | undefined;
}

/** Zone `root`, an admin key, and keys of the roles that have a configured text. */
export async function bootstrap(tx: Tx, keys: BootstrapKeys, now: number): Promise<Bootstrapped> {
  const root = await tx.get(`SELECT zone_id FROM zones WHERE zone_id = 'root'${tx.dialect.forUpdate}`);
  if (!root) {
    await insertZone(tx, { zone_id: 'root', name: 'root', domain: null, description: null, limits: '{}', now });
  }
  let adminKey: string | undefined;
  for (const [role, text] of Object.entries(keys) as [Role, string][]) {
    if (text !== '') await configuredKey(tx, { role, text }, now);
  }
  if (keys.admin === '') {
    const working = await tx.get(
      "SELECT key_id FROM keys WHERE zone_id = 'root' AND role = 'admin' AND revoked_at IS NULL LIMIT 1",
    );
    if (!working) {
      adminKey = newKeyText('root', 'admin');
      await addKey(tx, { role: 'admin', text: adminKey, origin: 'generated' }, now);
    }
  }
  return { adminKey };
}

interface Configured {
  readonly role: Role;
  readonly text: string;
}

async function configuredKey(tx: Tx, key: Configured, now: number): Promise<void> {
  const origin = `bootstrap:${key.role}`;
  const hash = hashKey(key.text);
  const others = await tx.run('UPDATE keys SET revoked_at = ? WHERE origin = ? AND hash <> ? AND revoked_at IS NULL', [
    now,
    origin,
    hash,
  ]);
  const same = await tx.get<{ revoked_at: number | null }>('SELECT revoked_at FROM keys WHERE hash = ?', [hash]);
  if (!same) await addKey(tx, { ...key, origin }, now);
  else if (same.revoked_at !== null) await tx.run('UPDATE keys SET revoked_at = NULL WHERE hash = ?', [hash]);
  if (others > 0 || same?.revoked_at != null) {
    await tx.run("UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = 'root'");
  }
}

async function addKey(tx: Tx, key: Configured & { readonly origin: string }, now: number): Promise<void> {
  await insertKey(tx, {
    key_id: `key-${randomBytes(12).toString('hex')}`,
    hash: hashKey(key.text),
    zone_id: 'root',
    name: key.role,
    user_id: key.role,
    subject_type: 'user',
    subject_id: key.role,
    role: key.role,
    inherit_permissions: 0,
    rate_limit_per_minute: null,
    key_prefix: key.text.slice(0, 12),
    origin: key.origin,
    created_at: now,
    expires_at: null,
  });
  await tx.run("UPDATE zones SET used_keys = used_keys + 1 WHERE zone_id = 'root'");
}
