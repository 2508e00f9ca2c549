/** The scheduler's door: what it takes, in which order it gives tasks out, who sees them, and where it says no more. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { TaskObject } from './task-object.ts';

const ROOT = '/api/v2/scheduler';

interface Failure {
  readonly error?: { readonly code: string; readonly data: Record<string, unknown> };
}

forEachEngine('tasks', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: { NEXUS_EMBEDDED_WORKER: 'false', NEXUS_JOB_PAYLOAD_BYTES_MAX: '2000' },
    });
  });
  afterAll(() => server.stop());

  interface Asked {
    readonly key?: string;
    readonly agent?: string;
  }

  async function call<T>(method: string, path: string, body?: object, { key = ADMIN_KEY, agent }: Asked = {}) {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(agent ? { 'x-agent-id': agent } : {}),
    };
    const response = await server.http(ROOT + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status_code: response.status, ...((await response.json()) as T & Failure) };
  }
  const submit = (body: object, by?: Asked) =>
    call<TaskObject>('POST', '/submit', { executor: 'outside', task_type: 't', ...body }, by);
  const claim = async (body: object, by?: Asked): Promise<string[]> =>
    (await call<{ tasks: TaskObject[] }>('POST', '/claim', body, by)).tasks.map(({ id }) => id);
  const listed = async (query: string, by?: Asked): Promise<string[]> =>
    (await call<{ tasks: TaskObject[] }>('GET', `/tasks?${query}`, undefined, by)).tasks.map(({ id }) => id);

  test('words and numbers that are none are refused, and unknown fields are not', async () => {
    for (const wrong of [
      { priority: 'urgent' },
      { request_state: 'napping' },
      { boost: 3 },
      { boost: 0.5 },
      { max_attempts: 0 },
      { max_attempts: 11 },
      { backoff_seconds: [] },
      { backoff_seconds: [86_401] },
      { executor: '' },
      { task_type: 'x'.repeat(129) },
      { payload: [1] },
      { run_at: 'soon' },
      { run_at: '2030-01-01T00:00:00Z', delay_seconds: 1 },
      // Times whose years have not four digits.
      { delay_seconds: 1e12 },
      { delay_seconds: 1e300 },
      { run_at: '9999-12-31T23:00:00-05:00' },
      { deadline: '0000-01-01T00:00:00+05:00' },
    ]) {
      expect(await submit(wrong), JSON.stringify(wrong)).toMatchObject({
        status_code: 422,
        error: { code: 'INVALID_PARAMS' },
      });
    }
    for (const far of [{ delay_seconds: 1e11 }, { run_at: '9999-12-31T23:59:59.999Z' }]) {
      const { run_at } = await submit({ ...far, executor: 'spare' });
      expect(run_at).toMatch(/^[5-9]\d{3}-/);
    }
    expect(await submit({ surplus: true, executor: 'spare' })).toMatchObject({ status_code: 201, status: 'queued' });
    // A text of more than 1 MiB goes to the disk where contents of files are taken, and not here.
    expect(await submit({ payload: { text: 'x'.repeat(1_100_000) } })).toMatchObject({
      error: { code: 'LIMIT_EXCEEDED', data: { limit: 'JOB_PAYLOAD_BYTES' } },
    });
    expect(await submit({ payload: { text: 'x'.repeat(2_000) } })).toMatchObject({
      status_code: 400,
      error: { code: 'LIMIT_EXCEEDED', data: { limit: 'JOB_PAYLOAD_BYTES', maximum: 2_000 } },
    });
  });

  test('the higher tier starts first, a boost is worth one, and waiting is too', async () => {
    const executor = 'ordered';
    const ids: Record<string, string> = {};
    for (const [name, more] of Object.entries({
      low: { priority: 'low' },
      normal: {},
      lifted: { priority: 'low', request_state: 'io_wait' },
      boosted: { priority: 'best_effort', boost: 2 },
      critical: { priority: 'critical' },
      later: { priority: 'critical', delay_seconds: 600 },
      high: { priority: 'high' },
    })) {
      ids[name] = (await submit({ executor, ...more })).id;
    }
    // It has waited for four minutes: two tiers.
    const aged = (await submit({ executor, priority: 'low' })).id;
    await server.sql.write('root', (tx) => tx.run('UPDATE jobs SET run_at = run_at - 250000 WHERE job_id = ?', [aged]));
    const wanted = [ids.critical, aged, ids.high, ids.normal, ids.lifted, ids.boosted, ids.low];
    expect(await claim({ executor, max: 3 })).toEqual(wanted.slice(0, 3));
    expect(await claim({ executors: [executor, 'nobody'], max: 100 })).toEqual(wanted.slice(3));
    expect(await claim({ executor, max: 1 })).toEqual([]);
  });

  test('a caller sees and takes his own; the agent that a task is for takes it; an admin all', async () => {
    const ada = { key: await server.addKey({ subject: 'ada' }) };
    const bob = { key: await server.addKey({ subject: 'bob' }) };
    const viewer = { key: await server.addKey({ subject: 'ada', role: 'viewer' }) };
    const own = (await submit({ executor: 'shared' }, ada)).id;
    const forAgent = (await submit({ executor: 'shared' }, { ...ada, agent: 'helper' })).id;
    const bobs = (await submit({ executor: 'shared' }, bob)).id;
    expect((await listed('executor=shared', ada)).sort()).toEqual([own, forAgent].sort());
    expect(await listed('executor=shared', { ...ada, agent: 'helper' })).toEqual([forAgent]);
    expect((await listed('executor=shared', viewer)).sort()).toEqual([own, forAgent].sort());
    expect(await listed('executor=shared', bob)).toEqual([bobs]);
    expect(await listed('executor=shared')).toHaveLength(3);
    expect(await listed('executor=shared', { agent: 'helper' })).toEqual([forAgent]);
    expect(await call('GET', `/task/${bobs}`, undefined, ada)).toMatchObject({
      status_code: 404,
      error: { code: 'TASK_NOT_FOUND' },
    });
    expect(await call('POST', `/task/${bobs}/cancel`, {}, ada)).toEqual({
      status_code: 200,
      cancelled: false,
      task_id: bobs,
    });
    expect((await submit({}, viewer)).status_code).toBe(403);
    expect((await claim({ executor: 'shared', max: 9 }, ada)).sort()).toEqual([own, forAgent].sort());
    expect(await claim({ executor: 'shared', max: 9 })).toEqual([bobs]);
    // The holder of a lease sees what he holds.
    const held = { fencing_token: 1 };
    expect(await call('POST', `/task/${bobs}/complete`, held)).toMatchObject({ status: 'completed', result: null });
    expect(await call('POST', `/task/${bobs}/complete`, held)).toMatchObject({ status_code: 200, status: 'completed' });
    expect(await call('POST', `/task/${bobs}/fail`, { ...held, error: 'x' })).toMatchObject({
      status_code: 409,
      error: { data: { reason: 'LEASE_LOST' } },
    });
  });

  test('a list goes on where it ended, newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await submit({ executor: 'paged' })).id);
    const page = await call<{ tasks: TaskObject[]; next_cursor: string; has_more: boolean }>(
      'GET',
      '/tasks?executor=paged&limit=3',
    );
    expect([page.tasks.map(({ id }) => id), page.has_more]).toEqual([ids.toReversed().slice(0, 3), true]);
    expect(await listed(`executor=paged&limit=3&cursor=${page.next_cursor}`)).toEqual(ids.toReversed().slice(3));
    expect((await call('GET', '/tasks?cursor=foreign')).error?.code).toBe('INVALID_CURSOR');
    expect((await call('GET', '/tasks?limit=0')).error?.code).toBe('INVALID_PARAMS');
  });

  test('a zone has no more unfinished jobs than its limit, and room again when one ends', async () => {
    await server.addZone('tight', { max_jobs_queued: 2 });
    const key = await server.addKey({ zone_id: 'tight', role: 'admin' });
    const [first] = [await submit({}, { key }), await submit({}, { key })];
    expect(await submit({}, { key })).toMatchObject({
      status_code: 507,
      error: { code: 'QUOTA_EXCEEDED', data: { quota: 'max_jobs_queued', limit: 2, used: 2 } },
    });
    const queued = async () => (await server.ok('zone_get', { zone_id: 'tight' })).usage.jobs_queued;
    expect(await queued()).toBe(2);
    await call('POST', `/task/${first.id}/cancel`, {}, { key });
    expect(await queued()).toBe(1);
    expect((await submit({}, { key })).status_code).toBe(201);
    expect(await call('GET', '/metrics', undefined, { key })).toMatchObject({
      queue_by_class: { interactive: 0, batch: 2, background: 0 },
      queued: 2,
      running: 0,
      cancelled: 1,
      delayed: 0,
      by_executor: { outside: 2 },
      use_hrrn: false,
    });
  });

  test('a claim that waits is answered by a submit', async () => {
    const waiting = claim({ executor: 'awaited', wait_seconds: 30 });
    const { id } = await submit({ executor: 'awaited' });
    expect(await waiting).toEqual([id]);
  });
});
