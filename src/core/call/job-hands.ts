/** The hands of this node: jobs that a call lets run at once. */

/** A place at this node's worker that waits for a job which is still to be queued. */
export interface Offer {
  readonly worker_id: string;
  readonly leaseMs: number;
  /** Types of which no job is next: what they are for is off. */
  readonly without: readonly string[];
}

export interface JobHands {
  /** Name under which they hold jobs. */
  readonly worker_id: string;
  /** Milliseconds for which they have one without renewing that. */
  readonly leaseMs: number;
  /** A place among those that run at a time and are waited for, given back by the function; undefined where there is none. */
  reserve(): (() => void) | undefined;
  /** Runs a job that was claimed for them; resolves when its attempt has ended. */
  run(job: { readonly zone_id: string; readonly job_id: string }): Promise<void>;
  /** A place for a job of this type; undefined where there is none. Each has to be answered. */
  offer(type: string): Offer | undefined;
  /** What came of an offer: a job, which runs if it was claimed for the worker, or nothing. */
  answer(offer: Offer, job: { readonly zone_id: string; readonly job_id: string } | undefined): void;
}
