/** What a call tells of beside its answer, once it has committed: for figures and log of the node. Plain data. */

export interface JobMove {
  readonly move: 'submitted' | 'started' | 'succeeded' | 'failed' | 'retried' | 'cancelled' | 'recovered';
  readonly job_id: string;
  readonly job_type: string;
  readonly zone: string;
  readonly attempt: number;
  readonly request_id: string;
  /** Of the key that submitted it. */
  readonly key_id: string | null;
  readonly worker_name: string | undefined;
  /** Of the job, from then on. */
  readonly status: string;
  /** Of the span that submitted it. */
  readonly traceparent: string | undefined;
  /** A job of the server itself. */
  readonly house: boolean;
  /** Milliseconds from the time at which it could start to its start. */
  readonly wait_ms?: number;
  /** Milliseconds of the attempt that ended. */
  readonly duration_ms?: number;
  readonly next_run_at?: string;
  readonly err?: string | undefined;
}

export type Told = (moves: readonly JobMove[]) => void;
