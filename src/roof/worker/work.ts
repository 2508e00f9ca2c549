/** The work of a node: its worker, what every node does for the queue, and what the server does by itself. */

import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { BrickBoard } from '../../core/brick-board.ts';
import type { Computing } from '../../core/call/computing.ts';
import type { JobHands } from '../../core/call/job-hands.ts';
import type { Notes } from '../../core/call/notes.ts';
import type { Tracing } from '../../core/call/tracing.ts';
import { jobTypes } from '../../core/operations.ts';
import type { Rings } from '../../core/rings.ts';
import type { Runner } from '../../core/transact.ts';
import { corpusFolder } from '../../engines/disk/corpus-folder.ts';
import { planStep } from '../../features/backups/backups.operations.ts';
import type { Outside } from '../../features/mounts/outside.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sql } from '../../ports/sql.ts';
import { startAgeing } from '../ageing.ts';
import { auditKeeping } from '../audit/prune.ts';
import { defaultDestination } from '../backups/depots.ts';
import { openReachable } from '../backups/desk.ts';
import { runBackups } from '../backups/job.ts';
import { type House, startHouse } from '../house/house.ts';
import { type HouseParts, houseTypes } from '../house/types.ts';
import { switchesOf } from '../parts.ts';
import { startSyncClock } from '../sync-clock.ts';
import { systemSteps } from '../system.ts';
import type { WorkerSettings } from './settings.ts';
import { startTender, type Tender } from './tender.ts';
import { toolsOf } from './tools.ts';
import { Worker } from './worker.ts';

export interface WorkParts {
  readonly config: Config;
  readonly runner: Runner;
  readonly sql: Sql;
  readonly rings: Rings;
  readonly bricks: BrickBoard;
  readonly outside: Pick<Outside, 'reach'>;
  readonly blobs: Blobs;
  readonly computing: Computing;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  readonly notes: Notes;
}

export interface Work {
  readonly hands: JobHands;
  /** No more jobs of the queue are claimed. */
  retire(): void;
  /** Jobs in hand have until then, of the monotonic clock. */
  stop(until?: number): Promise<void>;
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
  claims: true,
  keepsHouse: true,
});

export function openWorker(parts: WorkParts, settings: WorkerSettings): Worker {
  const { config, runner, rings, bricks, clock, log, tracing } = parts;
  const types = new Map(jobTypes.map((type) => [type.type, type]));
  const resultBytes = config.limits.JOB_PAYLOAD_BYTES;
  const timeoutMs = config.JOB_TIMEOUT_SECONDS * 1000;
  const house = houseTypes(housePartsOf(parts));
  const { limits } = config;
  const tools = toolsOf({ ...parts, limits, switches: switchesOf(config), folder: corpusFolder(config.CORPUS_ROOT) });
  return new Worker(
    { types, house, timeoutMs, resultBytes, log, tracing, runner, rings, bricks, tools, settings },
    clock.now(),
  );
}

function housePartsOf({ config, runner, sql, blobs, clock, log }: WorkParts): HouseParts {
  const step = systemSteps(runner);
  return {
    step,
    backups: {
      destination: defaultDestination(config),
      make: (signal) => runBackups({ config, sql, blobs, clock, log, step, signal }),
    },
    contents: {
      days: config.CONTENT_CHECK_DAYS,
      openBackups: async () => {
        const { destination } = await step(planStep, 'root', { destination: defaultDestination(config) });
        return openReachable(config, destination, 'look');
      },
    },
    blobs,
    clock,
    log,
    audit: auditKeeping(config),
    eventDays: config.EVENT_RETENTION_DAYS,
    jobsMs: config.JOB_RETENTION_DAYS * DAY_MS,
    conflictsMs: config.limits.CONFLICT_DAYS * DAY_MS,
  };
}

/** `alone`: no other server has this database. */
export const keepHouse = (parts: WorkParts, alone: boolean): House => startHouse(housePartsOf(parts), alone);

export function tend(
  { config, runner, bricks, log }: WorkParts,
  by: { readonly worker_id: string; readonly recoversOnly?: boolean },
): Tender {
  return startTender({ runner, bricks, log, ...by, pollMs: config.WORKER_POLL_SECONDS * 1000 });
}

export function startWork(parts: WorkParts, alone: boolean): Work {
  const { config } = parts;
  const claims = config.EMBEDDED_WORKER ?? config.ENVIRONMENT !== 'test';
  const worker = openWorker(parts, { ...settingsOf(config, 'embedded'), claims });
  worker.start();
  const tender = tend(parts, { worker_id: worker.worker_id });
  const ageing = startAgeing({ step: systemSteps(parts.runner), bricks: parts.bricks, log: parts.log });
  const clock = startSyncClock({ step: systemSteps(parts.runner), bricks: parts.bricks, log: parts.log });
  const house = keepHouse(parts, alone);
  return {
    hands: handsOf(worker, config),
    retire: () => worker.retire(),
    stop: async (until) => {
      await Promise.all([worker.stop(until), tender.stop(), ageing.stop(), clock.stop(), house.stop()]);
    },
  };
}

function handsOf(worker: Worker, config: Config): JobHands {
  let reserved = 0;
  return {
    worker_id: worker.worker_id,
    leaseMs: config.WORKER_LEASE_SECONDS * 1000,
    reserve: () => {
      if (reserved >= config.JOB_SYNC_MAX) return undefined;
      reserved++;
      return () => {
        reserved--;
      };
    },
    run: (job) => worker.runHanded(job),
    offer: (type) => worker.offer(type),
    answer: (offer, job) => worker.answer(offer, job),
  };
}
