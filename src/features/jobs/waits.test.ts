/** Calls that wait, for a task or for its end: counted as streams and not as requests, and over with whoever waits. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBare } from '../../../test/bare.ts';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { TaskObject } from './task-object.ts';

const ROOT = '/api/v2/scheduler';

forEachEngine('waiting', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: {
        NEXUS_EMBEDDED_WORKER: 'false',
        NEXUS_LIMIT_STREAMS_PER_ZONE: '2',
        NEXUS_LIMIT_REQUESTS_IN_FLIGHT: '2',
      },
    });
  });
  afterAll(() => server.stop());

  const ask = (method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> =>
    server.http(ROOT + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(signal && { signal }),
      ...(body && { body: JSON.stringify(body) }),
    });
  const answer = async <T>(asked: Promise<Response>): Promise<T> => (await asked).json() as Promise<T>;
  const submit = (executor: string) =>
    answer<TaskObject>(ask('POST', '/submit', { executor, task_type: 't', max_attempts: 1 }));
  const untilWaiting = async (count: number): Promise<void> => {
    while (server.running.server.streams.size !== count) await turn();
  };

  test('each has a place among the streams until its answer, and what does not wait needs none', async () => {
    const { id } = await submit('read');
    const claiming = answer<{ tasks: TaskObject[] }>(
      ask('POST', '/claim', { executor: 'claimed', wait_seconds: 60, lease_seconds: 3600 }),
    );
    await untilWaiting(1);
    const reading = answer<TaskObject>(ask('GET', `/task/${id}?wait_seconds=60`));
    await untilWaiting(2);
    for (const refused of [
      await ask('POST', '/claim', { executor: 'x', wait_seconds: 1 }),
      await ask('GET', `/task/${id}?wait_seconds=1`),
    ]) {
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await refused.json()).toMatchObject({
        error: { code: 'TOO_MANY', data: { limit: 'STREAMS_PER_ZONE', maximum: 2 } },
      });
    }
    // As many wait as may be served at a time, and this is served all the same.
    expect(await answer(ask('POST', '/claim', { executor: 'x' }))).toEqual({ tasks: [] });
    expect(await answer(ask('GET', `/task/${id}`))).toMatchObject({ status: 'queued' });
    const { id: wanted } = await submit('claimed');
    expect((await claiming).tasks).toMatchObject([{ id: wanted, status: 'running', fencing_token: 1 }]);
    await untilWaiting(1);
    await ask('POST', `/task/${id}/cancel`);
    expect(await reading).toMatchObject({ id, status: 'cancelled', attempts: [] });
    await untilWaiting(0);
  });

  test('what is wrong is said at once, and a wait that is over answers what there is', async () => {
    expect((await ask('POST', '/claim', { wait_seconds: 60 })).status).toBe(422);
    expect((await ask('GET', '/task/never?wait_seconds=60')).status).toBe(404);
    expect(await answer(ask('POST', '/claim', { executor: 'none', wait_seconds: 0.05 }))).toEqual({ tasks: [] });
    const { id } = await submit('none');
    expect(await answer(ask('GET', `/task/${id}?wait_seconds=0.05`))).toMatchObject({ status: 'queued' });
    await untilWaiting(0);
  });

  test('a client that has gone is given nothing, and its place is free', async () => {
    const gone = new AbortController();
    const waiting = ask('POST', '/claim', { executor: 'late', wait_seconds: 60 }, gone.signal);
    await untilWaiting(1);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    await untilWaiting(0);
    const { id } = await submit('late');
    const { tasks } = await answer<{ tasks: TaskObject[] }>(ask('POST', '/claim', { executor: 'late' }));
    expect(tasks).toMatchObject([{ id, attempt: 1 }]);
  });

  test('a server that stops answers those who wait', async () => {
    const own = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    const waiting = own.http(`${ROOT}/claim`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ executor: 'none', wait_seconds: 60 }),
    });
    while (own.running.server.streams.size === 0) await turn();
    await own.stop();
    expect(await answer(waiting)).toEqual({ tasks: [] });
  });
});

test('who waits for a task writes once, however often he looks', async () => {
  const bare = await openBare();
  const writes = () => bare.sql.stats().commits.writes.sum;
  await bare.call('task.claim', { executor: 'x' });
  const before = writes();
  expect(await bare.call('task.claim', { executor: 'x', wait_seconds: 1 })).toEqual({ tasks: [] });
  expect(writes() - before).toBe(1);
  await bare.close();
});
