/** What a worker has in hand, and what it has still to tell of. */
import type { Ending } from '../../features/jobs/queue.ts';

export interface Run {
  readonly type: string;
  readonly zone_id: string;
  readonly attempt: number;
  readonly abort: AbortController;
  readonly lane: 'slot' | 'handed' | 'house';
  readonly settled: () => void;
}

/** Runs with the ids of their jobs. */
export type InHand = readonly (readonly [string, Run])[];

/** What the database has to be told, and who waits until it has been. */
export interface Ended extends Ending {
  readonly settled: () => void;
}
