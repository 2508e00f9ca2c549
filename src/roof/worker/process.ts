/**
 * A worker as a process of its own (infrastructure.md §8), beside servers on the same database. Guarantees: it tells how
 * many attempts have ended; a stop drains; one that runs until it is told to stop waits for a database that is away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { type Config, sqliteFileOf } from '../../config.ts';
import { Rings } from '../../core/rings.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { prepareAudit } from '../audit/key.ts';
import { openBricks } from '../bricks.ts';
import { openBell, openBlobs, openServerSql, openThreadSql } from '../engines.ts';
import { keptSecretsKey, openOutside } from '../outside.ts';
import { grantCache } from '../parts.ts';
import { runnerOf } from '../runner.ts';
import { settleSchema } from '../schema/settle.ts';
import { startThread } from '../threads.ts';
import { openTracing } from '../tracing.ts';
import { stepsOf, takeBack } from './tender.ts';
import { tellOfJobs } from './told.ts';
import { keepHouse, openWorker, settingsOf, tend, type WorkParts } from './work.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly log: Log;
  /** Takes lost jobs back, runs at most one job and ends. */
  readonly once: boolean;
  /** Ends after so many jobs; infinite is never. */
  readonly maxJobs: number;
  /** Told to stop. */
  readonly signal: AbortSignal;
}

const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;

/** Number of attempts that ended. */
export async function runWorker(options: WorkerOptions): Promise<number> {
  for (let pause = RETRY_MS; ; pause = Math.min(2 * pause, RETRY_MS_MAX)) {
    const opened = await open(options).catch((thrown: unknown) => {
      const away = thrown instanceof Fault && thrown.code === 'UNAVAILABLE';
      if (options.once || !away) throw thrown;
      options.log('warn', 'worker.waiting', { err: thrown.message });
      return undefined;
    });
    if (opened) return work(opened, options).finally(() => opened.close());
    if (await sleep(pause, true, { signal: options.signal }).catch(() => false)) continue;
    return 0;
  }
}

interface Opened {
  readonly parts: WorkParts;
  readonly broken: Promise<never>;
  close(): Promise<void>;
}

async function open(options: WorkerOptions): Promise<Opened> {
  const { config: asked, log } = options;
  const { promise: broken, reject: onBroken } = Promise.withResolvers<never>();
  broken.catch(() => undefined);
  const { auditKey, secretsKey } = await prepare(options, onBroken);
  const config = { ...asked, AUDIT_KEY: auditKey };
  const sql = await openServerSql(config, onBroken);
  const blobs = await openBlobs(config);
  const embedded = sqliteFileOf(config) !== undefined;
  const told = tellOfJobs({ log });
  const tracing = await openTracing(config, { log, dropped: () => undefined });
  const hears = { config, onBroken, spans: tracing?.note };
  const [writer, reader] = await Promise.all([
    embedded ? startThread({ ...hears, told, role: 'writer' }) : undefined,
    startThread({ ...hears, role: 'reader' }),
  ]);
  const bell = await openBell(config);
  const rings = new Rings(bell);
  const threads = { writer, reader };
  const direct = runnerOf(config, { sql, blobs, threads, rings, grants: grantCache(config), told, tracing });
  // Whether others share the database is for the servers to say, which let stores be mounted.
  const reached = { secretsKey, nodes: () => 1, bricks: () => bricks };
  const { stores, outside, runner } = openOutside({ config, sql, blobs, log, runner: direct, ...reached });
  const bricks = await openBricks({ sql, rings, log, runner, node_id: undefined });
  return {
    parts: { config, runner, sql, rings, bricks, outside, blobs, clock: systemClock, log, tracing },
    broken,
    close: async () => {
      rings.stop();
      await bricks.stop();
      await stores.close();
      await Promise.all([writer?.close(), reader.close()]);
      await sql.close();
      await blobs.close();
      await bell.close();
      await tracing?.close();
    },
  };
}

interface Keys {
  /** What the audit log is chained with. */
  readonly auditKey: string;
  /** What stored secrets are sealed with. */
  readonly secretsKey: string;
}

/** Once the schema is there. */
async function prepare({ config, log }: WorkerOptions, onBroken: (reason: unknown) => void): Promise<Keys> {
  const sql = await openThreadSql(config, 'writer', onBroken);
  try {
    await settleSchema(sql, config, log);
    const auditKey = await prepareAudit(sql, config.AUDIT_KEY, systemClock);
    return { auditKey, secretsKey: config.SECRETS_KEY || (await sql.write('root', keptSecretsKey)) };
  } finally {
    await sql.close();
  }
}

async function work({ parts, broken }: Opened, { once, maxJobs, signal, log }: WorkerOptions): Promise<number> {
  const limited = once || maxJobs !== Number.POSITIVE_INFINITY;
  const settings = settingsOf(parts.config, 'process');
  const most = once ? 1 : maxJobs;
  const slots = Math.min(settings.slots, most);
  const worker = openWorker(parts, { ...settings, slots, maxJobs: most, keepsHouse: !limited });
  const { worker_id } = worker;
  const recovers = stepsOf({ runner: parts.runner, worker_id });
  await takeBack(recovers, { worker_id, log });
  const told = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  if (signal.aborted) return 0;
  const tender = once ? undefined : tend(parts, { worker_id, recoversOnly: limited });
  const house = limited ? undefined : keepHouse(parts, false);
  const working = once ? worker.once() : worker.run();
  try {
    await Promise.race([working, told, broken]);
  } finally {
    await Promise.all([tender?.stop(), house?.stop()]);
    await worker.stop();
  }
  return worker.processed;
}
