/** What the server and its threads say to each other. All of it is plain data. */
import type { FaultWire } from '../base/faults.ts';
import type { Demand } from '../core/call/outside.ts';
import type { JobMove } from '../core/call/told.ts';
import type { EndedSpan } from '../core/call/tracing.ts';
import type { CallContext } from '../core/operation.ts';
import type { Decisions } from '../features/access/grant-cache.ts';
import type { SqlStats } from '../ports/sql.ts';

/** `writer`: all writes of the embedded engine; `reader`: long reads. */
export type ThreadRole = 'writer' | 'reader';

export type ThreadJob =
  | {
      readonly kind: 'call';
      readonly operation: string;
      readonly ready: unknown;
      readonly context: CallContext;
      readonly tracestate: string | undefined;
    }
  | { readonly kind: 'stats' }
  | { readonly kind: 'close' };

export interface ThreadCall {
  readonly id: number;
  readonly job: ThreadJob;
}

export interface ThreadAnswer {
  readonly id: number;
  readonly output?: unknown;
  readonly fault?: FaultWire;
  /** What the call needs of a store before it can run. */
  readonly demand?: Demand;
  /** Stack of an error that is no fault. */
  readonly error?: string;
}

export type ThreadMessage =
  | { readonly kind: 'ready' }
  /** Instead of it: what is to be opened is out of reach for now, and the thread has ended. */
  | { readonly kind: 'refused'; readonly fault: FaultWire }
  | { readonly kind: 'answers'; readonly answers: readonly ThreadAnswer[] }
  | { readonly kind: 'told'; readonly moves: readonly JobMove[] }
  | { readonly kind: 'span'; readonly span: EndedSpan }
  | { readonly kind: 'broken'; readonly reason: string };

export interface ThreadStats extends SqlStats {
  readonly hits: number;
  readonly misses: number;
  readonly sets: number;
  readonly size: number;
  readonly decisions: Decisions;
}
