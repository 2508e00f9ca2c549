/** A call that may be asked for again (workflows.md §1.3). Plain data: it crosses threads. */
export interface Repeat {
  /** Name of the operation: its answer is what is kept, and not what the steps gave that it was prepared with. */
  readonly operation: string;
  /** Stands for caller, operation and key. */
  readonly call_id: string;
  /** Stands for what was asked. */
  readonly asked: string;
}
