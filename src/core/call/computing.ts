/**
 * Long computation on plain data, beside the event loop. Inputs, outputs and pieces cross threads: what a structured
 * clone takes. Nothing is kept between two computations.
 */

/** A computation by its name, listed in features/corpus/tasks.ts or features/files/tasks.ts. */
export interface Task<I, O> {
  readonly name: string;
  readonly compute: (input: I) => O | Promise<O>;
  /** Buffers of an input that its caller gives away; all else is copied. */
  readonly takes?: (input: I) => readonly ArrayBuffer[];
  /** Of those with the same turn one is computed at a time: the others let those of other turns go first. */
  readonly turn?: (input: I) => string;
}

/** One whose answer comes in pieces, in order. Each should be of some ten milliseconds: others wait for it. */
export interface StreamTask<I, P> {
  readonly name: string;
  readonly pieces: (input: I) => Iterable<P>;
  readonly takes?: (input: I) => readonly ArrayBuffer[];
}

/**
 * Computations fail with the Fault they throw, with the reason of the signal once that is aborted, and with UNAVAILABLE
 * where their thread is gone: `data.reason` is `memory` where they took more than they may, `died` where a defect ended it.
 */
export interface Computing {
  /** Aborted, it is ended wherever it is. */
  run<I, O>(task: Task<I, O>, input: I, signal?: AbortSignal): Promise<O>;
  /** Computes at most two pieces ahead of whoever takes them. Leaving the loop ends it. */
  stream<I, P>(task: StreamTask<I, P>, input: I, signal?: AbortSignal): AsyncIterable<P>;
}

/** Bytes of text, or UTF-16 units, up to which a computation is done where it is: some twenty milliseconds at most. */
export const AT_ONCE_BYTES = 64 * 1024;
