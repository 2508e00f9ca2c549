/** Which modes a caller may use (infrastructure.md §2), and the refusal of those that it may not. */
import { Fault } from '../../base/faults.ts';
import type { Switches } from '../../core/call/switches.ts';
import { MODES, type Mode } from '../../core/call/tokens.ts';
import type { Caller } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { hasRole } from './credentials.ts';
import { isOpen } from './flags/flags.ts';

interface Asking {
  readonly caller: Caller;
  readonly switches: Switches;
  /** The flag of the mode RAW was open when the caller submitted a job, which holds for it; else it is asked now. */
  readonly rawOpen?: boolean;
}

const MAY: Readonly<Record<Mode, (tx: Tx, asking: Asking) => boolean | Promise<boolean>>> = {
  PUBLIC: (_tx, { caller }) => hasRole(caller, 'operator'),
  RAW: (tx, asking) =>
    asking.caller.raw_mode_enabled &&
    hasRole(asking.caller, 'researcher') &&
    (asking.rawOpen || isOpen(tx, 'raw_mode', asking)),
};

/** In the order in which they are told. */
export async function modesOf(tx: Tx, asking: Asking): Promise<Mode[]> {
  const allowed: Mode[] = [];
  for (const mode of MODES) if (await MAY[mode](tx, asking)) allowed.push(mode);
  return allowed;
}

/** ACCESS_DENIED unless the caller may use the mode; a word that is none is nobody's. */
export async function requireMode(tx: Tx, word: string, asking: Asking): Promise<void> {
  const mode = MODES.find((known) => known === word);
  if (mode !== undefined && (await MAY[mode](tx, asking))) return;
  const { role } = asking.caller;
  const shown = word.slice(0, 64).toWellFormed();
  throw new Fault('ACCESS_DENIED', `Access denied: Role '${role}' is not allowed to execute mode '${shown}'`, {
    role,
    required_mode: shown,
  });
}
