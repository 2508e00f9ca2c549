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

/** §3.3.1: a key and what it says, in visible characters. */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MEMBERS = 32;
/** Characters that are sent on; of more, first those members go that are long, then the last. */
const STATE = 512;
const LONG = 128;

interface Given {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** What systems before this one say of a trace, to be sent on. undefined: nothing, or not in its form, or of no trace. */
export function readTracestate({ traceparent, tracestate }: Given): string | undefined {
  if (tracestate === undefined || !readTraceparent(traceparent)) return undefined;
  const members = tracestate.split(',').map((member) => member.trim());
  const said = members.filter((member) => member !== '');
  const keys = said.map((member) => MEMBER.exec(member)?.[1]);
  if (said.length > MEMBERS || keys.includes(undefined) || new Set(keys).size < keys.length) return undefined;
  return shortened(said) || undefined;
}

function shortened(members: readonly string[]): string {
  const whole = members.join();
  if (whole.length <= STATE) return whole;
  const kept = members.filter(({ length }) => length <= LONG);
  while (kept.join().length > STATE) kept.pop();
  return kept.join();
}

/** What is told to others of a span. */
interface AtHand {
  readonly traceparent: string;
  /** What others have said of the trace; of a job, which may be run at any time and anywhere, it is not kept. */
  readonly tracestate?: string | undefined;
  /** Of the request that it belongs to; of a job, of the one that submitted it. */
  readonly request_id: string;
}

const atHand = new AsyncLocalStorage<AtHand>();

/** Does the work as a part of a span, if there is one. */
export const inTrace = <T>({ traceparent, tracestate, request_id }: Traceable, work: () => T): T =>
  traceparent === undefined ? work() : atHand.run({ traceparent, tracestate, request_id }, work);

interface Traceable extends Pick<AtHand, 'tracestate' | 'request_id'> {
  readonly traceparent?: string | undefined;
}

/** For work that goes on in another thread. */
export const tracestateAtHand = (): string | undefined => atHand.getStore()?.tracestate;

/** What follows in this turn, and in what it begins, is a part of a span. */
export const enterTrace = (one: AtHand): void => atHand.enterWith(one);

type Sent = Readonly<Partial<Record<'traceparent' | 'tracestate' | 'baggage', string>>>;

/** Headers of a request that goes out, with W3C Baggage; empty where nothing is traced. */
export function traceHeader(): Sent {
  const one = atHand.getStore();
  if (!one) return {};
  const { traceparent, tracestate, request_id } = one;
  const baggage = `nexus.request_id=${encodeURIComponent(request_id)}`;
  return { traceparent, ...(tracestate && { tracestate }), baggage };
}
