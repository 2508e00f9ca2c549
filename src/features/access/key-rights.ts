/**
 * Who manages which keys (access.md §2). Guarantees: a zone admin manages those of the zone; everybody else those of the
 * own subject with a role up to the own, and can make none that may more than the key that is used.
 */
import { Fault } from '../../base/faults.ts';
import { type Call, type Caller, ROLES } from '../../core/operation.ts';
import { isZoneAdmin } from './credentials.ts';
import type { KeyFilter, KeyRow } from './keys.sql.ts';

export const managesAll = (call: Call): boolean => isZoneAdmin(call.caller, call.zone.zone_id);

/** Roles up to the caller's. */
export const rolesUpTo = (caller: Caller): readonly string[] =>
  ROLES.filter((role) => caller.role !== 'none' && ROLES.indexOf(role) <= ROLES.indexOf(caller.role));

/** The keys that the caller may see, as a filter. */
export const ownKeys = (caller: Caller): KeyFilter['own'] => ({
  type: caller.subject_type,
  id: caller.subject_id,
  roles: rolesUpTo(caller),
});

export function mayManage(call: Call, row: Pick<KeyRow, 'zone_id' | 'subject_type' | 'subject_id' | 'role'>): boolean {
  const { caller } = call;
  if (row.zone_id !== call.zone.zone_id) return false;
  if (managesAll(call)) return true;
  const own = row.subject_type === caller.subject_type && row.subject_id === caller.subject_id;
  return own && rolesUpTo(caller).includes(row.role);
}

/** What a key is going to be able to do. */
export type WantedKey = Pick<
  KeyRow,
  | 'user_id'
  | 'subject_type'
  | 'subject_id'
  | 'role'
  | 'inherit_permissions'
  | 'raw_mode_enabled'
  | 'rate_limit_per_minute'
  | 'expires_at'
>;

/** ACCESS_DENIED unless the caller may make, or change a key into, one that can do this. */
export function checkWanted(call: Call, wanted: WantedKey): void {
  if (managesAll(call)) return;
  const { caller } = call;
  if (wanted.subject_type !== caller.subject_type || wanted.subject_id !== caller.subject_id) {
    throw beyond(caller, 'keys of another subject');
  }
  if (wanted.user_id !== caller.user_id) throw beyond(caller, 'keys of another user');
  if (!rolesUpTo(caller).includes(wanted.role)) throw beyond(caller, `keys with role ${wanted.role}`);
  if (wanted.inherit_permissions === 1 && !caller.inherit_permissions) {
    throw beyond(caller, 'keys that inherit the permissions of their user');
  }
  if (wanted.raw_mode_enabled === 1 && !caller.raw_mode_enabled) throw beyond(caller, 'keys that may use the mode RAW');
  if (wanted.rate_limit_per_minute !== caller.rate_limit_per_minute)
    throw beyond(caller, 'keys with another rate limit');
  if ((wanted.expires_at ?? Number.POSITIVE_INFINITY) > (caller.expires_at ?? Number.POSITIVE_INFINITY))
    throw beyond(caller, 'keys that outlive it');
}

const beyond = (caller: Caller, what: string): Fault =>
  new Fault(
    'ACCESS_DENIED',
    `Access denied: ${what} are managed by an admin of the zone, this key has ${caller.role}. Use another key, or ask an admin.`,
    {
      role: caller.role,
      required_role: 'admin',
    },
  );
