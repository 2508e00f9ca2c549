/** What the event loop and a computing thread (src/compute-thread.ts) say to each other. Plain data. */
import type { FaultWire } from '../base/faults.ts';

export type ComputeAsk =
  /** Answered by one `output`. */
  | { readonly kind: 'run'; readonly id: number; readonly task: string; readonly input: unknown }
  /** Answered by nothing, as long as it can be begun. */
  | { readonly kind: 'open'; readonly id: number; readonly task: string; readonly input: unknown }
  /** Answered by a `piece`, or by `done`. */
  | { readonly kind: 'next'; readonly id: number }
  /** No more pieces are wanted. */
  | { readonly kind: 'end'; readonly id: number };

export type ComputeAnswer = { readonly id: number } & (
  | { readonly kind: 'output'; readonly output: unknown }
  | { readonly kind: 'piece'; readonly piece: unknown }
  | { readonly kind: 'done' }
  | { readonly kind: 'fault'; readonly fault: FaultWire }
  /** A defect: its stack. */
  | { readonly kind: 'error'; readonly error: string }
);
