/** Traces, where a collector is configured for them; else there is nothing, and nothing is loaded. */
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import type { Config } from '../config.ts';
import type { Tracing } from '../core/call/tracing.ts';

export interface OpenTracing extends Tracing {
  /** Sends what is left, for as long as a stop may take. */
  close(): Promise<void>;
}

interface TracingParts {
  readonly log: Log;
  /** Told of spans that were lost. */
  readonly dropped: (spans: number) => void;
}

export async function openTracing(
  { OTLP_ENDPOINT: endpoint, APP_NAME: name }: Config,
  { log, dropped }: TracingParts,
): Promise<OpenTracing | undefined> {
  if (endpoint === '') return undefined;
  const { openOtlp } = await import('../engines/otlp/otlp-tracing.ts');
  const failed = (err: string): void => log('warn', 'otel.export_failed', { err });
  return openOtlp({ endpoint, name, version: VERSION, dropped, failed });
}
