/** Routes that need no credentials: health, probes, features, metrics (files.md §12). They cost the database little. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../base/faults.ts';
import { enterTrace, readTracestate } from '../../base/trace-context.ts';
import type { OpenSpan } from '../../core/call/tracing.ts';
import { endpointOf as routeOf } from './audit-marks.ts';
import type { DoorOptions } from './door.ts';
import { metricsForm } from './metrics-form.ts';
import { OPEN_CALLS } from './open-calls.ts';
import { one } from './request.ts';
import { rpcMethods } from './rpc-methods.ts';
import { markTrace, traceIdOf } from './trace-id.ts';

/** They take requests without a look at their credential, and as many as come. */
const optionsOf = (path: string) => {
  const call = OPEN_CALLS[path];
  if (!call) throw new Error(`nothing is said of ${path}`);
  return { config: { open: true, exempt: true, calls: [call] } };
};

const EXPOSITION = 'text/plain; version=0.0.4; charset=utf-8';

export function addOpenRoutes(app: FastifyInstance, door: DoorOptions): void {
  const { health } = door;
  for (const [path, look] of [
    ['/health', health.summary],
    ['/health/detailed', health.detailed],
  ] as const) {
    app.get(path, optionsOf(path), async (request, reply) => {
      const body = await look();
      const serves = body.status !== 'unhealthy' && body.status !== 'starting';
      return (serves ? reply : markTrace(request, reply.code(503))).send(body);
    });
  }
  app.get('/healthz', optionsOf('/healthz'), async () => ({ status: 'ok' }));
  app.get('/healthz/live', optionsOf('/healthz/live'), async () => ({ status: 'alive' }));
  app.get('/healthz/ready', optionsOf('/healthz/ready'), async (request, reply) => {
    const pending_phases = await health.readiness();
    if (pending_phases.length === 0) return { status: 'ready', uptime_seconds: health.uptimeSeconds() };
    return markTrace(request, reply.code(503)).header('retry-after', '1').send({ status: 'not_ready', pending_phases });
  });
  app.get('/healthz/startup', optionsOf('/healthz/startup'), async (request, reply) => {
    if (health.pendingPhases().includes('listen'))
      return markTrace(request, reply.code(503)).header('retry-after', '1').send({ status: 'starting' });
    return { status: 'started' };
  });
  app.get('/api/v2/features', optionsOf('/api/v2/features'), async () => health.features());
  app.get('/metrics', optionsOf('/metrics'), async (request, reply) => {
    const { format } = request.query as { format?: string };
    const form = metricsForm({
      format,
      accept: one(request.headers, 'accept'),
      authorization: one(request.headers, 'authorization'),
    });
    return sendMetrics(door, reply.header('vary', 'Accept, Authorization'), form);
  });
  app.get('/metrics/prometheus', optionsOf('/metrics/prometheus'), async (_request, reply) =>
    sendMetrics(door, reply, 'prometheus'),
  );
}

async function sendMetrics(door: DoorOptions, reply: FastifyReply, form: 'json' | 'prometheus'): Promise<FastifyReply> {
  const figures = await door.health.figures();
  if (form === 'json') return reply.send(door.metrics.json(figures));
  return reply.header('content-type', EXPOSITION).send(await door.metrics.exposition(figures));
}

/** Counts requests, and refuses more at once than the server is made for. */
export function addAccounting(app: FastifyInstance, door: DoorOptions): void {
  const maximum = door.server.limits.REQUESTS_IN_FLIGHT;
  let inFlight = 0;
  app.addHook('onRequest', (request, reply, done) => {
    const began = performance.now();
    const { lasting, mayLast } = request.routeOptions.config;
    let counts = lasting ? 0 : 1;
    inFlight += counts;
    const lasts = (): void => {
      inFlight -= counts;
      counts = 0;
    };
    if (mayLast) request.lasts = lasts;
    door.metrics.requestBegan();
    if (door.tracing) {
      const [traceparent, tracestate] = [one(request.headers, 'traceparent'), one(request.headers, 'tracestate')];
      request.span = door.tracing.begin(request.method, 'server', traceparent);
      const given = readTracestate({ traceparent, tracestate });
      enterTrace({ traceparent: request.span.traceparent, tracestate: given, request_id: request.id });
    }
    // Emitted once, when the answer is out or the client is gone, whichever comes first.
    reply.raw.on('close', () => {
      if (!request.goesOn) lasts();
      account(request, reply, { door, seconds: (performance.now() - began) / 1000 });
    });
    if (inFlight <= maximum || isProbe(request.url)) {
      done();
      return;
    }
    const message = `More than ${maximum} requests are being served; try again`;
    done(new Fault('UNAVAILABLE', message, { limit: 'REQUESTS_IN_FLIGHT', maximum }));
  });
}

interface Served {
  readonly door: DoorOptions;
  readonly seconds: number;
}

function account(request: FastifyRequest, reply: FastifyReply, { door, seconds }: Served): void {
  const status = reply.raw.statusCode;
  const endpoint = endpointOf(request);
  if (status === 429) door.metrics.count('rate.limited');
  door.metrics.requestEnded({ method: request.method, status, endpoint, seconds });
  const caller = request.arrival?.caller;
  if (request.span) endSpan(request, request.span, status);
  door.server.log(status >= 500 ? 'error' : 'info', 'http.request', {
    request_id: request.id,
    call_id: request.id,
    zone: caller?.zone_id,
    api_key_id: caller?.key_id ?? undefined,
    method: request.method,
    endpoint,
    status,
    duration_ms: Math.round(seconds * 1000),
    trace_id: status >= 500 ? traceIdOf(request) : request.span?.trace_id,
    span_id: request.span?.span_id,
  });
}

/** Named like the route, by its template. */
function endSpan(request: FastifyRequest, span: OpenSpan, status: number): void {
  const name = request.routeOptions.url === undefined ? request.method : routeOf(request);
  const failed = request.failed ?? (status >= 500 ? String(status) : undefined);
  span.end({
    name,
    failed,
    attributes: {
      'http.request.method': request.method,
      'http.route': name.slice(request.method.length + 1),
      'http.response.status_code': status,
      'nexus.request_id': request.id,
      'nexus.zone': request.arrival?.caller?.zone_id ?? '',
    },
  });
}

/** An operator has to see an overloaded server. */
const isProbe = (url: string): boolean => /^\/(health|metrics)/.test(url);

/** The route template, or the RPC method where it is one; never what a client made up. */
function endpointOf(request: FastifyRequest): string {
  const route = request.routeOptions.url;
  if (route === undefined) return 'unknown';
  const { method } = (request.params ?? {}) as { method?: string };
  if (route === '/api/nfs/:method') return method !== undefined && rpcMethods.has(method) ? method : 'unknown';
  return route;
}
