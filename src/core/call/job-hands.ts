/** The hands of this node: jobs that a call lets run at once, and waits for. */
export interface JobHands {
  /** Name under which they hold jobs. */
  readonly worker_id: string;
  /** Milliseconds for which they have one without renewing that. */
  readonly leaseMs: number;
  /** A place among those that run at a time, given back by the function; undefined where there is none. */
  reserve(): (() => void) | undefined;
  /** Runs a job that was claimed for them; resolves when its attempt has ended. */
  run(job: { readonly zone_id: string; readonly job_id: string }): Promise<void>;
}
