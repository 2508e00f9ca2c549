/**
 * Pruning of what is older than its zone keeps (files.md §7). Guarantees: each zone is pruned in short transactions of
 * its own; one that fails, or ends meanwhile, keeps no other from its turn.
 */

import type { Log } from '../base/log.ts';
import { pruneTree, pruneZone } from '../features/files/history/retention.operations.ts';
import { activeZones } from '../features/zones/sweep.operations.ts';
import type { RunStep } from './system.ts';

export interface PruneParts {
  readonly step: RunStep;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** One pass over all zones; gives the number of states that went. */
export async function pruneZones({ step, signal, log }: PruneParts): Promise<number> {
  let pruned = 0;
  for (let after = ''; !signal.aborted; ) {
    const zones = await step(activeZones, 'root', { after });
    const last = zones.at(-1);
    if (last === undefined) break;
    for (const zone_id of zones) {
      try {
        pruned += await pruneZone((input) => step(pruneTree, zone_id, input), signal);
      } catch (thrown) {
        log('warn', 'prune.zone-failed', { zone_id, err: thrown instanceof Error ? thrown.stack : String(thrown) });
      }
    }
    after = last;
  }
  return pruned;
}
