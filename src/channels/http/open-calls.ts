/** Calls behind which no operation stands: health, metrics, the API document; as that document tells them (files.md §12). */
import { z } from 'zod';
import type { OwnCall } from './own-calls.ts';

const json = (schema: z.ZodType): { readonly 'application/json': z.ZodType } => ({ 'application/json': schema });
const text = z.string();
const EXPOSITION = { 'text/plain': z.string() };

const summary = z.looseObject({
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'starting']),
  healthy: z.boolean(),
  service: z.literal('nexus'),
  version: text,
  node: text,
  region: text.nullable(),
  enforce_permissions: z.boolean(),
  enforce_zone_isolation: z.boolean(),
  has_auth: z.boolean(),
  nodes: z.array(
    z.looseObject({ id: text, region: text.nullable(), version: text, status: text, last_seen: text.nullable() }),
  ),
  healthy_nodes: z.array(text),
});
const component = z.looseObject({ status: text, latency_ms: z.number().optional(), detail: text.optional() });
const detailed = summary.extend({ components: z.record(z.string(), component) });
const features = z.looseObject({
  profile: z.enum(['embedded', 'cloud']),
  mode: z.enum(['standalone', 'cluster']),
  version: text,
  enabled_bricks: z.array(text),
  disabled_bricks: z.array(text),
  rate_limit_enabled: z.boolean(),
  performance_tuning: z.looseObject({}),
});
const figures = z.looseObject({
  counters: z.record(z.string(), z.number()),
  timings: z.record(z.string(), z.looseObject({})),
  gauges: z.record(z.string(), z.number()),
});

const get = (id: string, about: string, gives: OwnCall['gives']): OwnCall => ({
  id,
  method: 'GET',
  summary: about,
  status: 200,
  ...(gives ? { gives } : {}),
});

/** Where a server that cannot serve says so with the same body. */
const or503 = (call: OwnCall, about: string, schema: z.ZodType): OwnCall => ({
  ...call,
  others: { 503: { about, gives: json(schema), answers: { 'Retry-After': 'seconds, of a probe' } } },
});

const status = (word: string): z.ZodType => z.object({ status: z.literal(word) });

export const OPEN_CALLS: Readonly<Record<string, OwnCall>> = {
  '/health': or503(
    get('health.summary', 'State of this node, without credentials.', json(summary)),
    'It cannot serve',
    summary,
  ),
  '/health/detailed': or503(
    get('health.detailed', 'The same with its components.', json(detailed)),
    'It cannot serve',
    detailed,
  ),
  '/healthz': get('health.probe', 'The process answers.', json(status('ok'))),
  '/healthz/live': get('health.live', 'The process turns.', json(status('alive'))),
  '/healthz/ready': or503(
    get('health.ready', 'The server serves.', json(status('ready').and(z.object({ uptime_seconds: z.number() })))),
    'Not yet, or no longer',
    z.object({ status: z.literal('not_ready'), pending_phases: z.array(text) }),
  ),
  '/healthz/startup': or503(
    get('health.startup', 'The server has started.', json(status('started'))),
    'Not yet',
    status('starting'),
  ),
  '/api/v2/features': get('health.features', 'What this server has.', json(features)),
  '/metrics': {
    ...get('metrics.read', 'Metrics as JSON or as the exposition of Prometheus, by `format`, else by Accept.', {
      ...json(figures),
      ...EXPOSITION,
    }),
    query: { format: 'json or prometheus' },
    faults: ['INVALID_PARAMS'],
  },
  '/metrics/prometheus': get('metrics.exposition', 'Metrics as the exposition of Prometheus.', EXPOSITION),
};

const documented = (call: OwnCall): OwnCall => ({ ...call, faults: ['RATE_LIMITED'] });

export const DOCUMENT_CALLS = {
  '/openapi.json': documented(get('document.openapi', 'This document.', json(z.looseObject({})))),
  '/docs': documented(get('document.page', 'The same to read.', { 'text/html': text })),
} as const satisfies Record<string, OwnCall>;

const rpcCall = z.looseObject({
  jsonrpc: z.literal('2.0').nullable().optional(),
  method: text,
  params: z.looseObject({}).nullable().optional(),
  id: z.union([text, z.number()]).nullable().optional(),
});
const rpcAnswer = z.looseObject({ jsonrpc: z.literal('2.0'), id: z.union([text, z.number()]).nullable() });

/** Of the JSON-RPC door, beside a path for each method. */
export const RPC_CALLS = {
  '/api/nfs/status': {
    ...get('rpc.status', 'The JSON-RPC door is there.', {
      ...json(z.object({ status: z.literal('running'), service: z.literal('nexus'), version: text })),
    }),
    keyed: true,
    rpc: true,
  },
  '/api/nfs': {
    id: 'rpc.call',
    method: 'POST',
    summary: 'Call a method that the body names, or several in an array, one after the other.',
    keyed: true,
    status: 200,
    takes: json(z.union([rpcCall, z.array(rpcCall).min(1)])),
    gives: json(z.union([rpcAnswer, z.array(rpcAnswer)])),
    rpc: true,
  },
} as const satisfies Record<string, OwnCall>;
