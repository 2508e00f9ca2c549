/** Backups as calls use them: places by their texts, and the restore of the whole server. */
import { Fault, invalidParams } from '../../base/faults.ts';
import type { Config } from '../../config.ts';
import type { BackupDesk } from '../../core/call/backups.ts';
import type { Depot, DepotUse } from '../../ports/depot.ts';
import { checkDestination, defaultDestination, openDepot, probeDepot } from './depots.ts';

const said = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** What the port says of a store that does not answer is of the blobs. */
function saidOf(destination: string, thrown: unknown): string {
  if (!(thrown instanceof Fault) || thrown.data.reason !== 'blobs') return said(thrown);
  const asked = /[?&]endpoint=/.test(destination) ? '' : '; it names no endpoint, so Amazon was asked';
  return `${destination} is out of reach${destination.startsWith('s3:') ? asked : ''}`;
}

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

/** UPSTREAM_FAILED, with the words of the place. */
export async function openReachable(config: Config, destination: string, use: DepotUse): Promise<Depot> {
  try {
    return await openDepot(config, destination, use);
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw new Fault('UPSTREAM_FAILED', `The destination ${destination} cannot be reached: ${said(thrown)}`);
  }
}
