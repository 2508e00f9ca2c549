/** Other queues, driven as their own documentation does: each gives the seconds it takes for so many no-op tasks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Logger, makeWorkerUtils, type Runner, run, runMigrations } from 'graphile-worker';
import { PgBoss } from 'pg-boss';
import { IDLE_MS } from './job-queues.ts';

export interface Peer {
  readonly name: string;
  fill(tasks: number): Promise<void>;
  drain(tasks: number, atOnce: number): Promise<number>;
  close(): Promise<void>;
}

const seconds = (began: number): number => (performance.now() - began) / 1000;

/** One job per fetch, in as many loops as run at once. */
export async function openPgBoss(url: string): Promise<Peer> {
  const boss = new PgBoss({ connectionString: url, max: 24, supervise: false, schedule: false });
  boss.on('error', () => undefined);
  await boss.start();
  await boss.createQueue('noop');
  return {
    name: 'pg-boss 12.30.0, one job per fetch',
    fill: async (tasks) => {
      for (let at = 0; at < tasks; at += 1_000) {
        await boss.insert(
          'noop',
          Array.from({ length: Math.min(1_000, tasks - at) }, () => ({ data: {} })),
        );
      }
    },
    drain: async (tasks, atOnce) => {
      const began = performance.now();
      let left = tasks;
      const loop = async (): Promise<void> => {
        while (left > 0) {
          const [job] = await boss.fetch('noop', { batchSize: 1 });
          if (!job) return;
          await boss.complete('noop', job.id);
          left--;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, loop));
      return seconds(began);
    },
    close: () => boss.stop({ graceful: false }),
  };
}

const quiet = new Logger(() => () => undefined);

/** Unbatched: each task is taken and completed by statements of its own. */
export async function openGraphile(
  url: string,
): Promise<Peer & { latencies(samples: number, idleMs?: number): Promise<number[]> }> {
  await runMigrations({ connectionString: url, logger: quiet });
  const utils = await makeWorkerUtils({ connectionString: url, logger: quiet });
  const start = (concurrency: number, task: () => void): Promise<Runner> =>
    run({
      connectionString: url,
      concurrency,
      maxPoolSize: concurrency + 2,
      noHandleSignals: true,
      logger: quiet,
      taskList: { noop: () => task() },
    });
  return {
    name: 'graphile-worker 0.18.0, unbatched',
    fill: async (tasks) => {
      for (let at = 0; at < tasks; at += 1_000) {
        const specs = Array.from({ length: Math.min(1_000, tasks - at) }, () => ({ identifier: 'noop', payload: {} }));
        await utils.addJobs(specs);
      }
    },
    drain: async (tasks, atOnce) => {
      const began = performance.now();
      const runner = await start(atOnce, () => undefined);
      await new Promise<void>((resolve) => {
        let left = tasks;
        // Its result has been written by then.
        runner.events.on('job:complete', () => {
          if (--left === 0) resolve();
        });
      });
      const took = seconds(began);
      await runner.stop();
      return took;
    },
    latencies: async (samples, idleMs = IDLE_MS) => {
      let started = (): void => undefined;
      const runner = await start(4, () => started());
      const found: number[] = [];
      for (let i = 0; i < samples; i++) {
        const began = performance.now();
        const start = new Promise<number>((resolve) => {
          started = () => resolve(performance.now() - began);
        });
        await utils.addJob('noop', {});
        found.push(await start);
        await sleep(idleMs);
      }
      await runner.stop();
      return found;
    },
    close: async () => {
      await utils.release();
    },
  };
}

async function sparePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** On a Redis of its own that syncs each command before it answers. */
export async function openBullMq(): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-redis-'));
  const port = await sparePort();
  const flags = [
    '--port',
    String(port),
    '--dir',
    directory,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
  ];
  const redis: ChildProcess = spawn('redis-server', flags, { stdio: 'ignore' });
  // A bench that failed leaves no server behind.
  process.once('exit', () => redis.kill());
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const queue = new Queue('noop', { connection });
  const events = new QueueEvents('noop', { connection });
  await queue.waitUntilReady();
  await events.waitUntilReady();
  return {
    name: 'BullMQ 6.7.0 on Redis, appendfsync always',
    fill: async (tasks) => {
      for (let at = 0; at < tasks; at += 1_000) {
        const jobs = Array.from({ length: Math.min(1_000, tasks - at) }, () => ({ name: 'noop', data: {} }));
        await queue.addBulk(jobs);
      }
    },
    drain: async (tasks, atOnce) => {
      const began = performance.now();
      const worker = new Worker('noop', async () => null, { connection, concurrency: atOnce });
      await new Promise<void>((resolve) => {
        let left = tasks;
        worker.on('completed', () => {
          if (--left === 0) resolve();
        });
      });
      const took = seconds(began);
      await worker.close();
      return took;
    },
    close: async () => {
      await events.close();
      await queue.close();
      const ended = new Promise((resolve) => redis.once('exit', resolve));
      redis.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
