/** What a call holds against those of other nodes while it is at work outside. Guarantee: whoever dies holds nothing for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { INTENT_MS, renewIntent } from './mount-steps.operations.ts';
import type { OutsideParts } from './outside-parts.ts';
import { heldTooLong } from './path-turns.ts';

const HELD_WAIT_MS = 25;
const HELD_MOST_MS = 30_000;

/** Tries until it gives something: undefined is that somebody else has it. */
export async function unlessHeld<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let waited = 0; waited < HELD_MOST_MS; waited += HELD_WAIT_MS) {
    const given = await attempt();
    if (given !== undefined) return given;
    await sleep(HELD_WAIT_MS);
  }
  throw heldTooLong();
}

/** Says that it is still at work, until what this gives is called. */
export function hold({ step }: Pick<OutsideParts, 'step'>, zone_id: string, intent_id: string): () => void {
  const renewing = setInterval(() => {
    step(renewIntent, zone_id, { intent_id }).catch(() => undefined);
  }, INTENT_MS / 3);
  return () => clearInterval(renewing);
}
