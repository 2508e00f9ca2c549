/**
 * The end of keys whose time is over. They stop working by themselves (access.md §2); a month later, in which they can still be
 * given another end, they are revoked, so that they no longer count among the keys that their zone may have.
 */
import { endedKeyZones, revokeEndedKeys } from '../features/access/housekeeping.operations.ts';
import type { CollectParts } from './collect.ts';

const KEPT_MS = 30 * 86_400_000;

/** One pass; gives the number of keys that it revoked. */
export async function revokeEndedLongAgo({
  step,
  signal,
  clock,
}: Pick<CollectParts, 'step' | 'signal' | 'clock'>): Promise<number> {
  const before = clock.now() - KEPT_MS;
  let revoked = 0;
  for (const zone_id of await step(endedKeyZones, 'root', { before })) {
    for (let slice = 1; slice > 0 && !signal.aborted; revoked += slice) {
      ({ revoked: slice } = await step(revokeEndedKeys, zone_id, { before }));
    }
  }
  return revoked;
}
