/** How a worker works. */

export interface WorkerSettings {
  /** In front of its id; empty is none. */
  readonly name: string;
  readonly kind: 'process' | 'embedded';
  readonly slots: number;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly drainMs: number;
  /** Claims no more than so many. */
  readonly maxJobs: number;
  /** Claims jobs of the queue, and is listed; else it has only what it is handed. */
  readonly claims: boolean;
  /** Does what the server does by itself, a few of these jobs at a time beside the others. */
  readonly keepsHouse: boolean;
}
