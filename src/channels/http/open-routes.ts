/** Routes that need no credentials: health, probes, features, metrics (files.md §12). They cost the database little. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { DoorOptions } from './door.ts';
import { metricsForm } from './metrics-form.ts';
import { OPEN_CALLS } from './open-calls.ts';
import { one } from './request.ts';
import { markTrace } from './trace-id.ts';

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
