/** Long computation on plain data, beside the event loop. */

/** A computation by its name; what goes in and comes out crosses threads. Listed in features/corpus/tasks.ts. */
export interface Task<I, O> {
  readonly name: string;
  readonly compute: (input: I) => O | Promise<O>;
}

export interface Computing {
  /** Runs it in a thread of its own kind; rejects with the reason of the signal once that is aborted. */
  run<I, O>(task: Task<I, O>, input: I, signal?: AbortSignal): Promise<O>;
}
