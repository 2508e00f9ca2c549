/** Traces (infrastructure.md §12): one from a request through its job, in the log too; and a collector that is away. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { LogLevel } from '../src/base/log.ts';
import { SpanQueue } from '../src/engines/otlp/span-queue.ts';
import { forEachEngine, startTestServer, type TestServer } from './harness.ts';
import { startNexus } from './nexus-process.ts';
import { type Collector, type Span, startCollector } from './servers/otlp.ts';

/** Milliseconds that a busy machine may take. */
const SLOW = 15_000;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly [field: string]: unknown;
}

forEachEngine('traces', (engine) => {
  let server: TestServer;
  let collector: Collector;
  const lines: Line[] = [];
  beforeAll(async () => {
    collector = await startCollector();
    const log = (level: LogLevel, event: string, fields: object): void => {
      lines.push({ level, event, ...fields });
    };
    const environment = { NEXUS_OTLP_ENDPOINT: collector.url, NEXUS_APP_NAME: 'traced' };
    server = await startTestServer({ engine, environment, log });
  });
  afterAll(async () => {
    await server.stop();
    await collector.stop();
  });

  const submit = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    server.http('/api/v1/jobs/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const inTrace = (traceId: string): Span[] => collector.spans.filter((span) => span.traceId === traceId);

  test('a request, its transaction and each attempt of its job are one trace, below that of the caller', async () => {
    const answer = await submit(
      { job_type: 'echo', payload: { value: 1, fail_attempts: 1 }, max_attempts: 2 },
      { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-request-id': 'traced-1' },
    );
    expect(answer.status).toBe(200);
    const { job_id } = (await answer.json()) as { job_id: string };
    await vi.waitFor(() => expect(inTrace(TRACE).filter(({ name }) => name === 'job.execute')).toHaveLength(2), SLOW);
    const spans = inTrace(TRACE);
    const request = spans.find(({ name }) => name === 'POST /api/v1/jobs/submit');
    expect(request).toMatchObject({
      parentSpanId: CALLER,
      service: 'traced',
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/api/v1/jobs/submit',
        'http.response.status_code': 200,
        'nexus.request_id': 'traced-1',
        'nexus.zone': 'root',
      },
    });
    expect(spans.find(({ name }) => name === 'db.transaction')).toMatchObject({
      parentSpanId: request?.spanId,
      attributes: {
        'db.system.name': engine === 'sqlite' ? 'sqlite' : 'postgresql',
        'nexus.operation': 'job.submit',
        'nexus.statements': expect.any(Number),
      },
    });
    const attempts = spans.filter(({ name }) => name === 'job.execute');
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual([request?.spanId, request?.spanId]);
    expect(attempts.map(({ status }) => status)).toEqual([{ code: 2, message: 'BAD_REQUEST' }, { code: 0 }]);
    expect(attempts.map(({ attributes }) => attributes)).toMatchObject(
      [1, 2].map((attempt) => ({
        'nexus.job.id': job_id,
        'nexus.job.type': 'echo',
        'nexus.job.attempt': attempt,
        'nexus.worker': expect.stringContaining('-'),
        'nexus.request_id': 'traced-1',
      })),
    );
    expect(collector.paths).toEqual(new Set(['/v1/traces']));
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    }
    // The lines of the request and of its job say which trace they belong to.
    const told = lines.filter(({ request_id, level }) => request_id === 'traced-1' && level !== 'debug');
    const events = ['http.request', 'job.submitted', 'job.started', 'job.retry', 'job.started', 'job.succeeded'];
    expect(told.map(({ event }) => event).sort()).toEqual(events.sort());
    for (const line of told) expect(line).toMatchObject({ trace_id: TRACE, span_id: request?.spanId });
  });

  test('a call that fails has the code of its fault; a parent that is none begins a trace', async () => {
    const before = collector.spans.length;
    for (const traceparent of ['', 'rubbish', `00-${'0'.repeat(32)}-${CALLER}-01`, `ff-${TRACE}-${CALLER}-01`]) {
      await server.http('/api/v1/jobs/none-of-them', { headers: { traceparent } });
    }
    await server.http('/no/such/route');
    await vi.waitFor(
      () => expect(collector.spans.slice(before).filter(({ kind }) => kind === 2)).toHaveLength(5),
      SLOW,
    );
    const spans = collector.spans.slice(before).filter(({ kind }) => kind === 2);
    expect(spans.map(({ name }) => name)).toEqual([...Array(4).fill('GET /api/v1/jobs/{id}'), 'GET']);
    for (const span of spans) {
      expect(span.parentSpanId).toBeUndefined();
      expect(span.traceId).not.toBe(TRACE);
      expect(span.status).toEqual({ code: 2, message: 'NOT_FOUND' });
    }
  });

  test('a caller that does not sample is not traced', async () => {
    const traceId = 'a'.repeat(32);
    await server.http('/api/v1/jobs', { headers: { traceparent: `00-${traceId}-${CALLER}-00` } });
    await server.http('/api/v1/jobs', { headers: { traceparent: `00-${'b'.repeat(32)}-${CALLER}-01` } });
    await vi.waitFor(() => expect(inTrace('b'.repeat(32))).not.toEqual([]), SLOW);
    expect(inTrace(traceId)).toEqual([]);
  });

  test('each run of a plugin is a span below its analysis: the request, or the attempt of the job', async () => {
    await server.ok('write', { path: '/traced.md', content: 'We hope' });
    const post = (path: string, body: object, traceId: string) =>
      server.http(`/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${CALLER}-01` },
        body: JSON.stringify(body),
      });
    await post('/ingest/batch', { source_paths: ['nexus:///traced.md'] }, 'c'.repeat(32));
    const { documents } = (await (await server.http('/api/v1/documents')).json()) as { documents: { id: string }[] };
    const asked = { document_id: documents[0]?.id, layers: ['token', 'syntax'], plugin_profile: 'ml_first' };
    const ways = [
      ['d'.repeat(32), 'POST /api/v1/analyze', asked],
      ['e'.repeat(32), 'job.execute', { ...asked, execution_mode: 'async' }],
    ] as const;
    for (const [traceId, parent, body] of ways) {
      expect((await post('/analyze', body, traceId)).status).toBe(200);
      const runs = () => inTrace(traceId).filter(({ name }) => name === 'plugin.run');
      await vi.waitFor(() => {
        expect(runs()).toHaveLength(2);
        expect(inTrace(traceId).some(({ name }) => name === parent)).toBe(true);
      }, SLOW);
      const below = inTrace(traceId).find(({ name }) => name === parent)?.spanId;
      const run = { 'nexus.plugin': 'deterministic', 'nexus.outcome': 'ok' };
      expect(runs()).toMatchObject(
        ['token', 'syntax'].map((layer) => ({ parentSpanId: below, attributes: { ...run, 'nexus.layer': layer } })),
      );
    }
  });

  test('a collector that takes nothing costs spans, which are counted and told of, and no request', async () => {
    collector.answerWith(400);
    const dropped = async (): Promise<number> => {
      const metrics = await (await server.http('/metrics?format=json')).json();
      return (metrics as { counters: Record<string, number> }).counters['otel.dropped'] ?? 0;
    };
    expect(await dropped()).toBe(0);
    expect((await submit({ job_type: 'echo', payload: { value: 2 } })).status).toBe(200);
    await vi.waitFor(async () => expect(await dropped()).toBeGreaterThan(0), SLOW);
    const told = lines.filter(({ event }) => event === 'otel.export_failed');
    expect(told).toEqual([{ level: 'warn', event: 'otel.export_failed', err: expect.any(String) }]);
  });
});

test('what ends while the collector is silent waits up to a bound, and what is left at a stop is counted', async () => {
  let dropped = 0;
  const exporter = { export: () => undefined, shutdown: async () => undefined };
  const queue = new SpanQueue({ exporter, dropped: (n) => (dropped += n), failed: () => undefined });
  const span = {} as Parameters<SpanQueue['onEnd']>[0];
  // The first batch is under way and is never answered.
  for (let n = 0; n < 512 + 4_096 + 3; n++) queue.onEnd(span);
  expect(dropped).toBe(3);
  await queue.shutdown();
  expect(dropped).toBe(3 + 4_096);
});

test('the SDK is loaded where an endpoint is set, and nowhere else', async () => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-traces-'));
  const hook = join(place, 'tell.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
registerHooks({ load: (url, context, next) => {
  if (url.includes('@opentelemetry/sdk')) appendFileSync(process.env.NEXUS_TEST_LOADED, url + '\\n');
  return next(url, context);
} });`,
  );
  const loaded = async (name: string, more: Readonly<Record<string, string>>): Promise<boolean> => {
    const seen = join(place, name);
    const env = { NODE_OPTIONS: `--import ${hook}`, NEXUS_TEST_LOADED: seen, NEXUS_LOG_LEVEL: 'error', ...more };
    const line = ['serve', '--port', '0', '--data', join(place, `data-${name}`)];
    const { child, ended, said } = startNexus(line, { cwd: place, env, fromSource: true });
    await said(/listening/);
    child.kill();
    await ended;
    return existsSync(seen);
  };
  expect(await loaded('without', {})).toBe(false);
  expect(await loaded('with', { NEXUS_OTLP_ENDPOINT: 'http://127.0.0.1:9' })).toBe(true);
  rmSync(place, { recursive: true });
}, 60_000);

test('a stop waits for a silent collector no longer than it has to', async () => {
  const silent = await startCollector();
  silent.answerWith(0);
  const server = await startTestServer({ environment: { NEXUS_OTLP_ENDPOINT: silent.url } });
  await server.http('/api/v1/jobs');
  await server.stop();
  expect(silent.spans).toEqual([]);
  await silent.stop();
}, 20_000);
