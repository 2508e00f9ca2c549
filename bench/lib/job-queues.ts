/** The queue of Nexus as benches drive it: a server's own parts without its door, and a worker with so many slots. */

import { z } from 'zod';
import { silentLog } from '../../src/base/log.ts';
import { NO_DEADLINE } from '../../src/core/deadline.ts';
import type { Caller } from '../../src/core/operation.ts';
import { getOperation } from '../../src/core/operations.ts';
import { authenticateKey } from '../../src/features/access/credentials.ts';
import type { AnyJobType } from '../../src/features/jobs/job-types.ts';
import { toolsOf } from '../../src/roof/worker/tools.ts';
import { Worker } from '../../src/roof/worker/worker.ts';
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from '../../test/harness.ts';

export interface NexusQueue {
  /** Queues so many no-op tasks, each a submit of its own. */
  fill(tasks: number): Promise<void>;
  /** Seconds that a worker with so many slots takes for all that is queued, each end durable. */
  drain(tasks: number, slots: number): Promise<number>;
  /** Milliseconds from the call of a submit to the start of its task, one after the other. */
  latencies(samples: number): Promise<number[]>;
  close(): Promise<void>;
}

const SETTINGS = {
  name: 'bench',
  kind: 'process',
  pollMs: 1_000,
  leaseMs: 30_000,
  beatMs: 1_000,
  drainMs: 10_000,
  maxJobs: Number.POSITIVE_INFINITY,
  claims: true,
  keepsHouse: false,
} as const;

export async function openNexusQueue(engine: EngineName, url?: string): Promise<NexusQueue> {
  const environment = { NEXUS_EMBEDDED_WORKER: 'false', ...(url ? { NEXUS_DATABASE_URL: url } : {}) };
  const server = await startTestServer({ engine, environment });
  const submit = await submitter(server);
  return {
    fill: async (tasks) => {
      for (let at = 0; at < tasks; at += 500) {
        await Promise.all(Array.from({ length: Math.min(500, tasks - at) }, submit));
      }
    },
    drain: (tasks, slots) => drain(server, tasks, slots),
    latencies: (samples) => latencies(server, submit, samples),
    close: () => server.stop(),
  };
}

/** As the door does it for a key: caller, permission, event, audit row. */
async function submitter({ running }: TestServer): Promise<() => Promise<void>> {
  const { server } = running;
  const caller = await server.sql.read((tx) => authenticateKey(tx, ADMIN_KEY, Date.now()));
  const operation = getOperation('task.submit');
  const ready = operation.input.parse({ executor: 'nexus', task_type: 'echo', payload: { value: 1 } });
  const context = {
    caller: caller as Caller,
    zone_id: 'root',
    path_prefix: '',
    channel: 'http' as const,
    request_id: 'bench',
    address: null,
    deadline: NO_DEADLINE,
  };
  return () => server.runner.write(operation, ready, context).then(() => undefined);
}

const workerOf = ({ running }: TestServer, slots: number, run: () => void): Worker => {
  const { runner, rings, bricks, blobs, limits } = running.server;
  const noop: AnyJobType = {
    type: 'echo',
    description: '',
    role: 'operator',
    input: z.unknown(),
    run: async () => {
      run();
      return null;
    },
  };
  return new Worker(
    {
      runner,
      rings,
      bricks,
      tools: toolsOf({ runner, blobs, limits, outside: { reach: async () => undefined } }),
      log: silentLog,
      types: new Map([['echo', noop]]),
      house: new Map(),
      timeoutMs: 60_000,
      resultBytes: 1_000,
      settings: { ...SETTINGS, slots },
    },
    Date.now(),
  );
};

async function drain(server: TestServer, tasks: number, slots: number): Promise<number> {
  const { promise: ran, resolve } = Promise.withResolvers<void>();
  let left = tasks;
  const worker = workerOf(server, slots, () => {
    if (--left === 0) resolve();
  });
  const began = performance.now();
  worker.start();
  await ran;
  // A stop waits until the database has been told of every end.
  await worker.stop();
  return (performance.now() - began) / 1000;
}

async function latencies(server: TestServer, submit: () => Promise<void>, samples: number): Promise<number[]> {
  let started = (): void => undefined;
  const worker = workerOf(server, 4, () => started());
  worker.start();
  const found: number[] = [];
  for (let i = 0; i < samples; i++) {
    const began = performance.now();
    const start = new Promise<number>((resolve) => {
      started = () => resolve(performance.now() - began);
    });
    await submit();
    found.push(await start);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await worker.stop();
  return found;
}
