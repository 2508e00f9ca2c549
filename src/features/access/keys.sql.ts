/** Rows of API keys. Only the SHA-256 of a key's text is stored, and only it is looked up. */

import { hash } from 'node:crypto';
import { DEFAULT_KEY_TEXTS } from '../../base/default-keys.ts';
import { isPlainText } from '../../base/texts.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';

export interface KeyRow {
  readonly key_id: string;
  readonly zone_id: string;
  readonly name: string;
  readonly user_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly role: string;
  readonly inherit_permissions: number;
  readonly raw_mode_enabled: number;
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
  readonly hash: string;
  readonly phase: string;
  readonly access_revision: number;
}

const COLUMNS = `k.key_id, k.zone_id, k.name, k.user_id, k.subject_type, k.subject_id, k.role, k.inherit_permissions,
  k.raw_mode_enabled, k.rate_limit_per_minute, k.key_prefix, k.origin, k.created_at, k.expires_at, k.last_used_at, k.revoked_at`;

const CREDENTIAL = `SELECT ${COLUMNS}, k.hash, z.phase, z.access_revision FROM keys k JOIN zones z ON z.zone_id = k.zone_id`;

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
       raw_mode_enabled, rate_limit_per_minute, key_prefix, origin, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      key.raw_mode_enabled,
      key.rate_limit_per_minute,
      key.key_prefix,
      key.origin,
      key.created_at,
      key.expires_at,
    ],
  );
}

export const findKey = async (tx: Tx, key_id: string): Promise<KeyRow | undefined> =>
  isPlainText(key_id) ? tx.get<KeyRow>(`SELECT ${COLUMNS} FROM keys k WHERE k.key_id = ?`, [key_id]) : undefined;

/** The zone of a key, if nothing bars the way to it. */
export async function findKeyZone(tx: Tx, key_id: string): Promise<string | undefined> {
  if (!isPlainText(key_id)) return undefined;
  const row = await tx.get<{ zone_id: string }>(
    `SELECT k.zone_id FROM keys k JOIN zones z ON z.zone_id = k.zone_id WHERE k.key_id = ? AND z.phase = 'Active'`,
    [key_id],
  );
  return row?.zone_id;
}

export interface KeyFilter {
  /** Null: those of every Active zone. */
  readonly zone_id: string | null;
  readonly user_id: string | null;
  /** Only keys of this subject with one of these roles. */
  readonly own: { readonly type: string; readonly id: string; readonly roles: readonly string[] } | null;
  readonly revoked: boolean;
}

function filtered(filter: KeyFilter): { sql: string; params: SqlValue[] } {
  const parts = ["z.phase = 'Active'"];
  const params: SqlValue[] = [];
  const only = (sql: string, ...values: SqlValue[]): void => {
    parts.push(sql);
    params.push(...values);
  };
  if (filter.zone_id !== null) only('k.zone_id = ?', filter.zone_id);
  if (filter.user_id !== null) only('k.user_id = ?', filter.user_id);
  if (!filter.revoked) only('k.revoked_at IS NULL');
  if (filter.own) {
    const { type, id, roles } = filter.own;
    only(
      `k.subject_type = ? AND k.subject_id = ? AND k.role IN (${roles.map(() => '?').join(', ')})`,
      type,
      id,
      ...roles,
    );
  }
  return { sql: `FROM keys k JOIN zones z ON z.zone_id = k.zone_id WHERE ${parts.join(' AND ')}`, params };
}

export interface KeyPage {
  readonly after: { readonly created_at: number; readonly key_id: string } | null;
  readonly limit: number;
}

/** Newest first. */
export function listKeys(tx: Tx, filter: KeyFilter, page: KeyPage): Promise<KeyRow[]> {
  const { sql, params } = filtered(filter);
  const { after } = page;
  const behind = after ? ' AND (k.created_at < ? OR (k.created_at = ? AND k.key_id < ?))' : '';
  return tx.all<KeyRow>(`SELECT ${COLUMNS} ${sql}${behind} ORDER BY k.created_at DESC, k.key_id DESC LIMIT ?`, [
    ...params,
    ...(after ? [after.created_at, after.created_at, after.key_id] : []),
    page.limit,
  ]);
}

export async function countKeys(tx: Tx, filter: KeyFilter): Promise<number> {
  const { sql, params } = filtered(filter);
  return (await tx.get<{ n: number }>(`SELECT COUNT(*) AS n ${sql}`, params))?.n ?? 0;
}

export type KeyChange = Pick<
  KeyRow,
  'key_id' | 'name' | 'role' | 'expires_at' | 'raw_mode_enabled' | 'rate_limit_per_minute'
>;

export async function updateKey(tx: Tx, key: KeyChange): Promise<void> {
  await tx.run(
    `UPDATE keys SET name = ?, role = ?, expires_at = ?, raw_mode_enabled = ?, rate_limit_per_minute = ?
     WHERE key_id = ?`,
    [key.name, key.role, key.expires_at, key.raw_mode_enabled, key.rate_limit_per_minute, key.key_id],
  );
}

export async function revokeKey(tx: Tx, key_id: string, now: number): Promise<void> {
  await tx.run('UPDATE keys SET revoked_at = ? WHERE key_id = ?', [now, key_id]);
}

/** Is there an admin key of zone root, beside one, that works and still does after a time? */
export async function hasRootAdmin(tx: Tx, beside: string, after: number): Promise<boolean> {
  const other = await tx.get(
    `SELECT key_id FROM keys WHERE zone_id = 'root' AND role = 'admin' AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > ?) AND key_id <> ? AND hash <> ? LIMIT 1`,
    [after, beside, EVERYBODYS_HASH],
  );
  return other !== undefined;
}

/** The admin key that everybody knows is not one to rely on. */
const EVERYBODYS_HASH = hash('sha256', DEFAULT_KEY_TEXTS.admin);

/** `last_used_at` is renewed at most once in this time (access.md §2). */
export const USED_EVERY_MS = 60_000;

export async function markUsed(tx: Tx, key_id: string, now: number): Promise<void> {
  await tx.run('UPDATE keys SET last_used_at = ? WHERE key_id = ? AND (last_used_at IS NULL OR last_used_at <= ?)', [
    now,
    key_id,
    now - USED_EVERY_MS,
  ]);
}

/** Revokes the keys of one origin but the one with this hash; gives their ids. */
export async function revokeOthersOf(
  tx: Tx,
  others: { readonly origin: string; readonly hash: string; readonly now: number },
): Promise<string[]> {
  const rows = await tx.all<{ key_id: string }>(
    'UPDATE keys SET revoked_at = ? WHERE origin = ? AND hash <> ? AND revoked_at IS NULL RETURNING key_id',
    [others.now, others.origin, others.hash],
  );
  return rows.map((row) => row.key_id);
}

/** Zones with keys that ended before a time and were never revoked. */
export async function zonesOfEndedKeys(tx: Tx, before: number): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    `SELECT DISTINCT zone_id FROM keys WHERE revoked_at IS NULL AND expires_at <= ?
       AND zone_id IN (SELECT zone_id FROM zones WHERE phase = 'Active')`,
    [before],
  );
  return rows.map(({ zone_id }) => zone_id);
}

/** Revokes some of those of a zone; gives their ids. */
export async function revokeEnded(
  tx: Tx,
  ended: { readonly zone_id: string; readonly before: number; readonly now: number; readonly rows: number },
): Promise<string[]> {
  const rows = await tx.all<{ key_id: string }>(
    `UPDATE keys SET revoked_at = ? WHERE key_id IN
       (SELECT key_id FROM keys WHERE zone_id = ? AND revoked_at IS NULL AND expires_at <= ? LIMIT ?) RETURNING key_id`,
    [ended.now, ended.zone_id, ended.before, ended.rows],
  );
  return rows.map(({ key_id }) => key_id);
}

/** A key that one rule made is from now on that of another. */
export async function adoptKey(
  tx: Tx,
  hash: string,
  origin: { readonly from: string; readonly to: string },
): Promise<void> {
  await tx.run('UPDATE keys SET origin = ? WHERE hash = ? AND origin = ?', [origin.to, hash, origin.from]);
}

/** Removes at most so many keys of a zone that is ending. */
export const removeKeys = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run('DELETE FROM keys WHERE key_id IN (SELECT key_id FROM keys WHERE zone_id = ? LIMIT ?)', [zone_id, rows]);
