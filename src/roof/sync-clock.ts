/**
 * Pushes of mounts by the clock. Guarantees: what is due stands in rows and is queued in a transaction that looks again, so any
 * number of nodes may be at it; nothing is queued while the brick is off, or while there is nothing to push.
 */
import type { Log } from '../base/log.ts';
import type { BrickState } from '../core/call/brick-state.ts';
import { dueSyncs, pushByClock } from '../features/sync/job-steps.operations.ts';
import type { RunStep } from './system.ts';

export interface SyncClock {
  stop(): Promise<void>;
}

/** Intervals are whole seconds. */
const TICK_MS = 1_000;
const DUE_MOST = 100;

export interface SyncClockParts {
  readonly step: RunStep;
  readonly bricks: BrickState;
  readonly log: Log;
}

export function startSyncClock({ step, bricks, log }: SyncClockParts): SyncClock {
  const tick = async (): Promise<void> => {
    if (bricks.isOff('sync')) return;
    for (const { zone_id, mount_point } of await step(dueSyncs, 'root', { limit: DUE_MOST })) {
      await step(pushByClock, zone_id, { mount_point });
    }
  };
  let ticking: Promise<void> | undefined;
  const timer = setInterval(() => {
    ticking ??= tick()
      .catch((thrown: unknown) => {
        log('warn', 'sync.clock-failed', { err: thrown });
      })
      .finally(() => {
        ticking = undefined;
      });
  }, TICK_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await ticking;
    },
  };
}
