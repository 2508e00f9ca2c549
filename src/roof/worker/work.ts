/** The work of a node: its worker, where it has one, and what every node does for the queue. */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { jobTypes } from '../../core/operations.ts';
import type { Rings } from '../../core/rings.ts';
import type { Runner } from '../../core/transact.ts';
import type { Clock } from '../../ports/clock.ts';
import { startTender } from './tender.ts';
import { Worker, type WorkerSettings, workerId } from './worker.ts';

export interface WorkParts {
  readonly config: Config;
  readonly runner: Runner;
  readonly rings: Rings;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Work {
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;

export const settingsOf = (config: Config, kind: WorkerSettings['kind']): WorkerSettings => ({
  name: config.WORKER_NAME,
  kind,
  slots: config.WORKER_SLOTS,
  pollMs: config.WORKER_POLL_SECONDS * 1000,
  leaseMs: config.WORKER_LEASE_SECONDS * 1000,
  beatMs: config.WORKER_HEARTBEAT_SECONDS * 1000,
  drainMs: config.DRAIN_SECONDS * 1000,
  maxJobs: Number.POSITIVE_INFINITY,
});

export function openWorker(parts: WorkParts, settings: WorkerSettings): Worker {
  const { config, runner, rings, clock, log } = parts;
  const types = new Map(jobTypes.map((type) => [type.type, type]));
  const resultBytes = config.limits.JOB_PAYLOAD_BYTES;
  const timeoutMs = config.JOB_TIMEOUT_SECONDS * 1000;
  return new Worker({ types, timeoutMs, resultBytes, log, runner, rings, settings }, clock.now());
}

export function tend({ config, runner, log }: WorkParts, worker_id: string) {
  const pollMs = config.WORKER_POLL_SECONDS * 1000;
  return startTender({ runner, log, worker_id, pollMs, retentionMs: config.JOB_RETENTION_DAYS * DAY_MS });
}

export function startWork(parts: WorkParts): Work {
  const { config } = parts;
  const embedded = config.EMBEDDED_WORKER ?? config.ENVIRONMENT !== 'test';
  const worker = embedded ? openWorker(parts, settingsOf(config, 'embedded')) : undefined;
  worker?.start();
  const tender = tend(parts, worker?.worker_id ?? workerId(config.WORKER_NAME));
  return {
    stop: async () => {
      await Promise.all([worker?.stop(), tender.stop()]);
    },
  };
}
