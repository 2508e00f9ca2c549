/**
 * Pruning of what is older than its zone keeps (files.md §7). Guarantees: each zone is pruned in short transactions of
 * its own; one that fails, or ends meanwhile, keeps no other from its turn.
 */

import type { Log } from '../base/log.ts';
import { forgetAnswers } from '../features/answers/answers.operations.ts';
import { forgetJobs } from '../features/corpus/corpus.housekeeping.ts';
import { eventTrim } from '../features/events/trim.operations.ts';
import { pruneTree, pruneZone } from '../features/files/history/retention.operations.ts';
import { forgetWorkers, prunableZones, pruneJobs } from '../features/jobs/worker-steps.operations.ts';
import { activeZones } from '../features/zones/sweep.operations.ts';
import type { RunStep } from './system.ts';

export interface PruneParts {
  readonly step: RunStep;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** One pass over the logs of all zones, of which events are kept for so many days; gives the number of events that went. */
export async function trimEvents(parts: PruneParts, days: number): Promise<number> {
  return inEachZone(parts, async (zone_id) => {
    let trimmed = 0;
    for (let left = true; left && !parts.signal.aborted; ) {
      const step = await parts.step(eventTrim, zone_id, { days });
      trimmed += step.trimmed;
      left = step.left;
    }
    return trimmed;
  });
}

/** One pass over all zones; gives the number of states that went. */
export const pruneZones = (parts: PruneParts): Promise<number> =>
  inEachZone(parts, (zone_id) => pruneZone((input) => parts.step(pruneTree, zone_id, input), parts.signal));

/** Answers of one transaction. */
const ANSWERS_SLICE = 1_000;

/** Gives the number of answers that went. */
export async function pruneAnswers({ step, signal }: Pick<PruneParts, 'step' | 'signal'>): Promise<number> {
  let forgotten = 0;
  for (let last = ANSWERS_SLICE; last === ANSWERS_SLICE && !signal.aborted; forgotten += last) {
    last = await step(forgetAnswers, 'root', { limit: ANSWERS_SLICE });
  }
  return forgotten;
}

/** Finished jobs that are older, and workers that were last heard of long ago; gives the number of jobs that went. */
export async function pruneFinishedJobs({ step, signal }: PruneParts, older_than_ms: number): Promise<number> {
  await step(forgetWorkers, 'root', {});
  let pruned = 0;
  for (const zone_id of await step(prunableZones, 'root', { older_than_ms })) {
    for (let left = true; left && !signal.aborted; ) {
      const slice = await step(pruneJobs, zone_id, { older_than_ms });
      pruned += slice.pruned;
      left = slice.left;
    }
    if (!signal.aborted) await step(forgetJobs, zone_id, {});
  }
  return pruned;
}

async function inEachZone(
  { step, signal, log }: PruneParts,
  prune: (zone_id: string) => Promise<number>,
): Promise<number> {
  let pruned = 0;
  for (let after = ''; !signal.aborted; ) {
    const zones = await step(activeZones, 'root', { after });
    const last = zones.at(-1);
    if (last === undefined) break;
    for (const zone_id of zones) {
      try {
        pruned += await prune(zone_id);
      } catch (thrown) {
        log('warn', 'prune.zone-failed', {
          zone: zone_id,
          err: thrown,
        });
      }
    }
    after = last;
  }
  return pruned;
}
