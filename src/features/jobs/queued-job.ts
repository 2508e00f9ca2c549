/** A job as its type sees it when it is queued. */
import type { Switches } from '../../core/call/switches.ts';
import type { Caller } from '../../core/operation.ts';

/** Who is asked about flags whose answer is kept with a job. */
export interface Asker {
  readonly caller: Caller;
  readonly switches: Switches;
}

/** A job in the transaction that queues it. */
export interface QueuedJob<P> {
  readonly job_id: string;
  readonly payload: P;
  /** Undefined where nobody is there to be asked: a schedule queued it. */
  readonly asker: Asker | undefined;
}
