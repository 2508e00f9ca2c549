/** The jobs API (infrastructure.md §7): what it takes and refuses, in which words, what a list gives, and who sees what. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { JobObject } from './job-object.ts';

interface Answer extends Partial<JobObject> {
  readonly status_code: number;
  readonly detail?: string;
  readonly code?: string;
  readonly deduplicated?: boolean;
  readonly error?: { readonly code: string; readonly data: { readonly issues?: readonly { readonly path: string }[] } };
}
interface Listed {
  readonly jobs: readonly JobObject[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
}

forEachEngine('the jobs API', (engine) => {
  let server: TestServer;
  let operator: string;
  let viewer: string;
  beforeAll(async () => {
    const environment = { NEXUS_EMBEDDED_WORKER: 'false', NEXUS_JOB_PAYLOAD_BYTES_MAX: '2000' };
    server = await startTestServer({ engine, environment });
    operator = await server.addKey({ subject: 'ada' });
    viewer = await server.addKey({ subject: 'vera', role: 'viewer' });
  });
  afterAll(() => server.stop());

  interface Asked {
    readonly key?: string;
    readonly to?: TestServer;
  }
  async function call<T = Answer>(method: string, path: string, body?: object, { key, to }: Asked = {}): Promise<T> {
    const headers = { authorization: `Bearer ${key ?? ADMIN_KEY}`, 'content-type': 'application/json' };
    const asked = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await (to ?? server).http(`/api/v1/jobs${path}`, asked);
    return { status_code: response.status, ...((await response.json()) as T) };
  }
  const submit = (body: object, by?: Asked) => call('POST', '/submit', body, by);
  const list = (query: string, by?: Asked) => call<Listed>('GET', `?${query}`, undefined, by);
  const ids = async (query: string, by?: Asked) => (await list(query, by)).jobs.map(({ job_id }) => job_id);

  test('a payload is kept as it is, names of the file kernel included', async () => {
    const data = 'not a time';
    for (const __type__ of ['bytes', 'datetime', 'other']) {
      const payload = { a: [{ __type__, data }], __type__: 'x' };
      const { job_id } = (await submit({ job_type: 'x', payload }, { key: operator })) as { job_id?: string };
      expect(await call('GET', `/${job_id}`)).toMatchObject({ status_code: 200, payload });
    }
  });

  test('a job has every field from its submit on, and nothing where there is nothing', async () => {
    const made = await submit({ job_type: 'analyze' }, { key: operator });
    expect(made).toEqual({
      status_code: 200,
      job_id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7/),
      status: 'queued',
      job_type: 'analyze',
      execution_mode: 'async',
      deduplicated: false,
    });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    const { status_code, ...job } = await call('GET', `/${made.job_id}`);
    expect(status_code).toBe(200);
    expect(job).toEqual({
      job_id: made.job_id,
      job_type: 'analyze',
      status: 'queued',
      payload: {},
      result: {},
      error_text: null,
      execution_mode: 'async',
      idempotency_key: null,
      max_attempts: 3,
      attempt_count: 0,
      next_run_at: time,
      lease_owner: null,
      lease_expires_at: null,
      created_by: 'ada',
      created_at: time,
      updated_at: time,
      attempts: [],
      artifacts: [],
    });
    expect(job.next_run_at).toBe(job.created_at);
    const named = await submit({ job_type: 'größe日本😀' }, { key: operator });
    expect(named).toMatchObject({ job_type: 'größe日本😀', status: 'queued' });
    const shadow = await submit({ job_type: 'analyze', execution_mode: 'shadow', unknown: 1 }, { key: operator });
    expect(shadow).toMatchObject({ status: 'queued', execution_mode: 'shadow' });
  });

  test.each([
    [{}, 'job_type'],
    [{ job_type: '' }, 'job_type'],
    [{ job_type: 'two\u2028words' }, 'job_type'],
    [{ job_type: 'two words' }, 'job_type'],
    [{ job_type: 'x'.repeat(129) }, 'job_type'],
    [{ job_type: 'x', payload: [] }, 'payload'],
    [{ job_type: 'x', execution_mode: 'later' }, 'execution_mode'],
    [{ job_type: 'x', idempotency_key: 'x'.repeat(201) }, 'idempotency_key'],
    [{ job_type: 'x', max_attempts: 0 }, 'max_attempts'],
    [{ job_type: 'x', max_attempts: 11 }, 'max_attempts'],
  ])('%j is refused, and the field is named', async (body, field) => {
    const refused = await submit(body);
    expect(refused).toMatchObject({ status_code: 422, code: 'validation_error', error: { code: 'INVALID_PARAMS' } });
    expect(refused.error?.data.issues?.[0]?.path).toBe(field);
  });

  test('a payload that is too long is refused, and what a viewer may not do', async () => {
    const long = await submit({ job_type: 'x', payload: { text: 'x'.repeat(2000) } });
    expect(long).toMatchObject({ status_code: 400, code: 'limit_exceeded' });
    expect(await submit({ rubbish: true }, { key: viewer })).toMatchObject({ status_code: 403, code: 'forbidden' });
    const { job_id } = await submit({ job_type: 'x' });
    expect((await call('POST', `/${job_id}/cancel`, undefined, { key: viewer })).status_code).toBe(403);
  });

  test('what is not there is 404 by its name, whatever the form of its id', async () => {
    for (const id of ['never', '01a1fe78-ef0d-705d-a5d1-7adc849b8a2e']) {
      const missing = { status_code: 404, code: 'not_found', detail: `Job ${id} not found` };
      expect(await call('GET', `/${id}`)).toMatchObject(missing);
      expect(await call('POST', `/${id}/cancel`)).toMatchObject(missing);
    }
  });

  test('a key gives the first job again, of its owner and type; null and nothing are no key', async () => {
    const asked = { job_type: 'keyed', idempotency_key: 'k' };
    const first = await submit({ ...asked, payload: { n: 1 } });
    const again = await submit({ ...asked, payload: { n: 2 }, execution_mode: 'sync' });
    expect(again).toMatchObject({ job_id: first.job_id, status: 'queued', deduplicated: true });
    expect((await call('GET', `/${first.job_id}`)).payload).toEqual({ n: 1 });
    await call('POST', `/${first.job_id}/cancel`);
    expect(await submit(asked)).toMatchObject({ job_id: first.job_id, status: 'cancelled', deduplicated: true });
    const others = [
      await submit(asked, { key: operator }),
      await submit({ ...asked, job_type: 'other' }),
      await submit({ ...asked, idempotency_key: '' }),
      await submit({ ...asked, idempotency_key: null }),
    ];
    expect(others.map(({ deduplicated }) => deduplicated)).toEqual([false, false, false, false]);
    expect(new Set([first, ...others].map(({ job_id }) => job_id)).size).toBe(5);
  });

  test('a list is newest first, filtered by all that is given, in pages by offset', async () => {
    const made: Answer[] = [];
    for (let n = 0; n < 4; n++) made.push(await submit({ job_type: 'listed' }, n % 2 ? { key: operator } : {}));
    const [a, b, c, d] = made.map(({ job_id }) => job_id);
    await call('POST', `/${a}/cancel`);
    expect(await ids('job_type=listed')).toEqual([d, c, b, a]);
    expect(await ids('job_type=listed&status=cancelled')).toEqual([a]);
    expect(await ids('job_type=listed&created_by=ada&status=queued')).toEqual([d, b]);
    const page = await list('job_type=listed&limit=2&offset=1');
    expect(page).toMatchObject({ total: 4, limit: 2, offset: 1 });
    expect(page.jobs.map(({ job_id }) => job_id)).toEqual([c, b]);
    // Jobs of one millisecond share a time.
    const at = (await call('GET', `/${c}`)).created_at ?? '';
    const since = await ids(`job_type=listed&created_after=${at}`);
    const before = await ids(`job_type=listed&created_before=${at}`);
    expect(since).toContain(c);
    expect(before).not.toContain(c);
    expect([...since, ...before]).toEqual([d, c, b, a]);
    // Times have any number of decimals: less than a millisecond later it is there no more.
    const later = at.replace('Z', '001Z');
    expect(await ids(`job_type=listed&created_after=${later}`)).not.toContain(c);
    expect(await ids(`job_type=listed&created_before=${later}`)).toContain(c);
    // A plus that a query lost is read as one.
    expect(await ids(`job_type=listed&created_after=${at.replace('Z', ' 00:00')}`)).toEqual(since);
    for (const wrong of ['status=done', 'created_after=soon', 'limit=0', 'limit=1001', 'offset=-1', 'limit=x']) {
      expect((await call('GET', `?${wrong}`)).status_code).toBe(422);
    }
  });

  test('viewers see what came through this API; tasks are seen by their owner and admins', async () => {
    const { job_id } = await submit({ job_type: 'open' }, { key: operator });
    const task = async (executor: string, task_type: string) => {
      const response = await server.http('/api/v2/scheduler/submit', {
        method: 'POST',
        headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
        body: JSON.stringify({ executor, task_type, payload: { value: 1 } }),
      });
      return ((await response.json()) as { id: string }).id;
    };
    const hidden = [await task('nexus', 'echo'), await task('outside', 'echo')];
    for (const id of hidden) {
      expect((await call('GET', `/${id}`, undefined, { key: viewer })).status_code).toBe(404);
      for (const key of [operator, ADMIN_KEY]) {
        expect((await call('GET', `/${id}`, undefined, { key })).status_code).toBe(200);
      }
    }
    expect(await ids('job_type=echo', { key: viewer })).toEqual([]);
    expect((await ids('job_type=echo', { key: operator })).sort()).toEqual(hidden.sort());
    expect(await ids('job_type=open', { key: viewer })).toEqual([job_id]);
  });

  test('cancelling what has ended changes nothing', async () => {
    const { job_id } = await submit({ job_type: 'ended' });
    const first = await call('POST', `/${job_id}/cancel`);
    expect(first).toMatchObject({ status_code: 200, status: 'cancelled', result: {}, attempts: [], artifacts: [] });
    expect(await call('POST', `/${job_id}/cancel`)).toEqual(first);
  });
});

test('where async jobs are off, only those of mode sync are taken', async () => {
  const server = await startTestServer({ environment: { NEXUS_ASYNC_JOBS_ENABLED: 'false' } });
  const { key } = await server.ok('admin_create_key', { name: 'op', user_id: 'op', role: 'operator' });
  const submit = async (execution_mode: string, body: object = { job_type: 'echo', payload: { value: 1 } }) => {
    const response = await server.http('/api/v1/jobs/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ ...body, execution_mode }),
    });
    return { status_code: response.status, ...((await response.json()) as object) };
  };
  const off = { status_code: 400, code: 'bad_request', detail: 'Async jobs are disabled by feature flag' };
  for (const mode of ['async', 'shadow']) expect(await submit(mode)).toMatchObject(off);
  expect(await submit('sync')).toMatchObject({ status_code: 200, status: 'succeeded' });
  // A mode that the caller may not use is told before that (infrastructure.md §1, Order).
  const raw = { job_type: 'analyze', payload: { mode: 'RAW' } };
  for (const mode of ['async', 'shadow', 'sync'])
    expect(await submit(mode, raw)).toMatchObject({ status_code: 403, code: 'forbidden' });
  await server.stop();
});
