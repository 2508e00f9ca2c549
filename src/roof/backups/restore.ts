/**
 * The state of a running server becomes that of a backup. Guarantees: every byte of the backup is looked at first; from
 * then on calls are refused, none is half done; a backup of what there is comes before the change, which is one
 * transaction; whatever came of it, the server then begins anew, so that nothing in its memory is older than the rows.
 */
import { randomBytes } from 'node:crypto';
import { Fault } from '../../base/faults.ts';
import type { BackupDesk } from '../../core/call/backups.ts';
import type { Runner } from '../../core/transact.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { findSetting } from '../../features/access/settings.sql.ts';
import { readSecretsKey, withFetched } from '../../features/backups/fetch.ts';
import { type Fetched, loadState } from '../../features/backups/load.ts';
import { backupIdOf, getManifest, type Manifest } from '../../features/backups/manifest.ts';
import { beginSafety, endSafety } from '../../features/backups/steps.operations.ts';
import { isGone, listWorkers } from '../../features/jobs/workers.sql.ts';
import type { Depot } from '../../ports/depot.ts';
import { withSql } from '../offline.ts';
import { systemSteps } from '../system.ts';
import { scratchDirectory } from './depots.ts';
import { openReachable } from './desk.ts';
import type { Gate } from './gate.ts';
import { type BackupJobParts, makeNow } from './job.ts';
import { stateOf } from './state.ts';

export interface RestoreParts extends Omit<BackupJobParts, 'step'> {
  /** Not behind the gate. */
  readonly runner: Runner;
  readonly gate: Gate;
  readonly nodes: () => number;
  /** Ends the work of this server. */
  readonly stopWork: () => Promise<void>;
  /** Closes all and begins anew, soon. */
  readonly anew: () => void;
}

export function restorer(parts: RestoreParts): BackupDesk['restore'] {
  return async ({ destination, backup_id, signal }) => {
    const depot = await openReachable(parts.config, destination);
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
  await checkAlone(restoring);
  await checkFits(restoring, manifest);
  const safety = backupIdOf(clock.now(), randomBytes(4).toString('hex'));
  await step(beginSafety, 'root', { backup_id: safety, destination });
  let error: string | null = 'the restore did not come to it';
  try {
    const scratch = scratchIn(scratchDirectory(config));
    await withFetched({ ...restoring, scratch, told: () => undefined }, manifest, async (fetched) => {
      await standStill(restoring, async () => {
        await makeNow(restoring, depot, { backup_id: safety, reason: 'safety' });
        error = null;
        await load(restoring, fetched);
      });
    });
  } finally {
    const end = { backup_id: safety, error, now: clock.now() };
    await withSql(config, (sql) => sql.write('root', (tx) => endSafety(tx, end)));
  }
  return safety;
}

/** Nothing else happens meanwhile; then the server begins anew, whatever came of it. */
async function standStill({ gate, stopWork, anew }: Restoring, work: () => Promise<void>): Promise<void> {
  try {
    await gate.shut('callers');
    await stopWork();
    await gate.shut('all');
    await work();
  } finally {
    // What this server has to write down at its end is none of the state.
    await gate.shut('callers');
    anew();
  }
}

const load = ({ config, clock }: Restoring, fetched: Fetched): Promise<number> =>
  withSql(config, (sql) =>
    sql.write('root', (tx) => loadState(tx, { fetched, stateOf, now: clock.now(), told: () => undefined })),
  );

/** CONFLICT while others have the database too: what they remember of it would be wrong. */
async function checkAlone({ sql, clock, nodes }: Restoring): Promise<void> {
  const workers = await sql.read(listWorkers);
  const others = workers.filter((worker) => worker.kind === 'process' && !isGone(worker, clock.now()));
  if (nodes() <= 1 && others.length === 0) return;
  throw new Fault('CONFLICT', 'Other servers or workers use the database: stop them, restore, and start them again', {
    reason: 'OTHERS',
    servers: nodes() - 1,
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
