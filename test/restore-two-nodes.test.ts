/**
 * A restore with several servers on one PostgreSQL: all of them answer 503 meanwhile and have the restored state after it,
 * and whoever dies, sleeps or comes at whatever instant, the state is the old one or that of the backup.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, loadConfig } from '../src/config.ts';
import type { Sql } from '../src/ports/sql.ts';
import { dumpDatabase } from '../src/roof/backups/offline.ts';
import { openThreadSql } from '../src/roof/engines.ts';
import { ADMIN_KEY } from './harness.ts';
import { type Started, startNexus } from './nexus-process.ts';
import { freshDatabase } from './servers/shared-postgres.ts';
import { sparePort } from './servers/spare-port.ts';

const SLOW = { timeout: 240_000 };
/** Milliseconds after which a server that restores is killed; `KILLS=20` for more of them. */
const KILLS = Array.from({ length: Number(process.env.KILLS ?? 1) }, () => randomInt(1_500));
const place = mkdtempSync(join(tmpdir(), 'nexus-restores-'));
const processes = new Set<Started>();
let database: Awaited<ReturnType<typeof freshDatabase>>;
let config: Config;
let sql: Sql;
let env: Readonly<Record<string, string>>;

interface Node {
  readonly started: Started;
  readonly url: string;
  /** What it has written to its log. */
  log(): string;
}

/** Listens where it is told to, so that it is found again after a restore. */
async function serve(): Promise<Node> {
  const port = await sparePort();
  const started = startNexus(['serve', '--port', String(port)], { env });
  processes.add(started);
  let log = '';
  started.child.stderr?.on('data', (text: string) => {
    log += text;
  });
  await started.said(/listening at/);
  return { started, url: `http://127.0.0.1:${port}`, log: () => log };
}

async function end({ started }: Pick<Node, 'started'>, signal: NodeJS.Signals): Promise<void> {
  started.child.kill(signal);
  await started.ended;
  processes.delete(started);
}

beforeAll(async () => {
  database = await freshDatabase();
  env = {
    NEXUS_DATA_DIR: join(place, 'data'),
    NEXUS_DATABASE_URL: database.url,
    NEXUS_BLOBS_URL: pathToFileURL(join(place, 'blobs')).href,
    NEXUS_ENVIRONMENT: 'prod',
    NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create',
    NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
    NEXUS_RATE_LIMIT_ENABLED: 'false',
    NEXUS_EMBEDDED_WORKER: 'false',
    NEXUS_WORKER_POLL_SECONDS: '0.2',
  };
  config = loadConfig({ environment: {}, given: { ...env, NEXUS_PORT: '0' } }).config;
});
afterAll(async () => {
  for (const { child, ended } of processes) {
    child.kill('SIGKILL');
    await ended;
  }
  await sql?.close();
  await database.drop();
  rmSync(place, { recursive: true, force: true });
});

interface Answered {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: {
    readonly id?: string;
    readonly dump_sha256?: string;
    readonly safety_backup?: string;
    readonly job_id?: string;
    readonly status?: string;
    readonly error?: { readonly code?: string; readonly data?: { readonly reason?: string } } | null;
  };
}

/** Status 0: nobody listens. */
async function ask({ url }: Node, method: string, path: string, body?: unknown, key = ADMIN_KEY): Promise<Answered> {
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text.startsWith('{') ? (JSON.parse(text) as Answered['body']) : {};
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: json };
  } catch {
    return { status: 0, retryAfter: null, body: {} };
  }
}
const write = (node: Node, path: string, content: string) =>
  ask(node, 'POST', '/api/nfs/write', { jsonrpc: '2.0', id: 1, method: 'write', params: { path, content } });
const textAt = async (node: Node, path: string, key = ADMIN_KEY): Promise<string> =>
  fetch(`${node.url}/api/v2/files${path}`, { headers: { authorization: `Bearer ${key}` } }).then(
    async (response) => (response.ok ? response.text() : `status ${response.status}`),
    () => 'status 0',
  );
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await sleep(20);
}
const serves = async (node: Node): Promise<boolean> => (await ask(node, 'GET', '/healthz/ready')).status === 200;
const dumped = async (): Promise<string> => (await dumpDatabase(config, () => undefined)).sha256;

/** A job that only the worker does is done. */
async function works(): Promise<void> {
  const submitted = await ask(first, 'POST', '/api/v1/jobs/submit', { job_type: 'echo', payload: { value: 1 } });
  const { id = submitted.body.job_id } = submitted.body;
  await until(async () => (await ask(first, 'GET', `/api/v1/jobs/${id}`)).body.status === 'succeeded');
}

let first: Node;
let second: Node;
let backup: Answered['body'];

test('each has the state of the backup, and answered 503 or as before until then', SLOW, async () => {
  [first, second] = await Promise.all([serve(), serve()]);
  const worker = startNexus(['worker'], { env });
  processes.add(worker);
  await works();
  sql = await openThreadSql(config, 'writer', () => undefined);
  await write(first, '/kept.txt', 'as it was');
  const made = await ask(first, 'POST', '/api/v2/backups', {});
  expect(made.status).toBe(201);
  backup = made.body;
  await write(first, '/kept.txt', 'changed');
  await write(second, '/later.txt', 'not in the backup');
  // In the memory of both.
  for (const node of [first, second]) expect(await textAt(node, '/kept.txt')).toBe('changed');

  const answers: Answered[] = [];
  let over = false;
  const clients = [first, second, second].map(async (node, client) => {
    for (let n = 0; !over; n++) {
      const answer = await write(node, `/calls/${client}-${n}.txt`, 'a call');
      answers.push(answer);
      if (answer.status !== 200) return;
    }
  });
  const readers = [first, second].map(async (node) => {
    while (!over) await textAt(node, '/kept.txt');
  });
  const restored = await ask(first, 'POST', `/api/v2/backups/${backup.id}/restore`, { confirm: true });
  expect([restored.status, restored.body.error]).toEqual([200, null]);
  over = true;
  await Promise.all([...clients, ...readers]);
  const refused = answers.filter(({ status }) => status !== 200);
  // Nobody listens for the moment in which a door is closed and another one opened.
  for (const { status, body, retryAfter } of refused.filter(({ status }) => status !== 0)) {
    expect([status, body.error?.data?.reason, Number(retryAfter) > 0]).toEqual([503, 'restoring', true]);
  }
  expect(await dumped()).toBe(backup.dump_sha256);
  for (const node of [first, second]) {
    await until(() => serves(node));
    expect(await textAt(node, '/kept.txt')).toBe('as it was');
    expect(await textAt(node, '/later.txt')).toBe('status 404');
  }
  // What could not be written to the log of audit while the state was replaced was written behind it.
  expect([first, second].map((node) => node.log().includes('audit.lost'))).toEqual([false, false]);
  // The worker began anew as well.
  await works();
  await end({ started: worker }, 'SIGTERM');
});

test('they wait for as long as one runs, and go on once whoever made it is gone', SLOW, async () => {
  await sql.write('test', (tx) =>
    tx.run(
      'INSERT INTO restores (epoch, backup_id, began_at, held_until, restored) SELECT MAX(epoch) + 1, ?, 0, ?, 0 FROM restores',
      ['test', Number.MAX_SAFE_INTEGER],
    ),
  );
  for (const node of [first, second]) {
    await until(
      async () => (await ask(node, 'GET', '/api/v2/files/kept.txt')).body.error?.data?.reason === 'restoring',
    );
    // One door may have closed and the next not opened.
    await until(async () => (await ask(node, 'GET', '/healthz/live')).status === 200);
    expect(await serves(node)).toBe(false);
  }
  const before = await dumped();
  expect((await write(second, '/not.txt', 'while it is replaced')).status).not.toBe(200);
  expect(await dumped()).toBe(before);
  await sql.write('test', (tx) => tx.run('UPDATE restores SET held_until = 1 WHERE ended_at IS NULL'));
  for (const node of [first, second]) {
    await until(() => serves(node));
    expect(await textAt(node, '/kept.txt')).toBe('as it was');
  }
});

test('one that sleeps meanwhile can write nothing of what it began with', SLOW, async () => {
  await write(second, '/kept.txt', 'changed again');
  second.started.child.kill('SIGSTOP');
  const asleep = write(second, '/asleep.txt', 'of a state that is gone');
  const restored = await ask(first, 'POST', `/api/v2/backups/${backup.id}/restore`, { confirm: true });
  expect(restored.status).toBe(200);
  second.started.child.kill('SIGCONT');
  const answer = await asleep;
  expect([200, 503, 0]).toContain(answer.status);
  // It hears of it by its first question to the database, at the latest.
  await until(async () => (await textAt(second, '/kept.txt')) === 'as it was');
  expect(await textAt(second, '/asleep.txt')).toBe(answer.status === 200 ? 'of a state that is gone' : 'status 404');
});

test('killed at any instant, it leaves the old state or the new one, and the others go on', SLOW, async () => {
  for (const ms of KILLS) {
    await until(() => serves(first));
    await write(first, '/kept.txt', `before ${ms}`);
    const restoring = ask(first, 'POST', `/api/v2/backups/${backup.id}/restore`, { confirm: true });
    await sleep(ms);
    await end(first, 'SIGKILL');
    await restoring;
    // It begins while what it was killed in may still be taken for under way.
    first = await serve();
    for (const node of [first, second]) {
      await until(async () => ['as it was', `before ${ms}`].includes(await textAt(node, '/kept.txt')));
    }
  }
});
