/**
 * Spans by the OpenTelemetry SDK, to a collector by OTLP over HTTP. Loaded only where an endpoint is configured. Guarantees:
 * a stop waits for the collector no longer than {@link FLUSH_MS}.
 */
import { type Context, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { readTraceparent } from '../../base/trace-context.ts';
import { SpanQueue } from './span-queue.ts';

const FLUSH_MS = 2_000;
/** Milliseconds that one batch may take. */
const EXPORT_MS = 5_000;

export interface OtlpOptions {
  /** `/v1/traces` is added where it has no path. */
  readonly endpoint: string;
  /** Of the service. */
  readonly name: string;
  readonly version: string;
  readonly dropped: (spans: number) => void;
  readonly failed: (reason: string) => void;
}

type Attributes = Readonly<Record<string, string | number>>;

interface Facts {
  readonly name?: string;
  readonly attributes: Attributes;
  readonly failed?: string | undefined;
}

export function openOtlp(options: OtlpOptions) {
  const exporter = new OTLPTraceExporter({ url: tracesUrl(options.endpoint), timeoutMillis: EXPORT_MS });
  const queue = new SpanQueue({ ...options, exporter });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.name, 'service.version': options.version }),
    spanProcessors: [queue],
  });
  const tracer = provider.getTracer('nexus', options.version);
  return {
    begin: (name: string, kind: 'server' | 'consumer', parent: string | undefined) => {
      const spanKind = kind === 'server' ? SpanKind.SERVER : SpanKind.CONSUMER;
      const span = tracer.startSpan(name, { kind: spanKind }, contextOf(parent));
      const { traceId: trace_id, spanId: span_id, traceFlags } = span.spanContext();
      return {
        trace_id,
        span_id,
        traceparent: `00-${trace_id}-${span_id}-${traceFlags.toString(16).padStart(2, '0')}`,
        end: ({ name: known, attributes, failed }: Facts): void => {
          if (known !== undefined) span.updateName(known);
          span.setAttributes(attributes);
          if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failed });
          span.end();
        },
      };
    },
    note: ({ name, parent, began, ended, attributes, failed }: Facts & Noted): void => {
      const span = tracer.startSpan(name, { startTime: began, attributes }, contextOf(parent));
      if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failed });
      span.end(ended);
    },
    close: async (): Promise<void> => {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, FLUSH_MS);
      await Promise.race([queue.forceFlush(), late]);
      await Promise.race([queue.shutdown(), late]);
      clearTimeout(timer);
    },
  };
}

interface Noted {
  readonly name: string;
  readonly parent: string;
  readonly began: number;
  readonly ended: number;
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

function contextOf(parent: string | undefined): Context {
  const known = readTraceparent(parent);
  if (!known) return ROOT_CONTEXT;
  const { trace_id: traceId, span_id: spanId, flags } = known;
  const remote: SpanContext = { traceId, spanId, traceFlags: flags & 1, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, remote);
}
