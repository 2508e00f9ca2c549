/** Jobs that are claimed by the transaction which queues them, where the worker of that server has nothing else to do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { TaskObject } from '../../features/jobs/task-object.ts';

const SLOTS = 2;

forEachEngine('offers of a worker', (engine) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_WORKER_SLOTS: String(SLOTS) } });
  });
  afterAll(() => server.stop());

  const ask = async <T>(path: string, body?: object): Promise<T> => {
    const init = body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    return (await (await server.http(path, init)).json()) as T;
  };
  const submit = (payload: object, more: object = {}): Promise<TaskObject & { deduplicated?: boolean }> =>
    ask('/api/v2/scheduler/submit', { executor: 'nexus', task_type: 'echo', payload, ...more });
  const ended = ({ id }: Pick<TaskObject, 'id'>): Promise<TaskObject> =>
    ask(`/api/v2/scheduler/task/${id}?wait_seconds=60`);
  /** With the channel of the call that made them. */
  const eventsOf = ({ id }: Pick<TaskObject, 'id'>): Promise<{ type: string; channel: string }[]> =>
    server.sql.read((tx) => tx.all('SELECT type, channel FROM events WHERE object_id = ? ORDER BY seq', [id]));

  test.each([
    ['the scheduler', '/api/v2/scheduler/submit', { executor: 'nexus', task_type: 'echo', payload: { value: 1 } }],
    ['the jobs API', '/api/v1/jobs/submit', { job_type: 'echo', payload: { value: 1 } }],
  ])('queued through %s, it starts in the same transaction, and each change is told', async (_door, path, body) => {
    const { task_id, job_id, status } = await ask<{ task_id: string; job_id: string; status: string }>(path, body);
    const id = task_id ?? job_id;
    expect(status).toBe('queued');
    expect(await ended({ id })).toMatchObject({ status: 'completed', attempt: 1, result: 1 });
    const told = await eventsOf({ id });
    expect(told.map(({ type, channel }) => [type, channel])).toEqual([
      ['job.queued', 'http'],
      ['job.running', 'http'],
      ['job.succeeded', 'internal'],
    ]);
  });

  test('the same job again is that job, and its attempt goes on', async () => {
    const more = { idempotency_key: 'again' };
    const first = await submit({ value: 2, delay_ms: 300 }, more);
    const again = await Promise.all([1, 2, 3].map(() => submit({ value: 3 }, more)));
    expect(again.map(({ id, deduplicated }) => [id, deduplicated])).toEqual(again.map(() => [first.id, true]));
    expect(await ended(first)).toMatchObject({ status: 'completed', attempt: 1, result: 2 });
    expect((await eventsOf(first)).length).toBe(3);
  });

  test('what is refused, or is for later, takes no slot', async () => {
    const types = { executor: 'nexus', task_type: 'no such type' };
    for (let n = 0; n < 2 * SLOTS; n++) await ask('/api/v2/scheduler/submit', types);
    const later = await Promise.all([1, 2, 3].map(() => submit({ value: 1 }, { delay_seconds: 3600 })));
    const late = await submit({ value: 1 }, { deadline: '2020-01-01T00:00:00Z' });
    expect((await ended(await submit({ value: 4 }))).result).toBe(4);
    expect((await ended(late)).status).toBe('failed');
    for (const { id } of later) expect(await ask(`/api/v2/scheduler/task/${id}`)).toMatchObject({ status: 'queued' });
  });

  test('however many come at once, no more run than there are slots, and those before them go first', async () => {
    const tasks = await Promise.all(Array.from({ length: 12 }, (_, n) => submit({ value: n, delay_ms: 30 })));
    const urgent = await submit({ value: 'urgent' }, { priority: 'critical' });
    const all = await Promise.all([...tasks, urgent].map(ended));
    expect(all.every(({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(true);
    const times = all.flatMap(({ started_at, completed_at }): [string, number][] => [
      [started_at!, 1],
      [completed_at!, -1],
    ]);
    // Of one instant, ends come first: they are what makes room.
    times.sort(([a, by], [b, other]) => (a < b ? -1 : a > b ? 1 : by - other));
    let running = 0;
    const most = Math.max(...times.map(([, by]) => (running += by)));
    expect(most).toBeLessThanOrEqual(SLOTS);
    const afterUrgent = all.filter(({ started_at }) => started_at! > all.at(-1)!.started_at!);
    expect(afterUrgent.length).toBeGreaterThan(0);
  });
});
