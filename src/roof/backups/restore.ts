/**
 * The state of a running server becomes that of a backup. Guarantees: every byte of the backup is looked at first; from
 * then on calls are refused, none is half done; a backup of what there is comes before the change, which is one
 * transaction; whatever came of it, the server then begins anew, so that nothing in its memory is older than the rows.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import type { BackupDesk } from '../../core/call/backups.ts';
import type { Rings } from '../../core/rings.ts';
import type { Runner } from '../../core/transact.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { findSetting } from '../../features/access/settings.sql.ts';
import { readSecretsKey, withFetched } from '../../features/backups/fetch.ts';
import { type Fetched, loadState } from '../../features/backups/load.ts';
import { backupIdOf, getManifest, type Manifest } from '../../features/backups/manifest.ts';
import { beginRestore, endRestore, holdRestore, lockRestore } from '../../features/backups/restores.sql.ts';
import { endSafety, type Far } from '../../features/backups/runs.ts';
import { beginSafety, holdBackup } from '../../features/backups/steps.operations.ts';
import { isGone, listWorkers } from '../../features/jobs/workers.sql.ts';
import type { Depot } from '../../ports/depot.ts';
import type { Fence } from '../../ports/fence.ts';
import type { Sql } from '../../ports/sql.ts';
import { withSql } from '../offline.ts';
import { systemSteps } from '../system.ts';
import { scratchDirectory } from './depots.ts';
import { openReachable } from './desk.ts';
import { RESTORES_TOPIC } from './epochs.ts';
import type { Gate } from './gate.ts';
import { type BackupJobParts, makeNow, tellFar } from './job.ts';
import { stateOf } from './state.ts';

export interface RestoreParts extends Omit<BackupJobParts, 'step'> {
  /** Not behind the gate. */
  readonly runner: Runner;
  readonly gate: Gate;
  readonly fence: Fence;
  readonly rings: Rings;
  /** Ends the work of this server. */
  readonly stopWork: () => Promise<void>;
  /** Told that nothing but the restore goes on here. */
  readonly begins: () => void;
  /** Closes all and begins anew, soon. */
  readonly anew: () => void;
}

export function restorer(parts: RestoreParts): BackupDesk['restore'] {
  return async ({ destination, backup_id, signal }) => {
    const depot = await openReachable(parts.config, destination, 'keep');
    try {
      return await restore({ ...parts, step: systemSteps(parts.runner), depot, signal }, { backup_id, destination });
    } finally {
      await depot.close();
    }
  };
}

interface Restoring extends RestoreParts, BackupJobParts {
  readonly depot: Depot;
  readonly signal: AbortSignal;
}

async function restore(
  restoring: Restoring,
  { backup_id, destination }: { readonly backup_id: string; readonly destination: string },
): Promise<string> {
  const { depot, step, clock, config } = restoring;
  const manifest = await getManifest(depot, backup_id);
  await checkWorkers(restoring);
  await checkFits(restoring, manifest);
  const safety = backupIdOf(clock.now(), randomBytes(4).toString('hex'));
  await step(beginSafety, 'root', { backup_id: safety, destination });
  let error: string | null = 'the restore did not come to it';
  // Until it is made, which says so itself. The state is another one only after that.
  const telling = { log: restoring.log, say: (far: Far) => step(holdBackup, 'root', far) };
  const untold = tellFar(telling, () => ({ backup_id: safety, phase: 'waiting', done: 0, total: 0 }));
  try {
    const scratch = scratchIn(scratchDirectory(config));
    await withFetched({ ...restoring, scratch, told: () => undefined }, manifest, async (fetched) => {
      await standStill(restoring, backup_id, async (epoch) => {
        await untold();
        await makeNow(restoring, depot, { backup_id: safety, reason: 'safety' });
        error = null;
        await load(restoring, { fetched, epoch });
      });
    });
  } finally {
    await untold();
    const end = { backup_id: safety, error, now: clock.now() };
    await withSql(config, (sql) => sql.write('root', (tx) => endSafety(tx, end)));
  }
  return safety;
}

/** Nothing else happens meanwhile, on any server; then each begins anew, whatever came of it. */
async function standStill(
  restoring: Restoring,
  backup_id: string,
  work: (epoch: number) => Promise<void>,
): Promise<void> {
  const { gate, stopWork, anew, config, fence, clock } = restoring;
  await withSql(config, async (sql) => {
    const epoch = await sql.write(RESTORES_TOPIC, (tx) => beginRestore(tx, { backup_id, clock: clock.now() }));
    if (epoch === undefined) throw alreadyRestoring();
    fence.epoch = epoch;
    restoring.begins();
    restoring.rings.ring(RESTORES_TOPIC);
    const timer = setInterval(() => hold(restoring, sql, epoch), HOLD_EVERY_MS);
    try {
      await gate.shut('callers');
      await stopWork();
      await gate.shut('all');
      await othersGone(sql, fence);
      await work(epoch);
    } finally {
      clearInterval(timer);
      // Where this fails the others take it for over soon.
      await sql
        .write(RESTORES_TOPIC, (tx) => endRestore(tx, { epoch, restored: false, clock: clock.now() }))
        .catch(() => undefined);
      // What this server has to write down at its end is none of the state.
      await gate.shut('callers');
      anew();
    }
  });
}

const HOLD_EVERY_MS = 1_000;

function hold({ log, clock }: Restoring, sql: Sql, epoch: number): void {
  sql
    .write(RESTORES_TOPIC, (tx) => holdRestore(tx, { epoch, clock: clock.now() }))
    .catch((thrown: unknown) => log('debug', 'backup.not-told', { err: String(thrown) }));
}

/** How long others have to end what they do, and then to be gone. */
const LEAVE_MS = 5_000;
const GONE_MS = 10_000;
const LOOK_MS = 50;

/** No other server has a connection that was opened before this restore began. */
async function othersGone(sql: Sql, fence: Fence): Promise<void> {
  if (sql.dialect.name !== 'postgres') return;
  const { countOthers, endOthers } = await import('../../engines/postgres/fence.ts');
  const began = performance.now();
  for (let left = await sql.read((tx) => countOthers(tx, fence)); left > 0; ) {
    const passed = performance.now() - began;
    if (passed > LEAVE_MS + GONE_MS) throw othersStay(left);
    if (passed > LEAVE_MS) await sql.write(RESTORES_TOPIC, (tx) => endOthers(tx, fence));
    await sleep(LOOK_MS);
    left = await sql.read((tx) => countOthers(tx, fence));
  }
}

const alreadyRestoring = (): Fault =>
  new Fault('CONFLICT', 'Another restore is under way; wait for its end', { reason: 'RESTORING' });

const othersStay = (connections: number): Fault =>
  new Fault('CONFLICT', 'Other servers hold on to the database and cannot be kept out: stop them', {
    reason: 'OTHERS',
    connections,
  });

/** One transaction: it is over for all others where it commits, and nothing has happened where somebody gave it up. */
const load = (
  { config, clock }: Restoring,
  { fetched, epoch }: { readonly fetched: Fetched; readonly epoch: number },
): Promise<void> =>
  withSql(config, (sql) =>
    sql.write('root', async (tx) => {
      if (!(await lockRestore(tx, epoch))) throw givenUp();
      await loadState(tx, { fetched, stateOf, now: clock.now(), told: () => undefined });
      await endRestore(tx, { epoch, restored: true, clock: clock.now() });
    }),
  );

const givenUp = (): Fault =>
  new Fault(
    'UNAVAILABLE',
    'This server was away for too long, and the others went on without the restore; begin again',
  );

/** CONFLICT while workers have the data directory too: what they remember of it would be wrong. */
async function checkWorkers({ sql, clock }: Restoring): Promise<void> {
  if (sql.dialect.name === 'postgres') return;
  const workers = await sql.read(listWorkers);
  const others = workers.filter((worker) => worker.kind === 'process' && !isGone(worker, clock.now()));
  if (others.length === 0) return;
  throw new Fault('CONFLICT', 'Workers use the data directory: stop them, restore, and start them again', {
    reason: 'OTHERS',
    workers: others.length,
  });
}

/** CONFLICT where the tables are others, or stored secrets could not be read with the key that is in use. */
async function checkFits({ sql, config, depot }: Restoring, manifest: Manifest): Promise<void> {
  const { schema } = await sql.read(stateOf);
  if (manifest.schema !== schema) {
    throw new Fault(
      'CONFLICT',
      `The tables are of version ${schema}, those of the backup of ${manifest.schema}: restore it into an empty database, with --from`,
      { reason: 'OTHER_SCHEMA' },
    );
  }
  const key = await readSecretsKey(depot, manifest);
  const own = config.SECRETS_KEY || (await sql.read((tx) => findSetting(tx, 'secrets_key')));
  if (key === null || key === own) return;
  throw new Fault(
    'CONFLICT',
    'The backup was made with another key of stored secrets: restore it into an empty database, with --from',
    { reason: 'OTHER_SECRETS' },
  );
}
