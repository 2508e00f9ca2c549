/**
 * A backup of a PostgreSQL database before its schema changes. Guarantees: it is whole and read back before the first
 * migration runs, or nothing changes; one node makes it, and the others wait until that node has migrated; until then no
 * content is collected and no other backup is made, also by nodes of the release before.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { backupIdOf } from '../../features/backups/manifest.ts';
import { readPlan } from '../../features/backups/plan.ts';
import { beginSafetyRun, endSafety, type Far, holdRun } from '../../features/backups/runs.ts';
import { queueTime } from '../../features/jobs/clock.sql.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { defaultDestination } from '../backups/depots.ts';
import { openReachable } from '../backups/desk.ts';
import { makeTelling, tellFar } from '../backups/job.ts';
import { openBlobs } from '../engines.ts';
import { schemaState } from '../migrations.ts';

/** The migration that made the tables of backups: on what is older none can be made. */
export const BACKUPS_SINCE = 77;
const LOOK_AGAIN_MS = 500;

export interface Telling {
  readonly log: Log;
  /** Told now and then of how far a backup is. */
  readonly far?: ((phase: string, done: number, total: number) => void) | undefined;
}

interface Before extends Telling {
  readonly sql: Sql;
  readonly config: Config;
}

interface Begun {
  readonly backup_id: string;
  readonly destination: string;
}

/** Does the work once there is a backup. 0 where another node has done it. */
export async function backedUp(before: Before, work: () => Promise<number>): Promise<number> {
  const begun = await begin(before);
  if (!begun) return 0;
  const { backup_id, destination } = begun;
  const say = ({ phase, done, total }: Omit<Far, 'backup_id'>) => {
    before.far?.(phase, done, total);
    return inRoot(before.sql, (tx, now) => holdRun(tx, { backup_id, phase, done, total }, now));
  };
  let error: string | null = 'it was not made';
  try {
    await make({ ...before, say }, begun);
    error = null;
    before.log('info', 'schema.backed_up', { backup: backup_id, file: destination });
    const untold = tellFar({ log: before.log, say }, () => ({ backup_id, phase: 'migrations', done: 0, total: 0 }));
    return await work().finally(untold);
  } catch (thrown) {
    if (error !== null) error = said(thrown);
    throw thrown;
  } finally {
    await inRoot(before.sql, (tx, now) => endSafety(tx, { backup_id, error, now }));
  }
}

/** Undefined where nothing is pending any more. */
async function begin({ sql, config, log }: Before): Promise<Begun | undefined> {
  const { destination } = await sql.read((tx) => readPlan(tx, defaultDestination(config)));
  for (let waited = false; ; waited = true) {
    if ((await schemaState(sql)).pending.length === 0) return undefined;
    const begun = { backup_id: backupIdOf(systemClock.now(), randomBytes(4).toString('hex')), destination };
    if (await inRoot(sql, (tx, now) => beginSafetyRun(tx, begun, now))) return begun;
    if (!waited) log('info', 'schema.waits', {});
    await sleep(LOOK_AGAIN_MS);
  }
}

interface Making extends Before {
  readonly say: (far: Far) => Promise<unknown>;
}

async function make(making: Making, { backup_id, destination }: Begun): Promise<void> {
  try {
    const depot = await openReachable(making.config, destination, 'keep');
    const blobs = await openBlobs(making.config, 'beside');
    try {
      const { signal } = new AbortController();
      // It is as good as one that was asked for: who goes back wants the newest.
      await makeTelling({ ...making, blobs, clock: systemClock, signal }, depot, { id: backup_id, reason: 'asked' });
    } finally {
      await blobs.close();
      await depot.close();
    }
  } catch (thrown) {
    throw new Error(
      `The database could not be backed up to ${destination} before its schema changes (${said(thrown)}): see to that, or set NEXUS_MIGRATION_COPIES=0 to go on without`,
    );
  }
}

/** Under the lock of zone root, by the time of the database. */
const inRoot = <T>(sql: Sql, work: (tx: Tx, now: number) => Promise<T>): Promise<T> =>
  sql.write('root', async (tx) => work(tx, await queueTime({ tx, now: systemClock.now() })));

const said = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
