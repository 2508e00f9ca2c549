/** Backups as calls use them: places by their texts, and the restore of the whole server. */
import { Fault, invalidParams } from '../../base/faults.ts';
import type { Config } from '../../config.ts';
import type { BackupDesk } from '../../core/call/backups.ts';
import type { Depot, DepotUse } from '../../ports/depot.ts';
import { checkDestination, defaultDestination, openDepot, probeDepot } from './depots.ts';
import { isAway, naming, saidOf, unreachable } from './destination.ts';

export const backupDesk = (
  config: Config,
  { restore, ...zones }: Pick<BackupDesk, 'restore' | 'exportZone' | 'importZone'>,
): BackupDesk => ({
  ...zones,
  destination: defaultDestination(config),
  probe: async (destination) => {
    checkDestination(destination);
    try {
      const depot = await openDepot(config, destination, 'keep');
      await probeDepot(depot).finally(() => depot.close());
    } catch (thrown) {
      throw invalidParams({ path: 'destination', message: `cannot be used: ${saidOf(destination, thrown)}` });
    }
  },
  open: (destination) => openReachable(config, destination, 'look'),
  restore,
});

/** It names the place where that fails, from here on too: UPSTREAM_FAILED. */
export async function openReachable(config: Config, destination: string, use: DepotUse): Promise<Depot> {
  try {
    return naming(destination, await openDepot(config, destination, use));
  } catch (thrown) {
    throw thrown instanceof Fault && !isAway(thrown) ? thrown : unreachable(destination, thrown);
  }
}
