/**
 * Looks for agents that are no longer heard of, and for messages whose time is over. Guarantees: a lapse is told within 15
 * seconds, once on however many nodes, since it stands in rows what is still to be told; while nobody may have lapsed
 * a look is one statement for each of the two.
 */
import type { Log } from '../base/log.ts';
import type { BrickState } from '../core/call/brick-state.ts';
import { ageAgents, dueAgents, expireMessages } from '../features/agents/ageing.operations.ts';
import type { RunStep } from './system.ts';

export interface Ageing {
  stop(): Promise<void>;
}

/** platform.md §1.2 gives 15 s. */
const LOOK_EVERY_MS = 5_000;

export interface AgeingParts {
  readonly step: RunStep;
  readonly bricks: BrickState;
  readonly log: Log;
}

export function startAgeing({ step, bricks, log }: AgeingParts): Ageing {
  const stopping = new AbortController();
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= ageOnce(step, { signal: stopping.signal, beating: !bricks.isOff('agents') })
      .catch((thrown: unknown) => {
        log('warn', 'agents.ageing-failed', { err: thrown });
      })
      .finally(() => {
        looking = undefined;
      });
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await looking;
    },
  };
}

interface Looking {
  readonly signal: AbortSignal;
  /** Agents can be heard of. */
  readonly beating: boolean;
}

/** One look at all zones. Who cannot beat, since the brick is off, has not lapsed. */
export async function ageOnce(step: RunStep, { signal, beating }: Looking): Promise<void> {
  const { lapses, messages } = await step(dueAgents, 'root', {});
  for (const zone_id of beating ? lapses : []) while (!signal.aborted && (await step(ageAgents, zone_id, {})).left);
  for (const zone_id of messages) while (!signal.aborted && (await step(expireMessages, zone_id, {})).left);
}
