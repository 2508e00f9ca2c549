/**
 * Whether a feature is open to a caller (infrastructure.md §6): its row is enabled, the role reaches far enough, and the
 * server's switch is on. Guarantees: the row is read at each question, so a change holds from the next one on; what nobody
 * knows, and a row with an unknown role, is open to nobody.
 */
import { FLAGS, type FlagName, type Switches } from '../../../core/call/switches.ts';
import { type Caller, ROLES } from '../../../core/operation.ts';
import type { Tx } from '../../../ports/sql.ts';
import { hasRole } from '../credentials.ts';
import { type FlagRow, findFlag } from './flags.sql.ts';

export const isFlagName = (name: string): name is FlagName => FLAGS.some((known) => known === name);

export const reaches = (caller: Caller, { min_role }: Pick<FlagRow, 'min_role'>): boolean => {
  const role = ROLES.find((known) => known === min_role);
  return role !== undefined && hasRole(caller, role);
};

export const isSwitchedOn = (name: string, switches: Switches): boolean => isFlagName(name) && switches[name];

export async function isOpen(
  tx: Tx,
  name: string,
  { caller, switches }: { readonly caller: Caller; readonly switches: Switches },
): Promise<boolean> {
  // The switch is known without a look at the database.
  if (!isSwitchedOn(name, switches)) return false;
  const flag = await findFlag(tx, name);
  return flag !== undefined && flag.enabled === 1 && reaches(caller, flag);
}
