/** Which modes a caller may use (infrastructure.md §2). */
import { MODES, type Mode } from '../../core/call/tokens.ts';
import type { Caller } from '../../core/operation.ts';
import { hasRole } from './credentials.ts';

/** `rawMode` is the switch of the whole server. */
export function modesOf(caller: Caller, rawMode: boolean): readonly Mode[] {
  const allowed: Readonly<Record<Mode, boolean>> = {
    PUBLIC: hasRole(caller, 'operator'),
    RAW: rawMode && caller.raw_mode_enabled && hasRole(caller, 'researcher'),
  };
  return MODES.filter((mode) => allowed[mode]);
}
