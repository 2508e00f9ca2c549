/**
 * What the operations on keys share. Each has two forms: the RPC method is for admins, the REST route also for
 * everybody's own keys (access.md §2).
 */
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { CliBinding, HttpBinding } from '../../core/call/bindings.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { ROLES } from '../../core/operation.ts';
import type { KeyRow } from './keys.sql.ts';

export const KEYS_PATH = '/api/v2/auth/keys';

export const keyName = plainText.min(1).max(255);
export const role = z.enum(ROLES).describe('what it may do: viewer, operator, researcher or admin');
export const rateLimit = z.int().min(1).max(1_000_000_000).describe('calls per minute; by role unless given');
export const rawMode = z.boolean().describe('the key may use the mode RAW, with a role that has it');
export const zoneParam = z.string().optional().describe('zone of the keys; the own one unless given');

export interface Doors<O> {
  readonly verb: string;
  readonly rpc: string;
  readonly http: HttpBinding<O>;
  readonly cli: CliBinding;
}

type Shared<I, O, P> = Omit<Operation<I, O, P>, 'name' | 'who'>;

export const adminForm = <I, O, P>(shared: Shared<I, O, P>, doors: Doors<O>): Operation<I, O, P> => ({
  ...shared,
  name: `key.admin-${doors.verb}`,
  who: { role: 'admin' },
  rpc: { name: doors.rpc },
});

export const ownForm = <I, O, P>(shared: Shared<I, O, P>, doors: Doors<O>): Operation<I, O, P> => ({
  ...shared,
  name: `key.${doors.verb}`,
  who: { role: 'operator' },
  http: doors.http,
  cli: doors.cli,
});

/** The role that is asked for in either of two ways; undefined where it is not. */
export function roleGiven(input: { readonly role?: string | undefined; readonly is_admin?: boolean | undefined }) {
  const { role, is_admin } = input;
  if (role !== undefined && is_admin !== undefined && is_admin !== (role === 'admin')) {
    throw invalidParams({ path: 'is_admin', message: `contradicts the role ${role}` });
  }
  return is_admin === true ? 'admin' : role;
}

/** The event and audit row of a change of a key, which holds from the next request on. */
export function tell(
  call: Call,
  type: 'key.created' | 'key.updated' | 'key.revoked',
  key: Pick<KeyRow, 'key_id' | 'subject_type' | 'subject_id' | 'role'>,
): void {
  const data = { subject: [key.subject_type, key.subject_id], role: key.role };
  call.event({ type, object: { type: 'key', id: key.key_id }, data });
  call.audit({ key_id: key.key_id, ...data });
  call.accessChanged();
}
