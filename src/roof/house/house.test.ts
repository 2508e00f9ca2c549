/** What the server does by itself, as jobs: what is queued, who sees it, what becomes of it, and that it rests when idle. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBare } from '../../../test/bare.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { silentLog } from '../../base/log.ts';
import {
  inheritHousework,
  missingHousework,
  planHousework,
  queueHousework,
} from '../../features/jobs/house.operations.ts';
import type { JobObject } from '../../features/jobs/job-object.ts';
import { recoverJob, workOnJobs } from '../../features/jobs/worker-steps.operations.ts';
import { startHouse } from './house.ts';
import { type HouseParts, passes } from './types.ts';

interface Row {
  readonly job_id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly run_at: number;
  readonly error: string | null;
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

forEachEngine('housework', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      environment: { NEXUS_EMBEDDED_WORKER: 'false', NEXUS_WORKER_POLL_SECONDS: '0.1' },
    });
  });
  afterAll(() => server.stop());

  const rows = (type: string): Promise<Row[]> =>
    server.sql.read((tx) =>
      tx.all<Row>("SELECT * FROM jobs WHERE door = 'house' AND type = ? ORDER BY created_at, job_id", [type]),
    );
  async function call<T>(path: string, key?: string, method = 'GET'): Promise<T & { status_code: number }> {
    const response = await server.http(path, {
      method,
      ...(key ? { headers: { authorization: `Bearer ${key}` } } : {}),
    });
    return { ...((await response.json()) as T), status_code: response.status };
  }
  const listed = async (query: string, key?: string) =>
    (await call<{ jobs: JobObject[]; total: number }>(`/api/v1/jobs?${query}`, key)).jobs;
  /** The pass that waits is due. */
  const hurry = (type: string) =>
    server.sql.write('root', (tx) =>
      tx.run("UPDATE jobs SET run_at = 0 WHERE type = ? AND status IN ('queued', 'retry_wait')", [type]),
    );

  test('each pass has run once and waits for its next time, and admins see it', async () => {
    for (const type of ['history_prune', 'audit_prune', 'blob_collection', 'job_prune']) {
      const [first, second, ...more] = await until(async () => {
        const all = await rows(type);
        return all.length > 1 && all;
      });
      expect(more).toEqual([]);
      expect(first).toMatchObject({ status: 'succeeded', attempt: 1 });
      expect(second).toMatchObject({ status: 'queued', attempt: 0 });
      expect(second!.run_at - first!.run_at).toBeGreaterThanOrEqual(60_000);
      const seen = await listed(`job_type=${type}`);
      expect(seen.map(({ job_id }) => job_id).sort()).toEqual([first!.job_id, second!.job_id].sort());
      expect(await call<JobObject>(`/api/v1/jobs/${first!.job_id}`)).toMatchObject({
        created_by: 'nexus',
        attempts: [{ attempt_number: 1, status: 'succeeded' }],
      });
    }
    // Events are kept for ever unless told.
    expect(await rows('event_prune')).toEqual([]);
  });

  test('nobody else sees it, no executor can claim it, and it counts nowhere', async () => {
    const viewer = await server.addKey({ role: 'viewer' });
    const [one] = await rows('audit_prune');
    expect(await listed('job_type=audit_prune', viewer)).toEqual([]);
    expect((await call(`/api/v1/jobs/${one!.job_id}`, viewer)).status_code).toBe(404);
    expect((await call(`/api/v2/scheduler/task/${one!.job_id}`)).status_code).toBe(404);
    expect(await call('/api/v2/scheduler/metrics')).toMatchObject({
      queued: 0,
      completed: 0,
      delayed: 0,
      by_executor: {},
    });
    const events = await server.sql.read((tx) => tx.all('SELECT seq FROM events WHERE object_id = ?', [one!.job_id]));
    expect(events).toEqual([]);
    // A client's job of that name is none of the server's.
    const asked = { job_type: 'audit_prune', max_attempts: 1 };
    const submitted = await server.http('/api/v1/jobs/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    });
    const { job_id } = (await submitted.json()) as JobObject;
    await server.sql.write('root', (tx) => tx.run("UPDATE jobs SET executor = 'nobody' WHERE job_id = ?", [job_id]));
    expect((await call<JobObject>(`/api/v1/jobs/${job_id}`)).status).toBe('queued');
  });

  test('a zone that is deleted and contents that are new get a job of their own', async () => {
    await server.ok('zone_create', { zone_id: 'ending', name: 'E' });
    await server.ok('write', { zone_id: 'ending', path: '/a', content: 'text' });
    const [index] = await until(async () => {
      const all = await rows('search_index');
      return all.length > 0 && all[0]!.status === 'succeeded' && all;
    });
    expect(await call<JobObject>(`/api/v1/jobs/${index!.job_id}`)).toMatchObject({ result: { contents: 1 } });
    await server.ok('zone_delete', { zone_id: 'ending' });
    const job = await until(async () => (await listed('job_type=zone_deletion&status=succeeded'))[0]);
    expect(await call<JobObject>(`/api/v1/jobs/${job.job_id}`)).toMatchObject({ payload: { zone_id: 'ending' } });
    expect(await server.fault('zone_get', { zone_id: 'ending' })).toBe('ZONE_NOT_FOUND');
  });

  test('one that fails is tried again after its backoff, and another pass comes after it whatever happened', async () => {
    const table = { there: 'ALTER TABLE audit RENAME TO away', back: 'ALTER TABLE away RENAME TO audit' };
    await server.sql.write('root', (tx) => tx.run(table.there));
    await hurry('audit_prune');
    const failed = await until(async () => (await rows('audit_prune')).find(({ status }) => status === 'retry_wait'));
    expect(failed).toMatchObject({ attempt: 1, error: expect.stringMatching(/^Internal error|^The schema/) });
    await server.sql.write('root', (tx) => tx.run(table.back));
    await until(async () =>
      (await rows('audit_prune')).find(({ job_id, status }) => job_id === failed.job_id && status === 'succeeded'),
    );
    const waiting = (await rows('audit_prune')).filter(({ status }) => status === 'queued');
    expect(waiting).toHaveLength(1);
    const cancelled = await call<JobObject>(`/api/v1/jobs/${waiting[0]!.job_id}/cancel`, undefined, 'POST');
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect((await rows('audit_prune')).filter(({ status }) => status === 'queued')).toHaveLength(1);
    // Tried again, it runs now, as the server's own.
    const again = await call<JobObject>(`/api/v1/jobs/${waiting[0]!.job_id}/retry`, undefined, 'POST');
    await until(async () => (await call<JobObject>(`/api/v1/jobs/${again.job_id}`)).status === 'succeeded');
    expect((await rows('audit_prune')).filter(({ status }) => status === 'queued')).toHaveLength(1);
  });

  test('of the passes that went well only the newest are kept', async () => {
    for (let n = 0; n < 12; n++) {
      const [waiting] = (await rows('history_prune')).filter(({ status }) => status === 'queued');
      await hurry('history_prune');
      await until(async () =>
        (await rows('history_prune')).some(
          ({ job_id, status }) => job_id === waiting!.job_id && status === 'succeeded',
        ),
      );
    }
    expect((await rows('history_prune')).filter(({ status }) => status === 'succeeded')).toHaveLength(10);
  });
});

forEachEngine('the plan', (engine) => {
  const parts = { eventDays: undefined as number | undefined };
  const unfinished = (bare: Awaited<ReturnType<typeof openBare>>) =>
    bare.sql.read((tx) =>
      tx.all<{ type: string; payload: string }>('SELECT type, payload FROM jobs WHERE ended_at IS NULL ORDER BY type'),
    );

  test('is the same however many nodes make it, and follows what they are told', async () => {
    const bare = await openBare(engine);
    const plan = () => bare.step(planHousework, 'root', { jobs: passes(parts) });
    await Promise.all([plan(), plan(), plan()]);
    const types = [
      'audit_prune',
      'blob_collection',
      'conflict_expiry',
      'history_prune',
      'job_prune',
      'key_expiry',
      'upload_expiry',
    ];
    expect((await unfinished(bare)).map(({ type }) => type)).toEqual(types);
    expect(await plan()).toEqual({ queued: 0 });
    parts.eventDays = 5;
    expect(await plan()).toEqual({ queued: 1 });
    parts.eventDays = undefined;
    await plan();
    expect((await unfinished(bare)).map(({ type }) => type)).toEqual(types);
    await bare.step(planHousework, 'root', { jobs: [{ type: 'job_prune', every_ms: 5 }] });
    expect(await unfinished(bare)).toContainEqual({ type: 'job_prune', payload: '{"every_ms":5}' });
    const zone = { type: 'zone_deletion', zone_id: 'z' };
    const other = { type: 'zone_deletion', zone_id: 'other' };
    expect(await bare.step(queueHousework, 'root', { jobs: [zone, zone] })).toEqual({ queued: 1 });
    expect(await bare.step(missingHousework, 'root', { jobs: [zone, other] })).toEqual({ jobs: [other] });
    await bare.close();
  });

  test('what a dead server had is lost at once, unless a worker process has it', async () => {
    const bare = await openBare(engine);
    await bare.step(queueHousework, 'root', { jobs: [{ type: 'a' }, { type: 'b' }] });
    const claim = { ended: [], claim: 0, housework: 1, lease_ms: 60_000 };
    await bare.step(workOnJobs, 'root', { ...claim, worker_id: 'embedded' });
    await bare.step(workOnJobs, 'root', { ...claim, worker_id: 'process' });
    await bare.sql.write('root', (tx) =>
      tx.run(
        `INSERT INTO workers (worker_id, kind, hostname, pid, version, status, slots, beat_ms, processed, failed, started_at, beat_at)
         VALUES ('process', 'process', 'h', 1, '1', 'active', 4, 1000, 0, 0, 1, ?)`,
        [2 ** 50],
      ),
    );
    expect(await bare.step(inheritHousework, 'root', {})).toEqual({ alone: false });
    const lost = await bare.sql.read((tx) => tx.all('SELECT lease_owner FROM jobs WHERE lease_until = 0'));
    expect(lost).toEqual([{ lease_owner: 'embedded' }]);
    // Taking it back leaves the row that any job's does, though it leaves no event.
    const [job] = await bare.sql.read((tx) =>
      tx.all<{ job_id: string; attempt: number }>('SELECT job_id, attempt FROM jobs WHERE lease_until = 0'),
    );
    const taken = { job_id: job?.job_id ?? '', attempt: job?.attempt ?? 0, worker_id: 'next' };
    await bare.step(recoverJob, 'root', taken);
    expect(await bare.step(recoverJob, 'root', taken)).toEqual({ status: null });
    const rows = await bare.sql.read((tx) =>
      tx.all<{ details: string }>("SELECT details FROM audit WHERE action = 'stale_lease_recovery'"),
    );
    expect(rows.map(({ details }) => JSON.parse(details))).toEqual([
      { job_id: job?.job_id, original_lease_owner: 'embedded', recovering_worker: 'next', new_status: 'retry_wait' },
    ]);
    await bare.sql.write('root', (tx) => tx.run('UPDATE workers SET beat_at = 1'));
    expect(await bare.step(inheritHousework, 'root', {})).toEqual({ alone: true });
    await bare.close();
  });
});

test('while there is nothing to do nothing is written', async () => {
  const bare = await openBare();
  const steps: string[] = [];
  const step: HouseParts['step'] = (operation, zone_id, input) => {
    steps.push(`${operation.effect} ${operation.name}`);
    return bare.step(operation, zone_id, input);
  };
  const audit = { days: 1, readDays: 1, readBytes: 1 };
  const parts = {
    step,
    backups: { destination: '/nowhere', make: async () => ({ backups: 0 }) },
    contents: { days: 30, openBackups: () => Promise.reject(new Error('there are none')) },
    blobs: bare.blobs,
    clock: bare.clock,
    log: silentLog,
    audit,
    eventDays: 1,
    jobsMs: 1,
    conflictsMs: 1,
  };
  const house = startHouse(parts, true);
  await until(async () => steps.filter((one) => one === 'read zone.terminating').length >= 3);
  await house.stop();
  const rounds = steps.slice(steps.indexOf('read zone.terminating'));
  const looks = [
    'read zone.terminating',
    'read search.waits',
    'read tuple.ending-hosts',
    'read backup.due',
    'read content.due',
  ];
  expect(new Set(rounds)).toEqual(new Set(looks));
  await bare.close();
});
