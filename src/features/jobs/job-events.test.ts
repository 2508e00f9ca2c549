/** The events of jobs: one for each change of status, whoever made it, for those whose job it is and for admins. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { TaskObject } from './task-object.ts';

interface Page {
  readonly events: readonly {
    readonly type: string;
    readonly user_id: string;
    readonly request_id: string;
    readonly object?: { readonly id: string };
  }[];
}

forEachEngine('events of jobs', (engine) => {
  let server: TestServer;
  let ada: string;
  let eve: string;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_WORKER_POLL_SECONDS: '0.1' } });
    ada = await server.addKey({ subject: 'ada' });
    eve = await server.addKey({ subject: 'eve' });
  });
  afterAll(() => server.stop());

  async function call<T>(
    method: string,
    path: string,
    { key, body }: { key?: string; body?: object } = {},
  ): Promise<T> {
    const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
    const response = await server.http(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return (await response.json()) as T;
  }
  const submit = (body: object): Promise<TaskObject> =>
    call('POST', '/api/v2/scheduler/submit', { key: ada, body: { backoff_seconds: [0], ...body } });
  const told = async (id: string, key?: string): Promise<string[]> => {
    const { events } = await call<Page>('GET', '/api/v2/events/replay?limit=10000', key === undefined ? {} : { key });
    return events.filter(({ object }) => object?.id === id).map(({ type, user_id }) => `${type} ${user_id}`);
  };

  test('what the server did with a job is told to its owner, and to nobody else but admins', async () => {
    const payload = { value: 1, fail_attempts: 1 };
    const { id } = await submit({ executor: 'nexus', task_type: 'echo', payload });
    await call('GET', `/api/v2/scheduler/task/${id}?wait_seconds=60`, { key: ada });
    const all = ['queued', 'running', 'retry_wait', 'running', 'succeeded'].map((status) => `job.${status} ada`);
    expect(await told(id, ada)).toEqual(all);
    expect(await told(id)).toEqual(all);
    expect(await told(id, eve)).toEqual([]);
  });

  test('a job is found from what came of the same request, and that from the job', async () => {
    const { id } = await submit({ executor: 'nexus', task_type: 'echo', payload: { value: 1 } });
    await call('GET', `/api/v2/scheduler/task/${id}?wait_seconds=60`, { key: ada });
    const found = async (query: string, key: string): Promise<[string, string, string | undefined][]> => {
      const { events } = await call<Page>('GET', `/api/v2/events?${query}`, { key });
      return events.map(({ type, request_id, object }) => [type, request_id, object?.id]);
    };
    const ofJob = await found(`object_type=job&object_id=${id}`, ada);
    expect(ofJob.map(([type]) => type)).toEqual(['job.succeeded', 'job.running', 'job.queued']);
    // What a job does has the request of its submit.
    const [, request_id] = ofJob.at(-1) ?? [];
    const ofRequest = await found(`request_id=${request_id}`, ada);
    expect(ofRequest).toContainEqual(['job.queued', request_id, id]);
    expect(await found(`request_id=${request_id}`, eve)).toEqual([]);
    expect(await found(`object_type=task&object_id=${id}`, ada)).toEqual([]);
  });

  test('so is what somebody else did with it', async () => {
    const { id } = await submit({ executor: 'outside', task_type: 't' });
    await call('POST', '/api/v2/scheduler/claim', { body: { executor: 'outside' } });
    await call('POST', `/api/v2/scheduler/task/${id}/cancel`);
    expect(await told(id, ada)).toEqual(['queued', 'running', 'cancelled'].map((status) => `job.${status} ada`));
  });
});
