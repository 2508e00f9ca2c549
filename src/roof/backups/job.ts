/**
 * The job that makes backups. Guarantees: one at a time in the cluster; one that was cut short is made under the same name
 * by whoever has the job next; a backup counts once its end is written; what expired goes after that, and contents that no
 * manifest names with it.
 */
import { randomBytes } from 'node:crypto';
import type { Log } from '../../base/log.ts';
import { VERSION } from '../../base/version.ts';
import type { Config } from '../../config.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { findSetting } from '../../features/access/settings.sql.ts';
import { type Asked, makeBackup } from '../../features/backups/create.ts';
import type { Manifest } from '../../features/backups/manifest.ts';
import { expired } from '../../features/backups/plan.ts';
import { removeBackups } from '../../features/backups/retention.ts';
import type { Far } from '../../features/backups/runs.ts';
import { type Begun, beginBackup, endBackup, holdBackup } from '../../features/backups/steps.operations.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Depot } from '../../ports/depot.ts';
import type { Sql } from '../../ports/sql.ts';
import type { RunStep } from '../system.ts';
import { defaultDestination, scratchDirectory } from './depots.ts';
import { openReachable } from './desk.ts';
import { stateOf } from './state.ts';

export interface BackupJobParts {
  readonly config: Config;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: RunStep;
}

interface Doing extends BackupJobParts {
  readonly signal: AbortSignal;
}

/** How often it says how far it is, and that contents are to be held back. */
const TELL_MS = 2_000;

/** All that are to be made, one after the other. */
export async function runBackups(doing: Doing): Promise<{ backups: number }> {
  for (let backups = 0; ; backups++) {
    doing.signal.throwIfAborted();
    const random = randomBytes(4).toString('hex');
    const begun = await doing.step(beginBackup, 'root', { destination: defaultDestination(doing.config), random });
    if (!begun) return { backups };
    await runOne(doing, begun);
  }
}

async function runOne(doing: Doing, begun: Begun): Promise<void> {
  const { backup_id } = begun;
  const { step, log, signal } = doing;
  try {
    const { bytes, sent_bytes, took_ms } = await makeAt(doing, begun);
    await step(endBackup, 'root', { backup_id, error: null, bytes });
    log('info', 'backup.completed', { backup: backup_id, bytes, sent_bytes, duration_ms: took_ms });
  } catch (thrown) {
    // It was taken away, or this server stops: whoever has the job next begins it again.
    if (signal.aborted) throw thrown;
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    await step(endBackup, 'root', { backup_id, error, bytes: 0 });
    log('error', 'backup.failed', { backup: backup_id, err: thrown instanceof Error ? thrown.stack : error });
  }
}

async function makeAt(doing: Doing, begun: Begun): Promise<Manifest> {
  const depot = await openReachable(doing.config, begun.destination, 'keep');
  try {
    const manifest = await makeNow(doing, depot, begun);
    await removeBackups(depot, {
      choose: (manifests) => expired(manifests, begun, doing.clock.now()),
      signal: doing.signal,
    });
    return manifest;
  } finally {
    await depot.close();
  }
}

/** Makes one, and says how far it is meanwhile. */
export async function makeNow(
  { step, ...doing }: Doing,
  depot: Depot,
  { backup_id, reason }: Pick<Begun, 'backup_id' | 'reason'>,
): Promise<Manifest> {
  const say = (far: Far) => step(holdBackup, 'root', far);
  return makeTelling({ ...doing, say }, depot, { id: backup_id, reason });
}

export interface Making extends Omit<Doing, 'step'> {
  /** Says how far it is, again and again; it may fail. */
  readonly say: (far: Far) => Promise<unknown>;
}

export async function makeTelling(making: Making, depot: Depot, asked: Asked): Promise<Manifest> {
  const { config, sql, blobs, clock, signal } = making;
  let far = { phase: 'rows', done: 0, total: 0 };
  const untold = tellFar(making, () => ({ backup_id: asked.id, ...far }));
  try {
    const secretsKey = config.SECRETS_KEY ? null : await sql.read((tx) => findSetting(tx, 'secrets_key'));
    return await makeBackup(
      {
        sql,
        stateOf,
        blobs,
        depot,
        scratch: scratchIn(scratchDirectory(config)),
        now: () => clock.now(),
        version: VERSION,
        secretsKey: secretsKey ?? null,
        signal,
        told: (phase, done, total) => {
          far = { phase, done, total };
        },
      },
      asked,
    );
  } finally {
    await untold();
  }
}

/** Says again and again how far one is, until the function that is given is called: then nothing of that is under way. */
export function tellFar({ say, log }: Pick<Making, 'say' | 'log'>, far: () => Far): () => Promise<void> {
  let telling: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    telling = telling
      .then(() => say(far()))
      .catch((thrown: unknown) => log('debug', 'backup.not-told', { err: String(thrown) }));
  }, TELL_MS);
  return async () => {
    clearInterval(timer);
    await telling;
  };
}
