/** Who has another's task in hand, as the user of its agent (platform.md §2.6): what he is told of it, during and after. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { TaskObject } from './task-object.ts';

const ROOT = '/api/v2/scheduler';
const LOST = { status_code: 409, error: { code: 'CONFLICT', data: { reason: 'LEASE_LOST' } } };

type Answer = TaskObject & { readonly status_code: number; readonly tasks: TaskObject[] };

forEachEngine('tasks of others in hand', (engine) => {
  let server: TestServer;
  let ada: string;
  let eve: string;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    ada = await server.addKey({ subject: 'ada' });
    eve = await server.addKey({ subject: 'eve' });
    await ask('POST', '/api/v2/agents', { agent_id: 'agx', name: 'A' });
  });
  afterAll(() => server.stop());

  async function ask(method: string, path: string, body?: object, key = ada): Promise<Answer> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await server.http(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { ...((await response.json()) as Answer), status_code: response.status };
  }
  const submit = async (more: object = {}, key = ADMIN_KEY): Promise<string> =>
    (await ask('POST', `${ROOT}/submit`, { executor: 'agx', task_type: 't', backoff_seconds: [0], ...more }, key)).id;
  const claim = (more: object = {}, key = ada) =>
    ask('POST', `${ROOT}/claim`, { executor: 'agx', worker: 'w', lease_seconds: 3600, ...more }, key);
  const tell = (id: string, what: string, body: object = {}, key = ada) =>
    ask('POST', `${ROOT}/task/${id}/${what}`, { fencing_token: 1, ...body }, key);
  const cancel = (id: string) => ask('POST', `${ROOT}/task/${id}/cancel`, {}, ADMIN_KEY);
  /** A task of the admin that ada has in hand. */
  async function held(more: object = {}): Promise<string> {
    const id = await submit(more);
    expect((await claim()).tasks).toMatchObject([{ id }]);
    return id;
  }

  test('an end is told twice with the same answer, also by who does not own the task', async () => {
    const id = await held();
    const ended = await tell(id, 'complete', { result: 1 });
    expect(ended).toMatchObject({ status_code: 200, status: 'completed' });
    expect(await tell(id, 'complete', { result: 1 })).toEqual(ended);
    // Its owner has not ended it; to others it does not exist.
    expect(await tell(id, 'complete', { result: 1 }, ADMIN_KEY)).toMatchObject(LOST);
    expect((await tell(id, 'complete', { result: 1 }, eve)).status_code).toBe(404);
  });

  test('a cancel and a lost lease are told to who had the task', async () => {
    const cancelled = await held();
    await cancel(cancelled);
    const reason = { data: { reason: 'CANCELLED' } };
    expect(await tell(cancelled, 'heartbeat')).toMatchObject({ status_code: 409, error: reason });
    const id = await held();
    await server.sql.write('root', (tx) => tx.run('UPDATE jobs SET lease_until = 1 WHERE job_id = ?', [id]));
    await expect
      .poll(async () => (await ask('GET', `${ROOT}/task/${id}`, undefined, ADMIN_KEY)).status, { timeout: 20_000 })
      .toBe('queued');
    expect(await tell(id, 'complete')).toMatchObject(LOST);
    // Somebody else has it now.
    expect((await claim({}, ADMIN_KEY)).tasks).toMatchObject([{ id, fencing_token: 2 }]);
    expect(await tell(id, 'complete')).toMatchObject(LOST);
    expect((await ask('GET', `${ROOT}/task/${id}`)).status_code).toBe(404);
    await cancel(id);
  });

  test('who waits for the end of the task that he has sees it', async () => {
    const id = await held();
    const waiting = ask('GET', `${ROOT}/task/${id}?wait_seconds=60`);
    while (server.running.server.streams.size !== 1) await turn();
    await tell(id, 'complete', { result: 7 });
    expect(await waiting).toMatchObject({ status_code: 200, status: 'completed', result: 7 });
  });

  test('tasks of all executors of a claim come in one order, whoever submitted them', async () => {
    const late = await submit({ priority: 'best_effort' });
    const first = await submit({ executor: 'mine', priority: 'critical' }, ada);
    const foreign = await submit({ executor: 'mine', priority: 'critical' });
    const second = await submit({ priority: 'high' });
    const asked = { executor: undefined, executors: ['agx', 'mine'] };
    expect((await claim({ ...asked, max: 1 })).tasks).toMatchObject([{ id: first }]);
    expect((await claim({ ...asked, max: 10 })).tasks).toMatchObject([{ id: second }, { id: late }]);
    expect(await ask('GET', `${ROOT}/task/${foreign}`, undefined, ADMIN_KEY)).toMatchObject({ status: 'queued' });
  });

  test('a failure is told twice with the same answer, however the task went on', async () => {
    const id = await held({ backoff_seconds: [3600] });
    const fail = (more: object = {}) => tell(id, 'fail', { error: 'no', retry_after_seconds: 0, ...more });
    const first = await fail();
    expect(first).toMatchObject({ status_code: 200, status: 'queued', attempt: 1, error: 'no' });
    expect(await fail({ error: 'other' })).toEqual(first);
    expect((await claim()).tasks).toMatchObject([{ id, fencing_token: 2 }]);
    expect(await fail()).toEqual(first);
    expect(await tell(id, 'complete')).toMatchObject(LOST);
    const second = await fail({ fencing_token: 2 });
    expect(second).toMatchObject({ status: 'queued', attempt: 2 });
    expect(await fail()).toEqual(first);
    await cancel(id);
    expect(await fail({ fencing_token: 2 })).toEqual(second);
    expect(await ask('GET', `${ROOT}/task/${id}`)).toMatchObject({ status: 'cancelled', attempt: 2 });
  });
});
