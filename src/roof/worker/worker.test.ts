/**
 * Workers on a running server, on both engines: jobs run, fail, wait and run again; what is cancelled or out of time is
 * aborted; what its holder lost is taken back and cannot be ended by him; a stop drains.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { Fault } from '../../base/faults.ts';
import { silentLog } from '../../base/log.ts';
import type { Runner } from '../../core/transact.ts';
import { corpusFolder } from '../../engines/disk/corpus-folder.ts';
import type { JobObject } from '../../features/jobs/job-object.ts';
import type { AnyJobType, JobRun } from '../../features/jobs/job-types.ts';
import type { TaskObject } from '../../features/jobs/task-object.ts';
import { ENDED } from '../../features/jobs/topics.ts';
import { lockZone } from '../../features/zones/zones.sql.ts';
import type { WorkerSettings } from './settings.ts';
import { toolsOf } from './tools.ts';
import { Worker } from './worker.ts';

const until = async <T>(look: () => Promise<T | undefined | false>): Promise<T> => {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

class Api {
  readonly server: TestServer;

  constructor(server: TestServer) {
    this.server = server;
  }

  async call<T>(method: string, path: string, body?: object, key?: string): Promise<T & { status_code: number }> {
    const headers = { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) };
    const response = await this.server.http(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return { ...((await response.json()) as T), status_code: response.status };
  }

  submit(body: object): Promise<{ job_id: string; status: string; deduplicated: boolean; status_code: number }> {
    return this.call('POST', '/api/v1/jobs/submit', body);
  }

  job(id: string): Promise<JobObject & { status_code: number }> {
    return this.call('GET', `/api/v1/jobs/${id}`);
  }

  task(id: string, wait = 0): Promise<TaskObject> {
    return this.call('GET', `/api/v2/scheduler/task/${id}?wait_seconds=${wait}`);
  }

  async echo(payload: object, more: object = {}): Promise<string> {
    const body = { executor: 'nexus', task_type: 'echo', payload, ...more };
    return (await this.call<TaskObject>('POST', '/api/v2/scheduler/submit', body)).id;
  }
}

const SETTINGS: WorkerSettings = {
  name: 'spare',
  kind: 'process',
  slots: 4,
  pollMs: 100,
  leaseMs: 30_000,
  beatMs: 1_000,
  drainMs: 0,
  maxJobs: Number.POSITIVE_INFINITY,
  claims: true,
  keepsHouse: false,
};

forEachEngine('the worker inside a server', (engine) => {
  let server: TestServer;
  let api: Api;
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: { NEXUS_JOB_TIMEOUT_SECONDS: '1', NEXUS_WORKER_POLL_SECONDS: '0.2', NEXUS_JOB_SYNC_MAX: '1' },
    });
    api = new Api(server);
  });
  afterAll(() => server.stop());

  test('runs what is queued, and a wait for its end is over with it', async () => {
    const id = await api.echo({ value: { deep: [1, null] } });
    expect(await api.task(id, 30)).toMatchObject({
      status: 'completed',
      attempt: 1,
      result: { deep: [1, null] },
      attempts: [{ attempt: 1, outcome: 'completed' }],
    });
  });

  test('starts that fail obey their backoff', async () => {
    const id = await api.echo({ value: 1, fail_attempts: 2 }, { backoff_seconds: [0.5, 1] });
    const task = await api.task(id, 30);
    expect(task).toMatchObject({ status: 'completed', attempt: 3, error: null });
    const [first, second, third] = task.attempts!.map(({ started_at, finished_at }) => ({
      start: Date.parse(started_at),
      end: Date.parse(finished_at!),
    }));
    expect(second!.start - first!.end).toBeGreaterThanOrEqual(500);
    expect(third!.start - second!.end).toBeGreaterThanOrEqual(1_000);
  });

  test('a dead job stays, and is tried again as a new one', async () => {
    const { job_id } = await api.submit({ job_type: 'nobody knows'.replaceAll(' ', '-'), max_attempts: 1 });
    const dead = await until(async () => {
      const job = await api.job(job_id);
      return job.status === 'failed' && job;
    });
    expect(dead).toMatchObject({ error_text: 'Unsupported job_type: nobody-knows', attempt_count: 1, result: {} });
    const again = await api.call<JobObject>('POST', `/api/v1/jobs/${job_id}/retry`);
    expect(again).toMatchObject({ status_code: 201, job_type: 'nobody-knows', attempt_count: 0 });
    expect(again.job_id).not.toBe(job_id);
    expect((await api.job(job_id)).status).toBe('failed');
  });

  test('what is cancelled while it runs is over at once, and its handler ends', async () => {
    const id = await api.echo({ value: 1, delay_ms: 80_000_000 }, { max_attempts: 1 });
    await until(async () => (await api.task(id)).status === 'running');
    expect(await api.call('POST', `/api/v2/scheduler/task/${id}/cancel`)).toMatchObject({ cancelled: true });
    expect(await api.task(id)).toMatchObject({
      status: 'cancelled',
      result: null,
      attempts: [{ outcome: 'cancelled' }],
    });
    const next = await api.echo({ value: 'next' });
    expect((await api.task(next, 30)).status).toBe('completed');
    expect((await api.task(id)).status).toBe('cancelled');
  });

  test('an attempt that takes too long has failed', async () => {
    const id = await api.echo({ value: 1, delay_ms: 80_000_000 }, { max_attempts: 1 });
    expect(await api.task(id, 30)).toMatchObject({ status: 'failed', error: 'Timed out after 1 s' });
  });

  test('a deadline that passes before a start fails the task, whoever was to run it', async () => {
    const deadline = new Date(Date.now() + 300).toISOString();
    const body = { executor: 'nobody', task_type: 't', deadline };
    const { id } = await api.call<TaskObject>('POST', '/api/v2/scheduler/submit', body);
    expect(await api.task(id, 30)).toMatchObject({ status: 'failed', attempt: 0, attempts: [] });
  });

  test('a key that is revoked takes the right of its jobs with it', async () => {
    const made = await server.ok('admin_create_key', { name: 'short', user_id: 'short', role: 'operator' });
    const body = { job_type: 'echo', payload: { value: 1 }, max_attempts: 1 };
    const later = { executor: 'nexus', task_type: 'echo', payload: { value: 1 }, delay_seconds: 1, max_attempts: 1 };
    const task = await api.call<TaskObject>('POST', '/api/v2/scheduler/submit', later, made.key);
    expect((await api.call('POST', '/api/v1/jobs/submit', body, made.key)).status_code).toBe(200);
    await server.ok('admin_revoke_key', { key_id: made.key_id });
    expect(await api.task(task.id, 30)).toMatchObject({
      status: 'failed',
      error: 'The key that submitted this job no longer works',
    });
  });

  test('mode sync answers when the attempt has ended, whatever came of it', async () => {
    const sync = { job_type: 'echo', execution_mode: 'sync' };
    expect(await api.submit({ ...sync, payload: { value: 1 }, idempotency_key: 'sync' })).toMatchObject({
      status: 'succeeded',
      deduplicated: false,
    });
    expect(await api.submit({ ...sync, payload: { value: 2 }, idempotency_key: 'sync' })).toMatchObject({
      status: 'succeeded',
      deduplicated: true,
    });
    expect(await api.submit({ ...sync, payload: { value: 1, fail_attempts: 9 } })).toMatchObject({
      status: 'retry_wait',
    });
    expect(await api.submit({ ...sync, payload: { value: 1, fail_attempts: 9 }, max_attempts: 1 })).toMatchObject({
      status: 'failed',
    });
  });

  test('more of mode sync than may run at a time are refused, and leave no job', async () => {
    const sync = { job_type: 'echo', execution_mode: 'sync', max_attempts: 1 };
    const slow = api.submit({ ...sync, payload: { value: 1, delay_ms: 80_000_000 }, idempotency_key: 'slow' });
    const running = await until(async () => {
      const { jobs } = await api.call<{ jobs: JobObject[] }>('GET', '/api/v1/jobs?status=running');
      return jobs.find(({ execution_mode }) => execution_mode === 'sync');
    });
    const before = (await api.call<{ total: number }>('GET', '/api/v1/jobs?job_type=echo')).total;
    expect(await api.submit({ ...sync, payload: { value: 2 } })).toMatchObject({ status_code: 503 });
    // One that was made before starts nothing, so it needs no room.
    expect(await api.submit({ ...sync, idempotency_key: 'sync' })).toMatchObject({ deduplicated: true });
    const { job_id } = running;
    expect(await api.submit({ ...sync, idempotency_key: 'slow' })).toMatchObject({ job_id, status: 'running' });
    expect((await api.call<{ total: number }>('GET', '/api/v1/jobs?job_type=echo')).total).toBe(before);
    await api.call('POST', `/api/v1/jobs/${running.job_id}/cancel`);
    expect(await slow).toMatchObject({ status: 'cancelled' });
  });

  test('equal submits at once make one job', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        api.submit({ job_type: 'echo', payload: { value: 1 }, idempotency_key: 'racing' }),
      ),
    );
    expect(new Set(answers.map(({ job_id }) => job_id)).size).toBe(1);
    expect(answers.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
  });

  test('is listed with what it has in hand', async () => {
    const { workers } = await api.call<{ workers: { kind: string; status: string; processed: number }[] }>(
      'GET',
      '/api/v1/workers',
    );
    expect(workers).toHaveLength(1);
    expect(workers[0]).toMatchObject({ kind: 'embedded', status: 'active', slots: 4 });
  });
});

forEachEngine('workers beside a server', (engine) => {
  let server: TestServer;
  let api: Api;
  /** What handlers were given, by the value of their payload. */
  const runs = new Map<string, JobRun[]>();
  let release = Promise.withResolvers<void>();

  const held: AnyJobType = {
    type: 'echo',
    description: '',
    role: 'operator',
    input: z.object({ value: z.string() }),
    run: async (payload, run) => {
      const { value } = payload as { value: string };
      runs.set(value, [...(runs.get(value) ?? []), run]);
      await release.promise;
      return value;
    },
  };

  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    api = new Api(server);
  });
  afterAll(async () => {
    await server.stop();
  });

  const startWorker = (settings: Partial<WorkerSettings> = {}, other?: Runner): Worker => {
    const { runner, rings, bricks, blobs, computing, limits, notes, switches } = server.running.server;
    const worker = new Worker(
      {
        runner: other ?? runner,
        rings,
        bricks,
        tools: toolsOf({
          runner,
          blobs,
          computing,
          limits,
          outside: { reach: async () => undefined },
          notes,
          switches,
          folder: corpusFolder('nowhere'),
        }),
        log: silentLog,
        types: new Map([['echo', held]]),
        house: new Map(),
        timeoutMs: 3_600_000,
        resultBytes: 1_000,
        settings: { ...SETTINGS, ...settings },
      },
      Date.now(),
    );
    worker.start();
    started.push(worker);
    return worker;
  };
  const started: Worker[] = [];

  // The embedded engine has one writer, whatever it writes.
  if (engine === 'postgres')
    test('says that it is there while a zone is locked for long', async () => {
      const { worker_id } = startWorker({ beatMs: 50 });
      const beat = async (): Promise<number | undefined> => {
        const find = 'SELECT beat_at FROM workers WHERE worker_id = ?';
        return (await server.sql.read((tx) => tx.get<{ beat_at: number }>(find, [worker_id])))?.beat_at;
      };
      await until(beat);
      await server.sql.write('root', async (tx) => {
        await lockZone(tx, 'root');
        const before = await until(beat);
        await until(async () => (await beat()) !== before);
      });
      await server.sql.write('root', async (tx) => {
        await lockZone(tx, 'root');
        await started.splice(0)[0]?.stop();
      });
      expect(await beat()).toBeUndefined();
    });

  if (engine === 'postgres')
    test('goes on in other zones while one is locked for long', async () => {
      release = Promise.withResolvers();
      await server.addZone('locked');
      startWorker();
      const headers = { 'x-nexus-zone-id': 'locked', 'content-type': 'application/json' };
      const body = JSON.stringify({ job_type: 'echo', payload: { value: 'locked' } });
      await server.http('/api/v1/jobs/submit', { method: 'POST', headers, body });
      await until(async () => runs.has('locked'));
      await server.sql.write('locked', async (tx) => {
        await lockZone(tx, 'locked');
        // Its end has to be told in the zone that is locked.
        release.resolve();
        const job_id = await api.echo({ value: 'other' });
        await until(async () => (await api.job(job_id)).status === 'succeeded');
      });
    });

  afterEach(() => Promise.all(started.splice(0).map((worker) => worker.stop())));

  test('a stop gives back what it cannot wait for; what its handler does later changes nothing', async () => {
    release = Promise.withResolvers();
    const worker = startWorker();
    const id = await api.echo({ value: 'drained' }, { backoff_seconds: [0] });
    await until(async () => runs.get('drained'));
    await worker.stop();
    const task = await api.task(id);
    expect(task).toMatchObject({ status: 'queued', attempt: 1, error: 'Lease expired', lease_expires_at: null });
    expect(runs.get('drained')![0]!.signal.aborted).toBe(true);
    release.resolve();
    const rows = await server.sql.read((tx) =>
      tx.all<{ object: string; details: string }>(
        "SELECT object, details FROM audit WHERE action = 'stale_lease_recovery' AND object = ?",
        [id],
      ),
    );
    expect(rows.map(({ details }) => JSON.parse(details))).toEqual([
      {
        job_id: id,
        original_lease_owner: worker.worker_id,
        recovering_worker: worker.worker_id,
        new_status: 'retry_wait',
      },
    ]);
    startWorker();
    expect(await api.task(id, 30)).toMatchObject({ status: 'completed', attempt: 2, result: 'drained' });
  });

  test('a holder that lost its lease is told, and its end is dropped', async () => {
    release = Promise.withResolvers();
    startWorker();
    const id = await api.echo({ value: 'lost' }, { backoff_seconds: [0] });
    await until(async () => runs.get('lost'));
    // As if the node had slept: its lease is over, and somebody else has the job.
    await server.sql.write('root', (tx) => tx.run('UPDATE jobs SET lease_until = 1 WHERE job_id = ?', [id]));
    await until(async () => runs.get('lost')!.length === 2);
    expect(runs.get('lost')![0]!.signal.aborted).toBe(true);
    release.resolve();
    expect(await api.task(id, 30)).toMatchObject({ status: 'completed', attempt: 2 });
    const events = await server.sql.read((tx) =>
      tx.all<{ type: string }>('SELECT type FROM events WHERE object_id = ? ORDER BY seq', [id]),
    );
    expect(events.map(({ type }) => type.slice(4))).toEqual([
      'queued',
      'running',
      'retry_wait',
      'running',
      'succeeded',
    ]);
  });

  test('two workers share what there is: each job once, none lost', async () => {
    release = Promise.withResolvers();
    release.resolve();
    const values = Array.from({ length: 60 }, (_, i) => `shared-${i}`);
    const ids = await Promise.all(values.map((value) => api.echo({ value })));
    const workers = [startWorker({ slots: 3 }), startWorker({ slots: 3 })];
    for (const id of ids) expect((await api.task(id, 60)).status).toBe('completed');
    for (const value of values) expect(runs.get(value)).toHaveLength(1);
    expect(workers[0]!.processed + workers[1]!.processed).toBe(values.length);
  });

  test('what an attempt gave is not lost while the database is away', async () => {
    release = Promise.withResolvers();
    const { runner, rings } = server.running.server;
    let away = false;
    const worker = startWorker(
      {},
      {
        read: (...asked) => runner.read(...asked),
        write: (...asked) => (away ? Promise.reject(new Fault('UNAVAILABLE', 'away')) : runner.write(...asked)),
      },
    );
    const id = await api.echo({ value: 'away' });
    await until(async () => runs.get('away'));
    away = true;
    release.resolve();
    await until(async () => worker.processed === 1);
    rings.ring(ENDED);
    away = false;
    expect(await api.task(id, 30)).toMatchObject({ status: 'completed', attempt: 1 });
  });
});
