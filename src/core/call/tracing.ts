/**
 * Spans as the program sees them (infrastructure.md §12). Nothing is loaded, made or measured for them unless somebody gave
 * the server a {@link Tracing}; a call is traced where its context has a `traceparent`.
 */

export type Attributes = Readonly<Record<string, string | number>>;

/** A span that is over. Plain data: it crosses threads. */
export interface EndedSpan {
  readonly name: string;
  /** W3C Trace Context, `traceparent`. */
  readonly parent: string;
  /** Milliseconds since 1970, with fractions. */
  readonly began: number;
  readonly ended: number;
  readonly attributes: Attributes;
  /** Code of the fault with which it failed. */
  readonly failed?: string | undefined;
}

export interface OpenSpan {
  readonly traceparent: string;
  readonly trace_id: string;
  readonly span_id: string;
  end(facts: { readonly name?: string; readonly attributes: Attributes; readonly failed?: string | undefined }): void;
}

export interface Tracing {
  /** A span that begins now. A parent that is none, or is no `traceparent`, begins a trace. */
  begin(name: string, kind: 'server' | 'consumer', parent: string | undefined): OpenSpan;
  note(span: EndedSpan): void;
}

/** Now, by the clock that spans are measured with. */
export const spanTime = (): number => performance.timeOrigin + performance.now();

/** The ids of a `traceparent`, for log lines. */
export function traceIds(traceparent: string | undefined | null): { trace_id?: string; span_id?: string } {
  if (!traceparent) return {};
  const [, trace_id = '', span_id = ''] = traceparent.split('-');
  return { trace_id, span_id };
}
