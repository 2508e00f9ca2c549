/**
 * Looks for agents that are no longer heard of, and for messages whose time is over. Guarantees: a lapse is told within 15
 * seconds, once on however many nodes, since it stands in rows what is still to be told; while nobody may have lapsed
 * a look is one statement for each of the two.
 */
import type { Log } from '../base/log.ts';
import { ageAgents, dueAgents, expireMessages } from '../features/agents/ageing.operations.ts';
import type { RunStep } from './system.ts';

export interface Ageing {
  stop(): Promise<void>;
}

/** platform.md §1.2 gives 15 s. */
const LOOK_EVERY_MS = 5_000;

export function startAgeing({ step, log }: { readonly step: RunStep; readonly log: Log }): Ageing {
  const stopping = new AbortController();
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= ageOnce(step, stopping.signal)
      .catch((thrown: unknown) => {
        log('warn', 'agents.ageing-failed', { err: thrown instanceof Error ? thrown.stack : String(thrown) });
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

/** One look at all zones. */
export async function ageOnce(step: RunStep, signal: AbortSignal): Promise<void> {
  const { lapses, messages } = await step(dueAgents, 'root', {});
  for (const zone_id of lapses) while (!signal.aborted && (await step(ageAgents, zone_id, {})).left);
  for (const zone_id of messages) while (!signal.aborted && (await step(expireMessages, zone_id, {})).left);
}
