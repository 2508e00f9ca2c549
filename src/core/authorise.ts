/** Who may call an operation at all: its role, before any look at parameters or objects (access.md §6). */
import { hasRole, isRootAdmin, lacksRole, unauthenticated } from '../features/access/credentials.ts';
import type { Caller, Channel, Operation } from './operation.ts';
import { type Named, nameFor } from './tool-name.ts';

type Asked = Named & Pick<Operation<unknown, unknown, unknown>, 'who'>;

/** Throws UNAUTHENTICATED or ACCESS_DENIED unless the caller's role suffices. */
export function checkWho(operation: Asked, caller: Caller | undefined, channel: Channel): void {
  if (operation.who === 'public') return;
  if (!caller) throw unauthenticated();
  if (operation.who === 'root admin') {
    if (isRootAdmin(caller)) return;
    throw lacksRole(nameFor(operation, channel), caller, 'admin of zone root');
  }
  if (!hasRole(caller, operation.who.role)) throw lacksRole(nameFor(operation, channel), caller, operation.who.role);
}
