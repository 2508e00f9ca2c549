/**
 * Worker processes that are killed at any moment: no job is lost, none is completed twice, and each lost attempt was taken
 * back once. Two worker processes on one SQLite file beside a server, killed with SIGKILL while they have jobs in hand.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../harness.ts';
import { nexus, type Started, startNexus } from '../nexus-process.ts';

const JOBS = 60;
const KILLS = 4;
const ENVIRONMENT = {
  NEXUS_WORKER_LEASE_SECONDS: '3',
  NEXUS_WORKER_HEARTBEAT_SECONDS: '1',
  NEXUS_WORKER_POLL_SECONDS: '0.1',
  NEXUS_WORKER_SLOTS: '4',
};

let directory: string;
let server: TestServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-workers-'));
  server = await startTestServer({
    directory,
    engine: 'sqlite',
    environment: { ...ENVIRONMENT, NEXUS_EMBEDDED_WORKER: 'false' },
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const rows = <R extends object>(sql: string): Promise<R[]> => server.sql.read((tx) => tx.all<R>(sql));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const startWorker = (...more: string[]): Started =>
  startNexus(['worker', '--data', directory, ...more], {
    cwd: directory,
    env: { ...ENVIRONMENT, NEXUS_LOG_LEVEL: 'error' },
  });

async function submit(value: number, delay_ms: number): Promise<string> {
  const body = {
    executor: 'nexus',
    task_type: 'echo',
    payload: { value, delay_ms },
    max_attempts: 10,
    backoff_seconds: [0.1],
  };
  const answer = await server.http('/api/v2/scheduler/submit', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { id: string }).id;
}

interface Held {
  readonly lease_owner: string;
}

/** The pid is a part of the name under which a worker holds jobs. */
async function killOneAtWork(workers: Started[]): Promise<number> {
  for (;;) {
    const held = await rows<Held>("SELECT lease_owner FROM jobs WHERE status = 'running' AND executor = 'nexus'");
    const at = workers.findIndex(({ child }) => held.some(({ lease_owner }) => lease_owner.includes(`-${child.pid}-`)));
    if (at >= 0) {
      const { child } = workers[at]!;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      return at;
    }
    await pause(20);
  }
}

test('no job is lost and none completed twice, however often workers are killed', { timeout: 240_000 }, async () => {
  for (let i = 0; i < JOBS; i++) await submit(i, 300);
  const workers = [startWorker(), startWorker()];
  for (let kill = 0; kill < KILLS; kill++) workers[await killOneAtWork(workers)] = startWorker();
  const left = async (): Promise<number> =>
    (await rows<{ n: number }>("SELECT COUNT(*) AS n FROM jobs WHERE status <> 'succeeded' AND executor = 'nexus'"))[0]
      ?.n ?? 0;
  while ((await left()) > 0) await pause(100);
  for (const { child } of workers) child.kill('SIGTERM');
  for (const { ended } of workers)
    expect(await ended).toMatchObject({ code: 0, out: expect.stringMatching(/^processed_jobs=\d+\n$/) });

  const succeeded = await rows<{ object_id: string }>("SELECT object_id FROM events WHERE type = 'job.succeeded'");
  expect(new Set(succeeded.map(({ object_id }) => object_id)).size).toBe(JOBS);
  expect(succeeded).toHaveLength(JOBS);
  const attempts = await rows<{ job_id: string; attempt: number; outcome: string; ended_by: string }>(
    `SELECT job_id, attempt, outcome, ended_by FROM job_attempts
     WHERE job_id IN (SELECT job_id FROM jobs WHERE executor = 'nexus') ORDER BY job_id, attempt`,
  );
  for (const own of Map.groupBy(attempts, ({ job_id }) => job_id).values()) {
    expect(own.map(({ attempt }) => attempt)).toEqual(own.map((_, i) => i + 1));
    expect(own.map(({ outcome }) => outcome)).toEqual([...own.slice(1).map(() => 'failed'), 'succeeded']);
  }
  const lost = attempts.filter(({ ended_by }) => ended_by === 'lease');
  expect(lost.length).toBeGreaterThanOrEqual(KILLS);
  const told = await rows<{ object: string }>("SELECT object FROM audit WHERE action = 'stale_lease_recovery'");
  expect(told.map(({ object }) => object).sort()).toEqual(lost.map(({ job_id }) => job_id).sort());
  expect(await rows('SELECT running, succeeded FROM job_counts')).toEqual([{ running: 0, succeeded: JOBS }]);
});

test('--once and --max-jobs run as many as they say; a wrong number is refused', { timeout: 120_000 }, async () => {
  for (let i = 0; i < 3; i++) await submit(i, 0);
  const around = { cwd: directory, env: { ...ENVIRONMENT, NEXUS_LOG_LEVEL: 'error' } };
  const run = (...args: string[]) => nexus(['worker', '--data', directory, ...args], around);
  expect(await run('--once')).toMatchObject({ code: 0, out: 'processed_jobs=1\n' });
  expect(await run('--max-jobs', '2')).toMatchObject({ code: 0, out: 'processed_jobs=2\n' });
  expect(await run('--once')).toMatchObject({ code: 0, out: 'processed_jobs=0\n' });
  const told = await nexus(['worker', '--data', directory, '--once'], { cwd: directory, env: ENVIRONMENT });
  const events = told.err.split('\n').flatMap((line) => /"event":"(worker\.\w+)"/.exec(line)?.slice(1) ?? []);
  expect(events).toEqual(['worker.started', 'worker.draining', 'worker.stopped']);
  expect(await run('--max-jobs', '0')).toMatchObject({ code: 2, out: '' });
  const away = { ...around, env: { ...around.env, NEXUS_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } };
  const refused = await nexus(['worker', '--data', directory, '--once'], away);
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('No connection to PostgreSQL') });
});

test('a worker that is told to stop gives back what it cannot wait for; told twice, it goes at once', {
  timeout: 120_000,
}, async () => {
  const id = await submit(1, 80_000_000);
  const worker = startNexus(['worker', '--data', directory], {
    cwd: directory,
    env: { ...ENVIRONMENT, NEXUS_LOG_LEVEL: 'error', NEXUS_DRAIN_SECONDS: '0' },
  });
  const status = async (): Promise<string | undefined> =>
    (await rows<{ status: string }>(`SELECT status FROM jobs WHERE job_id = '${id}'`))[0]?.status;
  while ((await status()) !== 'running') await pause(50);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toMatchObject({ code: 0, out: 'processed_jobs=1\n' });
  expect(await status()).toBe('retry_wait');
  const stubborn = startWorker();
  while ((await status()) !== 'running') await pause(50);
  // Two signals that are not yet taken are as good as one.
  const telling = setInterval(() => stubborn.child.kill('SIGTERM'), 200);
  expect((await stubborn.ended).code).toBe(1);
  clearInterval(telling);
});
