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

/** What is told to others of a span. */
interface AtHand {
  readonly traceparent: string;
  /** Of the request that it belongs to; of a job, of the one that submitted it. */
  readonly request_id: string;
}

const atHand = new AsyncLocalStorage<AtHand>();

/** Does the work as a part of a span, if there is one. */
export const inTrace = <T>({ traceparent, request_id }: Traceable, work: () => T): T =>
  traceparent === undefined ? work() : atHand.run({ traceparent, request_id }, work);

interface Traceable {
  readonly traceparent?: string | undefined;
  readonly request_id: string;
}

/** What follows in this turn, and in what it begins, is a part of a span. */
export const enterTrace = (one: AtHand): void => atHand.enterWith(one);

/** Headers of a request that goes out, with W3C Baggage; empty where nothing is traced. */
export function traceHeader(): { readonly traceparent?: string; readonly baggage?: string } {
  const one = atHand.getStore();
  if (!one) return {};
  return { traceparent: one.traceparent, baggage: `nexus.request_id=${encodeURIComponent(one.request_id)}` };
}
