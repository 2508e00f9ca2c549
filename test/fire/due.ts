/**
 * Tasks that are all due in the same second (platform.md §2): the worker inside a server runs half of them, clients outside
 * claim the others. As a command: `node test/fire/due.ts [--engine sqlite|postgres] [--tasks 100000]`. Checked: within a
 * second of the last instant all are claimable, none started before its time, each was completed once, in one attempt, and
 * the log has each change of each once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { invoke } from '../../src/core/invoke.ts';
import { getOperation } from '../../src/core/operations.ts';
import type { Request } from '../../src/core/request.ts';
import { authenticateKey } from '../../src/features/access/credentials.ts';
import type { TaskObject } from '../../src/features/jobs/task-object.ts';
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from '../harness.ts';
import { createDatabase, startPostgres } from '../servers/postgres.ts';

export interface DueOptions {
  readonly engine: EngineName;
  readonly tasks: number;
  /** Of PostgreSQL; that of the tests unless given. */
  readonly url?: string | undefined;
}

export interface DueResult {
  readonly violations: readonly string[];
  /** Milliseconds after the last instant at which nothing waited for its time any more. */
  readonly claimableMs: number;
  /** From the first instant to the last end. */
  readonly seconds: number;
}

const OUTSIDE = 'outside';
const CLAIMERS = 4;
const CLAIM_MAX = 100;
const AT_ONCE = 200;
const PROBES = 100;
const SECOND_MS = 1_000;
const CLAIMABLE_MS = 1_000;

type Ask = <T>(operation: string, raw: object) => Promise<T>;

/** Calls as a door makes them for the admin's key. */
async function asAdmin({ running: { server } }: TestServer): Promise<Ask> {
  const caller = await server.sql.read((tx) => authenticateKey(tx, ADMIN_KEY, Date.now()));
  const request: Request = {
    caller,
    channel: 'http',
    request_id: 'due',
    address: null,
    zone_id: undefined,
    tolerant: true,
  };
  return async <T>(operation: string, raw: object): Promise<T> =>
    (await invoke(server, getOperation(operation), { raw, request })).output as T;
}

async function submitAll(ask: Ask, count: number, taskOf: (n: number) => object): Promise<void> {
  for (let at = 0; at < count; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, n) => at + n);
    await Promise.all(some.map((n) => ask('task.submit', taskOf(n))));
  }
}

/** An instant by which so many will have been queued. */
async function instantFor(ask: Ask, tasks: number): Promise<number> {
  const began = performance.now();
  await submitAll(ask, PROBES, () => ({ executor: 'probe', task_type: 'probe' }));
  const each = (performance.now() - began) / PROBES;
  return Math.ceil((Date.now() + 3_000 + 2 * each * tasks) / SECOND_MS) * SECOND_MS;
}

/** Claims and completes until there is nothing more, and all have been seen. */
async function holdOutside(ask: Ask, left: { count: number }): Promise<void> {
  const due = { executor: OUTSIDE, max: CLAIM_MAX, lease_seconds: 600, wait_seconds: 1 };
  while (left.count > 0) {
    const { tasks } = await ask<{ tasks: (TaskObject & { fencing_token: number })[] }>('task.claim', due);
    await Promise.all(
      tasks.map(({ id, fencing_token }) => ask('task.complete', { id, fencing_token, result: fencing_token })),
    );
    left.count -= tasks.length;
  }
}

interface Ended {
  readonly n: number;
  readonly early: number;
  readonly again: number;
  readonly last: number;
}

const rowsOf = async (server: TestServer): Promise<Ended | undefined> =>
  server.sql.read((tx) =>
    tx.get<Ended>(
      `SELECT COUNT(*) AS n, SUM(CASE WHEN started_at < run_at THEN 1 ELSE 0 END) AS early,
         SUM(CASE WHEN attempt <> 1 THEN 1 ELSE 0 END) AS again, MAX(ended_at) AS last
       FROM jobs WHERE type = 'echo' AND status = 'succeeded'`,
    ),
  );

/** How many tasks have so many events of a type. */
const eventsOf = (server: TestServer): Promise<{ type: string; times: number; n: number }[]> =>
  server.sql.read((tx) =>
    tx.all(
      `SELECT type, times, COUNT(*) AS n FROM (SELECT type, object_id, COUNT(*) AS times FROM events
         WHERE type LIKE 'job.%' AND object_id IN (SELECT job_id FROM jobs WHERE type = 'echo') GROUP BY type, object_id) AS one
       GROUP BY type, times ORDER BY type`,
    ),
  );

async function claimableAfter(ask: Ask, last: number): Promise<number> {
  await sleep(Math.max(0, last - Date.now()));
  while ((await ask<{ delayed: number }>('task.metrics', {})).delayed > 0) await sleep(10);
  return Date.now() - last;
}

export async function runDue({ engine, tasks, url }: DueOptions): Promise<DueResult> {
  const database: Record<string, string> = url ? { NEXUS_DATABASE_URL: url } : {};
  const server = await startTestServer({ engine, environment: { NEXUS_WORKER_POLL_SECONDS: '0.2', ...database } });
  try {
    const ask = await asAdmin(server);
    const instant = await instantFor(ask, tasks);
    await submitAll(ask, tasks, (n) => ({
      executor: n % 2 === 0 ? 'nexus' : OUTSIDE,
      task_type: 'echo',
      payload: { value: n },
      run_at: new Date(instant + (n % SECOND_MS)).toISOString(),
    }));
    if (Date.now() >= instant) throw new Error('queueing them took longer than was expected');
    const left = { count: Math.floor(tasks / 2) };
    const holding = Promise.all(Array.from({ length: CLAIMERS }, () => holdOutside(ask, left)));
    const claimableMs = await claimableAfter(ask, instant + SECOND_MS - 1);
    await holding;
    let ended = await rowsOf(server);
    while ((ended?.n ?? 0) < tasks) {
      await sleep(100);
      ended = await rowsOf(server);
    }
    const violations: string[] = [];
    if (ended?.early) violations.push(`${ended.early} started before their time`);
    if (ended?.again) violations.push(`${ended.again} took more than one attempt`);
    for (const type of ['job.queued', 'job.running', 'job.succeeded']) {
      const told = (await eventsOf(server)).filter((one) => one.type === type);
      if (told.length === 1 && told[0]?.times === 1 && told[0].n === tasks) continue;
      violations.push(`${type}: ${told.map(({ times, n }) => `${n} tasks ${times} times`).join(', ')}`);
    }
    return { violations, claimableMs, seconds: ((ended?.last ?? 0) - instant) / 1000 };
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { engine: { type: 'string' }, tasks: { type: 'string' } } });
  const engine = values.engine === 'postgres' ? 'postgres' : 'sqlite';
  const tasks = Number(values.tasks ?? 100_000);
  const postgres = engine === 'postgres' ? await startPostgres() : undefined;
  const url = postgres && (await createDatabase(postgres)).url;
  const { violations, claimableMs, seconds } = await runDue({ engine, tasks, url }).finally(() => postgres?.stop());
  for (const one of violations) console.log(one);
  const met = violations.length === 0 && claimableMs <= CLAIMABLE_MS;
  console.log(
    `${tasks} tasks due in one second, ${engine}: claimable ${claimableMs} ms after it, all ended after ${seconds.toFixed(1)} s, ${violations.length} violations`,
  );
  process.exit(met ? 0 : 1);
}
