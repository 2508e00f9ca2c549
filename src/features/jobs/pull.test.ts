/** Tasks in hands outside (platform.md §2.6, §2.7): tokens, ends that are told twice, lost leases, cancels, and the list of workers. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import type { TaskObject } from './task-object.ts';
import type { WorkerList } from './workers.operations.ts';

const ROOT = '/api/v2/scheduler';

type Answer = Partial<TaskObject> & {
  readonly status_code: number;
  readonly cancelled?: boolean;
  readonly error_code?: string;
  readonly reason?: unknown;
};

forEachEngine('tasks in hands outside', (engine) => {
  let server: TestServer;
  let operator: string;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    operator = await server.addKey({ subject: 'ada' });
  });
  afterAll(() => server.stop());

  async function call<T = Answer>(method: string, path: string, body?: object, key = ADMIN_KEY): Promise<T> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await server.http(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const answer = (await response.json()) as { error?: { code?: string; data?: { reason?: unknown } } };
    const failed = typeof answer.error === 'object' && answer.error !== null;
    const wrong = failed ? { error_code: answer.error?.code, reason: answer.error?.data?.reason } : {};
    return { status_code: response.status, ...answer, ...wrong } as T;
  }
  /** A task that runs, in its first attempt. */
  async function running(more: object = {}): Promise<string> {
    const executor = randomUUID();
    const { id } = await call('POST', `${ROOT}/submit`, { executor, task_type: 't', backoff_seconds: [0], ...more });
    await call('POST', `${ROOT}/claim`, { executor, worker: 'w1', lease_seconds: 3600 });
    return id!;
  }
  const tell = (id: string, what: string, body: object, key?: string) =>
    call('POST', `${ROOT}/task/${id}/${what}`, body, key);
  const expired = (id: string) =>
    server.sql.write('root', (tx) => tx.run('UPDATE jobs SET lease_until = 1 WHERE job_id = ?', [id]));
  const get = (id: string) => call('GET', `${ROOT}/task/${id}`);

  test('an end that is told twice is the same end, and any other changes nothing', async () => {
    const id = await running();
    const ended = await tell(id, 'complete', { fencing_token: 1, result: { n: 1 } });
    expect(ended).toMatchObject({ status_code: 200, status: 'completed', result: { n: 1 }, lease_expires_at: null });
    expect(await tell(id, 'complete', { fencing_token: 1, result: { n: 2 } })).toEqual(ended);
    for (const [what, body] of [
      ['complete', { fencing_token: 2 }],
      ['fail', { fencing_token: 1, error: 'late' }],
      ['heartbeat', { fencing_token: 1 }],
    ] as const) {
      expect(await tell(id, what, body)).toMatchObject({
        status_code: 409,
        error_code: 'CONFLICT',
        reason: 'LEASE_LOST',
      });
    }
    expect(await get(id)).toMatchObject({
      status: 'completed',
      result: { n: 1 },
      attempts: [{ outcome: 'completed' }],
    });
  });

  test('only who claimed a task renews or ends it, whoever else sees it', async () => {
    const id = await running();
    const { id: own } = await call(
      'POST',
      `${ROOT}/submit`,
      { executor: 'nexus', task_type: 'echo', payload: { value: 1 } },
      operator,
    );
    // As a worker of the server has it.
    await server.sql.write('root', (tx) =>
      tx.run(
        "UPDATE jobs SET status = 'running', attempt = 1, lease_owner = 'w', lease_subject = '', lease_until = ?, started_at = 1 WHERE job_id = ?",
        [systemClock.now() + 3_600_000, own!],
      ),
    );
    const admin = await server.addKey({ subject: 'root', role: 'admin' });
    const refused = { status_code: 409, error_code: 'CONFLICT', reason: 'LEASE_LOST' };
    for (const [task, key] of [
      [id, admin],
      [own!, operator],
      [own!, ADMIN_KEY],
    ] as const) {
      expect(await tell(task, 'heartbeat', { fencing_token: 1 }, key)).toMatchObject(refused);
      expect(await tell(task, 'complete', { fencing_token: 1, result: 'forged' }, key)).toMatchObject(refused);
      expect(await tell(task, 'fail', { fencing_token: 1, error: 'forged' }, key)).toMatchObject(refused);
      expect(await get(task)).toMatchObject({ status: 'running', result: null, error: null });
    }
    // What one has ended was not ended by who repeats it.
    await tell(id, 'complete', { fencing_token: 1 });
    expect(await tell(id, 'complete', { fencing_token: 1 }, admin)).toMatchObject(refused);
    await tell(own!, 'cancel', {});
  });

  test('a failure goes back with its time, or is the last; the same failure twice is one', async () => {
    const id = await running({ max_attempts: 3, backoff_seconds: [50, 100] });
    const before = systemClock.now();
    const failed = await tell(id, 'fail', { fencing_token: 1, error: 'no luck' });
    expect(failed).toMatchObject({ status: 'queued', error: 'no luck', error_message: 'no luck', attempt: 1 });
    expect(Date.parse(failed.run_at!) - before).toBeGreaterThanOrEqual(49_000);
    expect(await tell(id, 'fail', { fencing_token: 1, error: 'no luck' })).toMatchObject({ run_at: failed.run_at });
    const other = await running();
    expect(await tell(other, 'fail', { fencing_token: 1, error: 'no', retry_after_seconds: 0 })).toMatchObject({
      status: 'queued',
    });
    const dead = await running();
    expect(await tell(dead, 'fail', { fencing_token: 1, error: 'never', retryable: false })).toMatchObject({
      status: 'failed',
      error: 'never',
    });
  });

  test('a heartbeat holds the lease; one that is lost goes back, and its holder is told', async () => {
    const id = await running();
    const beat = await tell(id, 'heartbeat', { fencing_token: 1, lease_seconds: 100 });
    expect(beat).toMatchObject({ status_code: 200, task_id: id, fencing_token: 1 });
    expect((await get(id)).lease_expires_at).toBe(beat.lease_expires_at);
    await expired(id);
    await expect.poll(async () => (await get(id)).status, { timeout: 20_000 }).toBe('queued');
    expect(await get(id)).toMatchObject({
      error: 'Lease expired',
      attempts: [{ attempt: 1, claimed_by: 'w1', outcome: 'failed', error: 'Lease expired' }],
    });
    const lost = { status_code: 409, error_code: 'CONFLICT', reason: 'LEASE_LOST' };
    expect(await tell(id, 'complete', { fencing_token: 1 })).toMatchObject(lost);
    const rows = await server.sql.read((tx) =>
      tx.all<{ details: string }>("SELECT details FROM audit WHERE action = 'stale_lease_recovery' AND object = ?", [
        id,
      ]),
    );
    expect(rows.map(({ details }) => JSON.parse(details))).toMatchObject([
      { job_id: id, original_lease_owner: 'w1', new_status: 'retry_wait' },
    ]);
  });

  test('a cancel is at once and for good, and says what was before it', async () => {
    const id = await running();
    expect(await tell(id, 'cancel', {})).toMatchObject({ status_code: 200, cancelled: true, task_id: id });
    expect(await tell(id, 'complete', { fencing_token: 1 })).toMatchObject({ status_code: 409, reason: 'CANCELLED' });
    expect(await tell(id, 'cancel', {})).toMatchObject({ cancelled: true });
    const done = await running();
    await tell(done, 'complete', { fencing_token: 1 });
    expect(await tell(done, 'cancel', {})).toMatchObject({ cancelled: false, status: 'completed' });
    for (const [unknown, key] of [
      [randomUUID(), ADMIN_KEY],
      [await running(), operator],
    ] as const) {
      expect(await tell(unknown, 'cancel', {}, key)).toEqual({ status_code: 200, cancelled: false, task_id: unknown });
      expect(await tell(unknown, 'complete', { fencing_token: 1 }, key)).toMatchObject({ status_code: 404 });
    }
  });

  test('workers are listed by their start, those that are gone only where asked for, to admins of root', async () => {
    const now = systemClock.now();
    const add = (name: string, status: string, [started_at, beat_at]: readonly [number, number]) =>
      server.sql.write('root', (tx) =>
        tx.run(
          `INSERT INTO workers (worker_id, kind, hostname, pid, version, status, slots, beat_ms, processed, failed, started_at, beat_at)
           VALUES (?, 'process', 'h', 7, '1.0', ?, 4, 1000, 2, 1, ?, ?)`,
          [name, status, started_at, beat_at],
        ),
      );
    const later = now + 3_600_000;
    await add('second', 'draining', [2, later]);
    await add('first', 'active', [1, later]);
    await add('gone', 'active', [3, now - 60_000]);
    const list = async (query = '') => (await call<WorkerList>('GET', `/api/v1/workers${query}`)).workers;
    expect((await list()).map(({ worker_id, status }) => `${worker_id} ${status}`)).toEqual([
      'first active',
      'second draining',
    ]);
    expect((await list('?all=true')).at(-1)).toMatchObject({
      worker_id: 'gone',
      kind: 'process',
      hostname: 'h',
      pid: 7,
      version: '1.0',
      status: 'gone',
      slots: 4,
      running_jobs: [],
      processed: 2,
      failed: 1,
      started_at: '1970-01-01T00:00:00.003Z',
    });
    expect(await call('GET', '/api/v1/workers', undefined, operator)).toMatchObject({ status_code: 403 });
  });
});
