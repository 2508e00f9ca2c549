/**
 * A worker as a process of its own (infrastructure.md §8), beside servers on the same database. Guarantees: it tells how
 * many attempts have ended; a stop drains; one that runs until it is told to stop waits for a database that is away, or that
 * no server has begun yet.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { type Config, sqliteFileOf } from '../../config.ts';
import { silentNotes } from '../../core/call/notes.ts';
import { Rings } from '../../core/rings.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { findZone } from '../../features/zones/zones.sql.ts';
import { prepareAudit } from '../audit/key.ts';
import { isRestoringFault, passRestores, watchRestores } from '../backups/epochs.ts';
import { openBricks } from '../bricks.ts';
import { openComputing } from '../computing.ts';
import { warnOfCorpusRoot } from '../corpus.ts';
import { hasReader, openBell, openBlobs, openFencedSql, openServerSql } from '../engines.ts';
import { keptSecretsKey, openOutside } from '../outside.ts';
import { grantCache } from '../parts.ts';
import { runnerOf } from '../runner.ts';
import { logOfSchema } from '../schema/incomplete.ts';
import { settleSchema } from '../schema/settle.ts';
import { checkStore } from '../store-mark.ts';
import { startThread } from '../threads.ts';
import { openTracing } from '../tracing.ts';
import { stepsOf, takeAllBack } from './tender.ts';
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

const NO_SERVER_YET = 'The database is empty: start a server on it first (nexus serve)';

const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;

/** Number of attempts that ended. Where a restore begins meanwhile, it ends what it does and goes on behind it. */
export async function runWorker(asked: WorkerOptions): Promise<number> {
  const options = { ...asked, log: logOfSchema(asked.config, asked.log) };
  const { once, signal } = options;
  await warnOfCorpusRoot(options.config, options.log);
  for (let processed = 0, { maxJobs } = options; ; ) {
    const ended = await runUntilRestore({ ...options, maxJobs }).catch((thrown: unknown): WorkEnded => {
      // The database says so before anybody else did.
      if (once || !isRestoringFault(thrown)) throw thrown;
      return { processed: 0, restoring: true };
    });
    processed += ended.processed;
    maxJobs -= ended.processed;
    if (!ended.restoring || once || maxJobs <= 0 || signal.aborted) return processed;
  }
}

interface WorkEnded {
  readonly processed: number;
  readonly restoring: boolean;
}

async function runUntilRestore(options: WorkerOptions): Promise<WorkEnded> {
  for (let pause = RETRY_MS; ; pause = Math.min(2 * pause, RETRY_MS_MAX)) {
    const opened = await open(options).catch((thrown: unknown) => {
      const away = thrown instanceof Fault && thrown.code === 'UNAVAILABLE';
      if (options.once || !away) throw thrown;
      options.log('warn', 'worker.waiting', { err: thrown.message });
      return undefined;
    });
    if (opened) return work(opened, options).finally(() => opened.close());
    if (await sleep(pause, true, { signal: options.signal }).catch(() => false)) continue;
    return { processed: 0, restoring: false };
  }
}

interface Opened {
  readonly parts: WorkParts;
  readonly broken: Promise<never>;
  /** Resolves when a restore has begun. */
  readonly restoring: Promise<void>;
  close(): Promise<void>;
}

async function open(options: WorkerOptions): Promise<Opened> {
  const { config: asked, log } = options;
  const file = sqliteFileOf(asked);
  // A place that was mistyped is not made.
  if (file !== undefined && !existsSync(file))
    throw new Fault('UNAVAILABLE', `There is no database at ${file}: start a server on it first (nexus serve)`);
  const { promise: broken, reject: onBroken } = Promise.withResolvers<never>();
  broken.catch(() => undefined);
  const fence = await passRestores(asked, { signal: options.signal });
  const fenced = { fence, onBroken };
  const { auditKey, secretsKey } = await prepare(options, fenced);
  const config = { ...asked, AUDIT_KEY: auditKey };
  const sql = await openServerSql(config, onBroken, fence);
  const blobs = await openBlobs(config);
  const embedded = sqliteFileOf(config) !== undefined;
  const told = tellOfJobs({ log });
  const tracing = await openTracing(config, { log, dropped: () => undefined });
  // A process without metrics counts nothing.
  const notes = { ...silentNotes, log, span: tracing?.note };
  const hears = { config, ...fenced, spans: tracing?.note };
  const [writer, reader] = await Promise.all([
    embedded ? startThread({ ...hears, told, role: 'writer' }) : undefined,
    hasReader(config) ? startThread({ ...hears, role: 'reader' }) : undefined,
  ]);
  const bell = await openBell(config);
  const rings = new Rings(bell);
  const threads = { writer, reader };
  const direct = runnerOf(config, { sql, blobs, threads, rings, grants: grantCache(config), told, tracing });
  // Whether others share the database is for the servers to say, which let stores be mounted.
  const reached = { secretsKey, nodes: () => 1 };
  const { stores, outside, runner, mind } = openOutside({ config, sql, blobs, log, runner: direct, ...reached });
  const bricks = await openBricks({ sql, rings, log, runner, node_id: undefined });
  mind(bricks);
  const computing = openComputing();
  const { promise: restoring, resolve: begun } = Promise.withResolvers<void>();
  const restores = watchRestores({ config, sql, rings, log, fence, begun });
  return {
    parts: { config, runner, sql, rings, bricks, outside, blobs, computing, clock: systemClock, log, tracing, notes },
    broken,
    restoring,
    close: async () => {
      rings.stop();
      await restores.stop();
      await computing.close();
      await bricks.stop();
      await stores.close();
      await Promise.all([writer?.close(), reader?.close()]);
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
async function prepare({ config, log }: WorkerOptions, fenced: Parameters<typeof openFencedSql>[2]): Promise<Keys> {
  const sql = await openFencedSql(config, 'writer', fenced);
  try {
    await settleSchema(sql, config, log);
    // First keys are made where somebody sees them: by a server.
    if (!(await sql.read((tx) => findZone(tx, 'root')))) throw new Fault('UNAVAILABLE', NO_SERVER_YET);
    await checkStore(config, sql);
    const auditKey = await prepareAudit(sql, config.AUDIT_KEY, systemClock);
    return { auditKey, secretsKey: config.SECRETS_KEY || (await sql.write('root', keptSecretsKey)) };
  } finally {
    await sql.close();
  }
}

async function work(
  { parts, broken, restoring }: Opened,
  { once, maxJobs, signal, log }: WorkerOptions,
): Promise<WorkEnded> {
  const limited = once || maxJobs !== Number.POSITIVE_INFINITY;
  const settings = settingsOf(parts.config, 'process');
  const most = once ? 1 : maxJobs;
  const slots = Math.min(settings.slots, most);
  const worker = openWorker(parts, { ...settings, slots, maxJobs: most, keepsHouse: !limited });
  const { worker_id } = worker;
  const recovers = stepsOf({ runner: parts.runner, worker_id });
  await takeAllBack(recovers, { worker_id, log });
  const told = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  if (signal.aborted) return { processed: 0, restoring: false };
  const tender = once ? undefined : tend(parts, { worker_id, recoversOnly: limited });
  const house = limited ? undefined : keepHouse(parts, false);
  const working = once ? worker.once() : worker.run();
  let mayGoOn = false;
  try {
    await Promise.race([
      working,
      told,
      broken,
      restoring.then(() => {
        mayGoOn = true;
      }),
    ]);
  } finally {
    const stopped = Promise.all([tender?.stop(), house?.stop()]).then(() => worker.stop());
    // What it could not write down any more was of a state that is gone.
    await (mayGoOn ? stopped.catch(() => undefined) : stopped);
  }
  return { processed: worker.processed, restoring: mayGoOn };
}
