/**
 * What a server tells of itself is what docs/metrics.md says: every metric and every log line of a server that was used in
 * many ways, checked by Prometheus's own program.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { LogLevel } from '../src/base/log.ts';
import { LOG_EVENTS, LOG_FIELDS } from '../src/base/log-events.ts';
import { allMetrics, COUNTS, GAUGES } from '../src/core/metric-table.ts';
import { readExposition } from './exposition.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from './harness.ts';
import { promtool } from './promtool.ts';

/** Milliseconds that a busy machine may take. */
const SLOW = 15_000;

interface Json {
  readonly counters: Readonly<Record<string, number>>;
  readonly timings: Readonly<Record<string, { readonly count: number }>>;
  readonly gauges: Readonly<Record<string, number>>;
}

/** As the table names it. */
const inTable = (name: string): string => name.replace(/^(nexus_http_status_)\d{3}(_total)$/, '$1<code>$2');

forEachEngine('figures and log lines', (engine) => {
  let server: TestServer;
  const lines: Record<string, unknown>[] = [];
  /** Calls that were refused for their role. */
  let denied = 0;
  beforeAll(async () => {
    const log = (level: LogLevel, event: string, fields: object): void => {
      lines.push({ ...fields, level, event });
    };
    server = await startTestServer({ engine, log, environment: { NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE: '5' } });
  });
  afterAll(() => server.stop());

  const json = async (): Promise<Json> => (await (await fetch(`${server.url}/metrics`)).json()) as Json;
  const exposition = async (): Promise<string> => (await fetch(`${server.url}/metrics/prometheus`)).text();
  const submit = (body: object) =>
    server.http('/api/v1/jobs/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ job_type: 'echo', execution_mode: 'sync', ...body }),
    });

  test('nothing was counted before the first request, which is not in its own answer', async () => {
    const { counters, timings, gauges } = await json();
    expect([counters, timings]).toEqual([{}, {}]);
    expect(gauges['db.pool.size']).toBeGreaterThan(0);
    await vi.waitFor(async () => expect((await json()).counters['http.status.200']).toBeGreaterThan(0), SLOW);
  });

  test('every kind of call is counted under its key', async () => {
    const viewer = await server.addKey({ role: 'viewer' });
    await server.ok('write', { path: '/a', content: 'x' });
    await submit({ payload: { value: 1 } });
    await submit({ payload: { value: 1, fail_attempts: 1 }, max_attempts: 1 });
    await submit({ job_type: 'made-up-by-a-client', max_attempts: 2 });
    await server.http('/api/v1/jobs', { headers: { authorization: 'Bearer nobody-has-this-key' } });
    // As many as it takes to be refused for the rate, which on a slow machine are more than the five of a minute.
    let status = 0;
    for (denied = 0; status !== 429; denied += Number(status === 403)) {
      status = (await server.http('/api/v1/workers', { headers: { authorization: `Bearer ${viewer}` } })).status;
    }
    await server.http('/no/such/place');
    const expected = {
      'jobs.submitted': 3,
      'jobs.started': 3,
      'jobs.succeeded': 1,
      'jobs.failed': 1,
      'jobs.retried': 1,
      'auth.failure': 1,
      'auth.denied': denied,
      'rate.limited': 1,
      'http.status.401': 1,
      'http.status.403': denied,
      'http.status.429': 1,
      'http.status.404': 1,
    };
    // A request is counted when its connection has it all, which a client may know a moment earlier.
    await vi.waitFor(async () => expect((await json()).counters).toMatchObject(expected), SLOW);
    const { counters, timings, gauges } = await json();
    expect(counters['auth.success']).toBeGreaterThan(5);
    expect(Object.keys(timings).sort()).toEqual(['http.request.ms', 'job.echo.ms', 'job.other.ms', 'job.wait.ms']);
    const known = new Set<string>(Object.keys(GAUGES).concat(Object.keys(allMetrics())));
    expect(Object.keys(gauges).filter((key) => !known.has(key))).toEqual([]);
    expect(Object.keys(GAUGES).filter((key) => !(key in gauges))).toEqual([]);
  });

  test('the exposition has the metrics of the table, with its labels, and promtool has nothing to say', async () => {
    const text = await exposition();
    expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind]) => [inTable(name), kind]);
    const types = [...new Map(told.map((one) => [String(one), one])).values()];
    const table = allMetrics();
    const never = new Set(
      Object.keys(COUNTS).filter((key) => !/^(auth|rate)|jobs\.(sub|start|succ|fail|ret)/.test(key)),
    );
    const expected = Object.entries(table)
      .filter(([, { json: key, kind }]) => !(kind === 'counter' && key !== undefined && never.has(key)))
      .map(([name, { kind }]) => [name, kind]);
    expect(types.sort()).toEqual(expected.sort());
    for (const status of [200, 401, 403, 404, 429]) {
      const samples = readExposition(text);
      const by = [...samples].filter(
        ([key]) => key.startsWith('http_requests_total{') && key.includes(`status="${status}"`),
      );
      const all = by.reduce((sum, [, n]) => sum + n, 0);
      expect([status, samples.get(`nexus_http_status_${status}_total`)]).toEqual([status, all]);
    }
    for (const [, name = '', labels = ''] of text.matchAll(/^(\w+?)(?:_bucket|_sum|_count)?\{(.*)\} /gm)) {
      const used = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
      expect([name, used.sort()]).toEqual([name, [...(table[name]?.labels ?? [])].sort()]);
    }
  });

  test('every line has an event and fields of the table, and the level of the table', () => {
    expect(lines.length).toBeGreaterThan(20);
    for (const { level, event, ...fields } of lines) {
      const [usual] = LOG_EVENTS[event as keyof typeof LOG_EVENTS] ?? [];
      if (event !== 'http.request' && event !== 'fault.cause') expect([event, level]).toEqual([event, usual]);
      expect([event, Object.keys(fields).filter((field) => !(field in LOG_FIELDS))]).toEqual([event, []]);
    }
    expect(JSON.stringify(lines)).not.toContain(ADMIN_KEY);
    const requests = lines.filter(({ event }) => event === 'http.request');
    expect(requests.filter(({ api_key_id }) => api_key_id !== undefined)[0]).toMatchObject({
      request_id: expect.any(String),
      zone: 'root',
      status: expect.any(Number),
      duration_ms: expect.any(Number),
    });
    for (const { request_id, call_id } of requests) expect(call_id).toBe(request_id);
    expect(lines.filter(({ event }) => event === 'job.retry')).toMatchObject([
      { job_type: 'made-up-by-a-client', status: 'retry_wait', attempt: 1, next_run_at: expect.any(String) },
    ]);
    const levels = (wanted: string) => lines.filter(({ event }) => event === wanted).map(({ level }) => level);
    expect(levels('auth.failure')).toEqual(['warn']);
    expect(levels('auth.denied')).toEqual(Array(denied).fill('warn'));
    expect(new Set(levels('auth.success'))).toEqual(new Set(['debug']));
  });
});

test('the line of a request is an error where the status is 5xx, that of a full zone too', async () => {
  const told: unknown[] = [];
  const server = await startTestServer({
    log: (level, event, { status }) => event === 'http.request' && told.push([status, level]),
  });
  await server.ok('zone_create', { zone_id: 'full', name: 'F', limits: { max_file_bytes: 4 } });
  const headers = { 'x-nexus-zone-id': 'full' };
  await server.http('/api/v2/files/a', { method: 'PUT', body: '12345', headers });
  await server.http('/api/v2/files/a', { headers });
  await vi.waitFor(
    () =>
      expect(told).toEqual(
        expect.arrayContaining([
          [507, 'error'],
          [404, 'info'],
        ]),
      ),
    SLOW,
  );
  await server.stop();
});

test('promtool would have something to say', () => {
  expect(promtool(['check', 'metrics'], '# TYPE a counter\na 1\n').code).not.toBe(0);
});
