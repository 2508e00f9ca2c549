/** Who may call an operation at all: its role, before any look at parameters or objects (access.md §6). */
import { Fault } from '../base/faults.ts';
import { hasRole, isRootAdmin, unauthenticated } from '../features/access/credentials.ts';
import type { Caller, Operation } from './operation.ts';

type Asked = Pick<Operation<unknown, unknown, unknown>, 'who' | 'name'>;

/** Throws UNAUTHENTICATED or ACCESS_DENIED unless the caller's role suffices. */
export function checkWho(operation: Asked, caller: Caller | undefined): void {
  if (operation.who === 'public') return;
  if (!caller) throw unauthenticated();
  if (operation.who === 'root admin') {
    if (isRootAdmin(caller)) return;
    throw tooLow(operation, caller, 'admin of zone root');
  }
  if (!hasRole(caller, operation.who.role)) throw tooLow(operation, caller, operation.who.role);
}

function tooLow(operation: Asked, caller: Caller, required: string): Fault {
  return new Fault(
    'ACCESS_DENIED',
    `Access denied: ${operation.name} takes the role ${required}, this key has ${caller.role}. Use another key, or ask an admin.`,
    { role: caller.role, required_role: required },
  );
}
