/**
 * From a credential to a Caller (access.md §1). Guarantees: whatever is wrong with a credential, the answer is the same;
 * a credential revoked, expired or of a zone that is not Active never becomes a caller.
 */
import { hash } from 'node:crypto';
import { DEFAULT_KEY_TEXTS } from '../../base/default-keys.ts';
import { Fault } from '../../base/faults.ts';
import type { TokenTimes } from '../../core/call/tokens.ts';
import { type Caller, ROLES, type Role } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { type CredentialRow, findCredentialByHash, findCredentialById } from './keys.sql.ts';

export const hashKey = (text: string): string => hash('sha256', text);

export const invalidToken = (): Fault => new Fault('UNAUTHENTICATED', 'Invalid token');
const keysOfExpired = new WeakMap<Fault, string>();
/** `key_id`: of the key behind the token, whose signature is right. */
export function tokenExpired(key_id?: string): Fault {
  const fault = new Fault('UNAUTHENTICATED', TOKEN_EXPIRED);
  if (key_id !== undefined) keysOfExpired.set(fault, key_id);
  return fault;
}
export const keyOfExpired = (fault: Fault): string | undefined => keysOfExpired.get(fault);
const TOKEN_EXPIRED = 'Token has expired';
/** Is it a {@link tokenExpired}? */
export const isExpired = ({ message }: Fault): boolean => message === TOKEN_EXPIRED;

/** What is said of a credential that does not work, in the words for its kind. */
export const unauthenticated = (caller?: Pick<Caller, 'token'>): Fault =>
  caller?.token ? invalidToken() : new Fault('UNAUTHENTICATED', 'Invalid or missing API key');

/** UNAUTHENTICATED where the token or the key has ended by itself. */
export function checkUnexpired(caller: Caller, now: number): void {
  if (caller.token && caller.token.expires_at <= now) throw tokenExpired();
  if (caller.expires_at !== null && caller.expires_at <= now) throw unauthenticated(caller);
}

/** The caller behind a key's text, or undefined: unknown, revoked, expired, zone not Active. */
export async function authenticateKey(tx: Tx, text: string, now: number): Promise<Caller | undefined> {
  return callerByHash(tx, hashKey(text), now);
}

/** The same, from the hash of the text. */
export async function callerByHash(tx: Tx, hashed: string, now: number): Promise<Caller | undefined> {
  return callerOf(await findCredentialByHash(tx, hashed), now);
}

const DEFAULT_HASHES: ReadonlySet<string> = new Set(Object.values(DEFAULT_KEY_TEXTS).map(hashKey));

/** The caller behind a token: as the row of its key is, whatever the token claims. */
export async function callerByToken(
  tx: Tx,
  token: { readonly key_id: string; readonly times: TokenTimes },
  now: number,
): Promise<Caller | undefined> {
  const row = await findCredentialById(tx, token.key_id);
  const caller = callerOf(row, now);
  if (!row || !caller) return undefined;
  return { ...caller, token: { ...token.times, of_default_key: DEFAULT_HASHES.has(row.hash) } };
}

/** The same caller as the rows are in this transaction; UNAUTHENTICATED if the key no longer works. */
export async function refreshCaller(tx: Tx, caller: Caller, now: number): Promise<Caller> {
  if (caller.key_id === null) return caller;
  const fresh = callerOf(await findCredentialById(tx, caller.key_id), now);
  if (!fresh) throw unauthenticated(caller);
  return { ...fresh, agent_id: caller.agent_id, token: caller.token };
}

/** By which audit rows tell a credential; nothing of it can be learnt from that. */
export const hashPrefix = (hashed: string): string => hashed.slice(0, 8);

/** Why a credential does not work, as its audit row says. */
export type RefusedFor = 'unknown' | 'revoked' | 'expired' | 'invalid_token';

/** Whose credential it is that does not work, where it ever was one. */
export interface Refused {
  readonly reason: RefusedFor;
  readonly owner: Caller | undefined;
}

/** Why a key does not work. */
export async function whyRefused(
  tx: Tx,
  key: { readonly hash: string } | { readonly key_id: string },
): Promise<Refused> {
  const row = await ('hash' in key ? findCredentialByHash(tx, key.hash) : findCredentialById(tx, key.key_id));
  if (!row) return { reason: 'unknown', owner: undefined };
  const revoked = row.revoked_at !== null || row.phase !== 'Active';
  return { reason: revoked ? 'revoked' : 'expired', owner: toCaller(row) };
}

/** The caller that a key stands for now, whoever shows it. */
export function callerOf(row: CredentialRow | undefined, now: number): Caller | undefined {
  if (!row || row.revoked_at !== null || row.phase !== 'Active') return undefined;
  if (row.expires_at !== null && row.expires_at <= now) return undefined;
  return toCaller(row);
}

function toCaller(row: CredentialRow): Caller {
  const role = roleOf(row.role);
  return {
    subject_type: row.subject_type,
    subject_id: row.subject_id,
    user_id: row.user_id,
    zone_id: row.zone_id,
    role,
    is_admin: role === 'admin',
    key_id: row.key_id,
    key_hash_prefix: hashPrefix(row.hash),
    agent_id: row.subject_type === 'agent' ? row.subject_id : null,
    inherit_permissions: row.inherit_permissions === 1,
    access_revision: row.access_revision,
    rate_limit_per_minute: row.rate_limit_per_minute,
    expires_at: row.expires_at,
    raw_mode_enabled: row.raw_mode_enabled === 1,
    token: null,
  };
}

/** A row with an unknown role counts as none (access.md §6). */
const roleOf = (text: string): Role | 'none' => ROLES.find((role) => role === text) ?? 'none';

/** Has the caller at least this role? */
export const hasRole = (caller: Caller, role: Role): boolean =>
  caller.role !== 'none' && ROLES.indexOf(caller.role) >= ROLES.indexOf(role);

/** ACCESS_DENIED by the role alone. `name`: of what was called. */
export const lacksRole = (name: string, caller: Caller, required: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `Access denied: ${name} takes the role ${required}, this key has ${caller.role}. Use another key, or ask an admin.`,
    { role: caller.role, required_role: required },
  );

export const isRootAdmin = (caller: Caller): boolean => caller.role === 'admin' && caller.zone_id === 'root';

/** Role admin in the zone of the call: the zone's own admin, or a root admin. */
export const isZoneAdmin = (caller: Caller, zone_id: string): boolean =>
  caller.role === 'admin' && (caller.zone_id === zone_id || caller.zone_id === 'root');

/** ACCESS_DENIED for a zone that the caller may not name; the same whether or not it exists. */
export const foreignZone = (zone_id: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `Access denied: this key may not name zone ${shownZone(zone_id)}. Use a key of that zone, or leave the zone out to work in your own.`,
    { zone_id: shownZone(zone_id) },
  );

export const zoneNotFound = (zone_id: string): Fault =>
  new Fault('ZONE_NOT_FOUND', `Zone not found: ${shownZone(zone_id)}`, { zone_id: shownZone(zone_id) });

/** No id is longer than 63 characters. */
const shownZone = (zone_id: string): string => zone_id.slice(0, 63).toWellFormed();

/** The server itself: for what runs by no caller's wish. It lives in root and works in every zone. */
export const SYSTEM: Caller = {
  subject_type: 'system',
  subject_id: 'nexus',
  user_id: 'system',
  zone_id: 'root',
  role: 'admin',
  is_admin: true,
  key_id: null,
  key_hash_prefix: null,
  agent_id: null,
  inherit_permissions: false,
  access_revision: 0,
  rate_limit_per_minute: null,
  expires_at: null,
  raw_mode_enabled: false,
  token: null,
};

/** The caller of a public operation without credentials. */
export const ANYONE: Caller = {
  ...SYSTEM,
  subject_type: 'anonymous',
  subject_id: '',
  user_id: 'anonymous',
  role: 'none',
  is_admin: false,
};
