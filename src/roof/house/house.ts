/**
 * Sees to it that what the server has to do by itself is on the queue. Guarantees: it looks at rows, so nothing is missed
 * whoever was killed when; while there is nothing to do it writes nothing.
 */
import { performance } from 'node:perf_hooks';
import { checkSteps } from '../../core/operations.ts';
import { endingHosts } from '../../features/access/housekeeping.operations.ts';
import { BACKUP_JOB } from '../../features/backups/backups.operations.ts';
import { backupDue } from '../../features/backups/steps.operations.ts';
import { CONTENT_CHECK } from '../../features/content/check.operations.ts';
import { waitingForIndex } from '../../features/files/search/indexing.operations.ts';
import { SEARCH_INDEX } from '../../features/files/search/reindex.ts';
import {
  inheritHousework,
  missingHousework,
  planHousework,
  queueHousework,
} from '../../features/jobs/house.operations.ts';
import type { Housework } from '../../features/jobs/queue.ts';
import { freeUploads } from '../../features/uploads/house.operations.ts';
import { terminatingZones } from '../../features/zones/sweep.operations.ts';
import { finishRemovals } from '../collect.ts';
import { type HouseParts, passes, SHARE_ENDS, ZONE_DELETION } from './types.ts';

export interface House {
  stop(): Promise<void>;
}

/** How often it looks. */
const TICK_MS = 1_000;
/** How often it looks whether stored contents are to be read again. */
const CHECK_LOOK_MS = 60_000;
/** A content that could not be put into the index is tried again after so long. */
const INDEX_AGAIN_MS = 600_000;

/** `alone`: no other server has this database. */
export function startHouse(parts: HouseParts, alone: boolean): House {
  const stopping = new AbortController();
  const look = lookAround(parts);
  let prepared = false;
  const tick = async (): Promise<void> => {
    if (!prepared) await prepare(parts, { alone, signal: stopping.signal });
    prepared = true;
    const jobs = await look();
    if (jobs.length > 0) await parts.step(queueHousework, 'root', { jobs });
  };
  let ticking: Promise<void> | undefined;
  const begin = (): void => {
    ticking ??= tick()
      .catch((thrown: unknown) => {
        if (!stopping.signal.aborted) parts.log('warn', 'house.failed', { err: thrown });
      })
      .finally(() => {
        ticking = undefined;
      });
  };
  const timer = setInterval(begin, TICK_MS);
  begin();
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await ticking;
    },
  };
}

async function prepare(
  parts: HouseParts,
  how: { readonly alone: boolean; readonly signal: AbortSignal },
): Promise<void> {
  if (how.alone) {
    const { alone } = await parts.step(inheritHousework, 'root', {});
    await parts.step(freeUploads, 'root', {});
    if (alone) await finishRemovals({ ...parts, signal: how.signal }, true);
  }
  await parts.step(planHousework, 'root', { jobs: passes(parts) });
}

/** Gives what is to be done and is not on the queue. */
function lookAround({ step, contents, backups: { destination } }: HouseParts): () => Promise<readonly Housework[]> {
  /** What waited for the index when a job was queued for it; what waits still when that has ended could not be indexed. */
  let known = '';
  let afreshAt = performance.now() + INDEX_AGAIN_MS;
  let checkAt = 0;
  return async () => {
    if (performance.now() >= afreshAt) {
      known = '';
      afreshAt = performance.now() + INDEX_AGAIN_MS;
    }
    const zones = await step(terminatingZones, 'root', {});
    const waiting = (await step(waitingForIndex, 'root', {})).join();
    const wanted: Housework[] = zones.map((zone_id) => ({ type: ZONE_DELETION, zone_id }));
    if (waiting !== '' && waiting !== known) wanted.push({ type: SEARCH_INDEX });
    if ((await step(endingHosts, 'root', {})).length > 0) wanted.push({ type: SHARE_ENDS });
    if (await step(backupDue, 'root', { destination })) wanted.push({ type: BACKUP_JOB });
    if (performance.now() >= checkAt) {
      checkAt = performance.now() + CHECK_LOOK_MS;
      if (await step(checkSteps.due, 'root', { days: contents.days })) wanted.push({ type: CONTENT_CHECK });
    }
    if (wanted.length === 0) return [];
    const { jobs } = await step(missingHousework, 'root', { jobs: wanted });
    if (jobs.some(({ type }) => type === SEARCH_INDEX)) known = waiting;
    return jobs;
  };
}
