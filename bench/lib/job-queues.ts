/** The queue of Nexus as benches drive it: a server's own parts without its door, and a worker with so many slots. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { silentLog } from '../../src/base/log.ts';
import { silentNotes } from '../../src/core/call/notes.ts';
import { invoke } from '../../src/core/invoke.ts';
import { getOperation } from '../../src/core/operations.ts';
import type { Request } from '../../src/core/request.ts';
import { corpusFolder } from '../../src/engines/disk/corpus-folder.ts';
import { authenticateKey } from '../../src/features/access/credentials.ts';
import { type AnyJobType, echo } from '../../src/features/jobs/job-types.ts';
import { openComputing } from '../../src/roof/computing.ts';
import { toolsOf } from '../../src/roof/worker/tools.ts';
import { Worker } from '../../src/roof/worker/worker.ts';
import { ADMIN_KEY, type EngineName, startTestServer, type TestServer } from '../../test/harness.ts';

export interface NexusQueue {
  /** Queues so many no-op tasks, each a submit of its own. */
  fill(tasks: number): Promise<void>;
  /** Seconds that a worker with so many slots takes for all that is queued, each end durable. */
  drain(tasks: number, slots: number): Promise<number>;
  /** Milliseconds from the call of a submit to the start of its task in the server, one after the other. */
  latencies(samples: number, idleMs?: number): Promise<number[]>;
  close(): Promise<void>;
}

/** Between a start and the next submit: an idle queue has nothing left to write about the task before. */
export const IDLE_MS = 25;

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

/** `worker`: the server has one inside, as it has by default. */
export async function openNexusQueue(engine: EngineName, url?: string, worker = false): Promise<NexusQueue> {
  const environment = { NEXUS_EMBEDDED_WORKER: String(worker), ...(url ? { NEXUS_DATABASE_URL: url } : {}) };
  const server = await startTestServer({ engine, environment });
  const submit = await submitter(server);
  return {
    fill: async (tasks) => {
      for (let at = 0; at < tasks; at += 500) {
        await Promise.all(Array.from({ length: Math.min(500, tasks - at) }, submit));
      }
    },
    drain: (tasks, slots) => drain(server, tasks, slots),
    latencies: (samples, idleMs) => latencies(submit, samples, idleMs),
    close: () => server.stop(),
  };
}

/** As a door does it for a key, from its parameters on. */
async function submitter({ running }: TestServer): Promise<() => Promise<void>> {
  const { server } = running;
  const caller = await server.sql.read((tx) => authenticateKey(tx, ADMIN_KEY, Date.now()));
  const operation = getOperation('task.submit');
  const raw = { executor: 'nexus', task_type: 'echo', payload: { value: 1 } };
  const request: Request = {
    caller,
    channel: 'http',
    request_id: 'bench',
    address: null,
    zone_id: undefined,
    tolerant: true,
  };
  return () => invoke(server, operation, { raw, request }).then(() => undefined);
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
      tools: toolsOf({
        runner,
        blobs,
        computing: openComputing(),
        limits,
        outside: { reach: async () => undefined },
        notes: silentNotes,
        switches: { ml_plugins: false, raw_mode: false, shadow_execution: false },
        folder: corpusFolder('none'),
      }),
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

async function latencies(submit: () => Promise<void>, samples: number, idleMs = IDLE_MS): Promise<number[]> {
  let started = (): void => undefined;
  const { run } = echo;
  const told: typeof run = (...given) => {
    started();
    return run(...given);
  };
  Object.assign(echo, { run: told });
  const found: number[] = [];
  for (let i = 0; i < samples; i++) {
    const began = performance.now();
    const start = new Promise<number>((resolve) => {
      started = () => resolve(performance.now() - began);
    });
    await submit();
    found.push(await start);
    await sleep(idleMs);
  }
  Object.assign(echo, { run });
  return found;
}
