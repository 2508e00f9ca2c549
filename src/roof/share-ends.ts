/**
 * The end of shares with subjects that are no more. Guarantees: which ones stands in rows that were written with the end of
 * the subject, and each ends in a transaction of the zone that shared it, so a pass that is broken off is carried on.
 */
import { endingHosts, endShares } from '../features/access/housekeeping.operations.ts';
import type { CollectParts } from './collect.ts';

/** One pass; gives the number of shares that ended. */
export async function endNoted({ step, signal }: Pick<CollectParts, 'step' | 'signal'>): Promise<number> {
  let shares = 0;
  for (let hosts = await step(endingHosts, 'root', {}); hosts.length > 0; hosts = await step(endingHosts, 'root', {})) {
    for (const host of hosts) {
      if (signal.aborted) return shares;
      shares += (await step(endShares, host, {})).ended;
    }
  }
  return shares;
}
