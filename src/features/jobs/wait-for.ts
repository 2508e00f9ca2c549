/** Waiting for a change of jobs inside a call: by hints, and by looking. */
import type { BrickState } from '../../core/call/brick-state.ts';
import type { Streaming } from '../../core/operation.ts';

/** A hint may be lost, so a waiter looks by himself this often, in milliseconds; and not more often than the other. */
const LOOK_MS = 250;

type Waiting = Pick<Streaming, 'rings' | 'signal'> & { readonly bricks: Pick<BrickState, 'isOff'> };

interface Wait<T> {
  readonly seconds: number;
  readonly topic: string;
  /** What is there now. */
  look(): Promise<T>;
  isEnough(found: T): boolean;
}

/** Looks until it is enough, the seconds are over, or nobody is to wait any more; gives what was seen last. */
export async function waitFor<T>({ rings, signal, bricks }: Waiting, first: T, wait: Wait<T>): Promise<T> {
  const until = performance.now() + wait.seconds * 1000;
  let found = first;
  while (!wait.isEnough(found)) {
    const left = until - performance.now();
    if (left <= 0 || rings.stopped || signal.aborted || bricks.isOff('scheduler')) break;
    await rings.next(wait.topic, Math.min(left, LOOK_MS));
    if (!signal.aborted) found = await wait.look();
  }
  return found;
}
