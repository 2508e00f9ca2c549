/**
 * W3C Trace Context. What goes out to others says of which trace it is: whoever sends it lies behind ports that know nothing of
 * calls, so the span of the call at hand is kept beside the call, as long as it is traced.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** §3.2: version, ids in lower-case hex of which neither is all zeros, flags. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

export interface TraceContext {
  readonly trace_id: string;
  readonly span_id: string;
  readonly flags: number;
}

/** undefined: it is none. */
export function readTraceparent(text: string | undefined): TraceContext | undefined {
  const [, trace_id, span_id, flags = ''] = TRACEPARENT.exec(text ?? '') ?? [];
  return trace_id === undefined || span_id === undefined
    ? undefined
    : { trace_id, span_id, flags: Number.parseInt(flags, 16) };
}

const atHand = new AsyncLocalStorage<string>();

/** Does the work as a part of a span. */
export const inTrace = <T>(traceparent: string | undefined, work: () => T): T =>
  traceparent === undefined ? work() : atHand.run(traceparent, work);

/** What follows in this turn, and in what it begins, is a part of a span. */
export const enterTrace = (traceparent: string): void => atHand.enterWith(traceparent);

/** Header of a request that goes out; empty where nothing is traced. */
export function traceHeader(): { readonly traceparent?: string } {
  const traceparent = atHand.getStore();
  return traceparent === undefined ? {} : { traceparent };
}
