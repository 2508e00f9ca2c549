/** What a node tells of jobs: counters, times and gauges in both forms of the metrics, and a line of the log for each move. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readExposition, type Samples } from '../../../test/exposition.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { JsonMetrics } from '../../core/metrics.ts';
import type { TaskObject } from '../../features/jobs/task-object.ts';

interface Line {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

forEachEngine('jobs are told of', (engine) => {
  let server: TestServer;
  const lines: Line[] = [];
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: { NEXUS_WORKER_POLL_SECONDS: '0.1' },
      log: (level, event, fields) => lines.push({ level, event, fields }),
    });
  });
  afterAll(() => server.stop());

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await server.http(path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'x-request-id': 'told-1' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as T;
  }
  const submit = (body: object): Promise<TaskObject> => call('POST', '/api/v2/scheduler/submit', body);
  const echo = (payload: object, more: object = {}) =>
    submit({ executor: 'nexus', task_type: 'echo', payload, backoff_seconds: [0.05], ...more });
  const end = (id: string): Promise<TaskObject> => call('GET', `/api/v2/scheduler/task/${id}?wait_seconds=60`);
  const json = (): Promise<JsonMetrics> => call('GET', '/metrics?format=json');
  const scrape = async (): Promise<Samples> =>
    readExposition(await (await fetch(`${server.url}/metrics/prometheus`)).text());
  const of = (id: string): string[] =>
    lines.filter(({ fields }) => fields.job_id === id).map(({ level, event }) => `${level} ${event}`);
  async function until<T>(look: () => T | false | Promise<T | false>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test('one that fails, is tried again and succeeds, by its type', async () => {
    const before = await json();
    const grown = async () => {
      const { counters } = await json();
      const names = ['submitted', 'succeeded', 'failed', 'retried', 'cancelled', 'recovered'];
      return names.map((name) => (counters[`jobs.${name}`] ?? 0) - (before.counters[`jobs.${name}`] ?? 0));
    };
    const { id } = await echo({ value: 1, fail_attempts: 1 });
    await end(id);
    expect(await grown()).toEqual([1, 1, 0, 1, 0, 0]);
    expect(of(id)).toEqual([
      'info job.submitted',
      'info job.started',
      'warn job.retry',
      'info job.started',
      'info job.succeeded',
    ]);
    const by = {
      zone: 'root',
      job_type: 'echo',
      request_id: 'told-1',
      call_id: 'told-1',
      api_key_id: expect.any(String),
    };
    const own = lines.filter(({ fields }) => fields.job_id === id).map(({ fields }) => fields);
    for (const line of own) expect(line).toMatchObject(by);
    expect(own[2]).toMatchObject({
      attempt: 1,
      duration_ms: expect.any(Number),
      next_run_at: expect.stringMatching(/Z$/),
      err: 'Attempt 1 of 1 that were to fail',
    });
    expect(own[3]).toMatchObject({ attempt: 2, worker_name: expect.any(String) });
    expect(own[4]).not.toHaveProperty('value');
    const [{ claimed_by } = {}] = (await end(id)).attempts ?? [];
    expect(own.map(({ worker_name }) => worker_name)).toEqual([undefined, ...Array(4).fill(claimed_by)]);
    const dead = await echo({ value: 1, fail_attempts: 9 }, { max_attempts: 1 });
    await end(dead.id);
    expect(of(dead.id).at(-1)).toBe('error job.failed');
    expect(lines.findLast(({ fields }) => fields.job_id === dead.id)?.fields).toMatchObject({
      worker_name: claimed_by,
    });
    const never = await echo({ value: 1 }, { delay_seconds: 1000 });
    await call('POST', `/api/v2/scheduler/task/${never.id}/cancel`);
    expect(await grown()).toEqual([3, 1, 1, 1, 1, 0]);
    const { timings } = await json();
    expect(timings['job.echo.ms']).toMatchObject({ count: 3, avg_ms: expect.any(Number), p95_ms: expect.any(Number) });
    expect(timings['job.wait.ms']?.count).toBe(3);
    const samples = await scrape();
    expect(samples.get('nexus_jobs_submitted_total')).toBe(3);
    expect(samples.get('nexus_jobs_retried_total')).toBe(1);
    expect(samples.get('nexus_job_duration_seconds_count{job_type="echo"}')).toBe(3);
    expect(samples.get('nexus_job_wait_seconds_count{job_type="echo"}')).toBe(3);
    for (const [status, n] of [
      ['succeeded', 1],
      ['failed', 1],
      ['cancelled', 1],
    ] as const) {
      expect(samples.get(`nexus_jobs_finished_total{job_type="echo",status="${status}"}`)).toBe(n);
    }
  });

  test('names of clients are no labels, and a lost lease is told with its holder', async () => {
    const { id } = await submit({ executor: 'outside', task_type: 'made-up', backoff_seconds: [0] });
    await call('POST', '/api/v2/scheduler/claim', { executor: 'outside', worker: 'w1' });
    await server.sql.write('root', (tx) => tx.run('UPDATE jobs SET lease_until = 1 WHERE job_id = ?', [id]));
    await until(() => of(id).includes('warn lease.recovered'));
    expect((await json()).counters['jobs.recovered']).toBe(1);
    const { tasks } = await call<{ tasks: TaskObject[] }>('POST', '/api/v2/scheduler/claim', { executor: 'outside' });
    await call('POST', `/api/v2/scheduler/task/${id}/complete`, { fencing_token: tasks[0]!.attempt });
    await call('POST', `/api/v2/scheduler/task/${id}/complete`, { fencing_token: tasks[0]!.attempt });
    const samples = await scrape();
    expect(samples.get('nexus_jobs_finished_total{job_type="other",status="succeeded"}')).toBe(1);
    expect([...samples.keys()].filter((key) => key.includes('made-up'))).toEqual([]);
  });

  test('gauges are what the database has, without what the server does by itself', async () => {
    const waiting = await Promise.all([1, 2].map((n) => submit({ executor: 'nobody', task_type: `${n}` })));
    const { id } = await submit({ executor: 'some', task_type: 't', backoff_seconds: [1000] });
    const claimed = { executor: 'some', lease_seconds: 3600 };
    await call('POST', '/api/v2/scheduler/claim', claimed);
    const gauges = async () => {
      const { gauges: all } = await json();
      return ['jobs.queued', 'jobs.running', 'jobs.retry_wait', 'workers.active'].map((name) => all[name]);
    };
    expect(await gauges()).toEqual([2, 1, 0, 1]);
    await call('POST', `/api/v2/scheduler/task/${id}/fail`, { fencing_token: 1, error: 'no' });
    expect(await gauges()).toEqual([2, 0, 1, 1]);
    const samples = await scrape();
    expect(samples.get('nexus_jobs_queued')).toBe(2);
    expect(samples.get('nexus_jobs_retry_wait')).toBe(1);
    expect(samples.get('nexus_workers_active')).toBe(1);
    for (const one of [...waiting, { id }]) await call('POST', `/api/v2/scheduler/task/${one.id}/cancel`);
    expect(await gauges()).toEqual([0, 0, 0, 1]);
  });

  test('what the server does by itself is no figure, and no line while it goes well', async () => {
    const passes = await until(() =>
      server.sql.read(async (tx) => {
        const done = await tx.all<{ job_id: string }>(
          "SELECT job_id FROM jobs WHERE door = 'house' AND status = 'succeeded'",
        );
        return done.length > 0 && done;
      }),
    );
    for (const { job_id } of passes) expect(of(job_id)).toEqual([]);
  });

  test('a defect is told by the id of the request that submitted the job, and logged with it', async () => {
    const { id } = await echo({ value: 1 }, { delay_seconds: 0.5, max_attempts: 1 });
    await server.sql.write('root', (tx) => tx.run("UPDATE jobs SET payload = '{' WHERE job_id = ?", [id]));
    const defect = () => lines.find(({ event, fields }) => event === 'internal.error' && fields.job_id === id);
    await expect.poll(defect, { timeout: 20_000 }).toMatchObject({
      level: 'error',
      fields: {
        request_id: 'told-1',
        zone: 'root',
        job_type: 'echo',
        attempt: 1,
        err: expect.stringContaining('JSON'),
      },
    });
    const ERROR = 'SELECT error FROM jobs WHERE job_id = ?';
    const failed = () => server.sql.read((tx) => tx.get(ERROR, [id]));
    await expect.poll(failed, { timeout: 20_000 }).toEqual({ error: 'Internal error (told-1)' });
  });
});

test.each([
  ['true', ['worker.started', 'worker.draining', 'worker.stopped']],
  ['false', []],
])('a server whose own worker is %s tells %j of it', async (NEXUS_EMBEDDED_WORKER, expected) => {
  const told: string[] = [];
  const log = (_level: string, event: string) => event.startsWith('worker.') && told.push(event);
  const server = await startTestServer({ environment: { NEXUS_EMBEDDED_WORKER }, log });
  await server.stop();
  expect(told).toEqual(expected);
});
