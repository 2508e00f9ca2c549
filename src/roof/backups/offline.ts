/**
 * Dumps, backups and restores without a server: for commands that work on the database of a configuration. Guarantees: a
 * dump writes nothing; a restore takes an empty place only, and leaves it empty until all of it is there.
 */
import { dirname } from 'node:path';
import { Fault } from '../../base/faults.ts';
import { type Config, sqliteFileOf } from '../../config.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { claimDirectory } from '../../engines/sqlite/data-directory.ts';
import { putSetting } from '../../features/access/settings.sql.ts';
import { type DumpFigures, type DumpSink, dump } from '../../features/backups/dump.ts';
import { readSecretsKey, withFetched } from '../../features/backups/fetch.ts';
import { isEmpty } from '../../features/backups/load.sql.ts';
import { loadState } from '../../features/backups/load.ts';
import { getManifest, listManifests, type Manifest } from '../../features/backups/manifest.ts';
import { type Verified, verifyBackup } from '../../features/backups/verify.ts';
import type { Depot } from '../../ports/depot.ts';
import type { Sql } from '../../ports/sql.ts';
import { openBlobs, openThreadSql } from '../engines.ts';
import { migrate, readMigrations, schemaState } from '../migrations.ts';
import { withSql } from '../offline.ts';
import { beginStore, refuseTaken } from '../store-mark.ts';
import { scratchDirectory } from './depots.ts';
import { openReachable } from './desk.ts';
import { stateOf } from './state.ts';

export { backupOf, damagedObject } from '../../features/backups/backup-object.ts';

/** Writes nothing to the database, which a server may use meanwhile. */
export async function dumpDatabase(config: Config, write: DumpSink['write']): Promise<DumpFigures> {
  const sql = await openThreadSql(config, 'reader', () => undefined);
  try {
    return await dump(sql, stateOf, { write });
  } finally {
    await sql.close();
  }
}

export interface Told {
  readonly told: (phase: string, done: number, total: number) => void;
  readonly signal: AbortSignal;
}

async function withDepot<T>(config: Config, from: string, work: (depot: Depot) => Promise<T>): Promise<T> {
  const depot = await openReachable(config, from, 'look');
  try {
    return await work(depot);
  } finally {
    await depot.close();
  }
}

const noneAt = (from: string): Fault => new Fault('BACKUP_NOT_FOUND', `There are no backups at ${from}`);

type Listed = Awaited<ReturnType<typeof listManifests>>;

/** BACKUP_NOT_FOUND where none is: whoever names a place expects them there. */
export const listAt = (config: Config, from: string): Promise<Listed> =>
  withDepot(config, from, async (depot) => {
    const listed = await listManifests(depot);
    if (listed.manifests.length > 0 || listed.damaged.length > 0) return listed;
    throw noneAt(from);
  });

async function manifestAt(depot: Depot, { from, ref }: { from: string; ref: string }): Promise<Manifest> {
  try {
    return await getManifest(depot, ref);
  } catch (thrown) {
    if (ref === 'latest' && thrown instanceof Fault && thrown.code === 'BACKUP_NOT_FOUND') throw noneAt(from);
    throw thrown;
  }
}

export const verifyAt = (
  config: Config,
  { from, ref }: { readonly from: string; readonly ref: string },
  told: Told,
): Promise<Verified & { readonly id: string }> =>
  withDepot(config, from, async (depot) => {
    const manifest = await manifestAt(depot, { from, ref });
    return { id: manifest.id, ...(await verifyBackup(depot, manifest, told)) };
  });

/** The state of a backup, in a database and a blob store that are empty. Gives the manifest. */
export const restoreAt = (
  config: Config,
  { from, ref }: { readonly from: string; readonly ref: string },
  told: Told,
): Promise<Manifest> =>
  withDepot(config, from, async (depot) => {
    const manifest = await manifestAt(depot, { from, ref });
    const file = sqliteFileOf(config);
    const claim = file === undefined ? undefined : claimDirectory(dirname(file));
    try {
      return await withSql(config, (sql) => restoreInto({ config, sql, depot, manifest, ...told }));
    } finally {
      claim?.release();
    }
  });

interface Restoring extends Told {
  readonly config: Config;
  readonly sql: Sql;
  readonly depot: Depot;
  readonly manifest: Manifest;
}

async function restoreInto(restoring: Restoring): Promise<Manifest> {
  const { config, sql, depot, manifest, told } = restoring;
  await checkPlace(sql, manifest);
  const secretsKey = await readSecretsKey(depot, manifest);
  const blobs = await openBlobs(config);
  try {
    await refuseTaken(config, blobs);
    await withFetched(
      { ...restoring, blobs, scratch: scratchIn(scratchDirectory(config)) },
      manifest,
      async (fetched) => {
        // The tables as they were, so that what came later changes rows as it would have there.
        await migrate(sql, { upTo: manifest.schema });
        await sql.write('root', async (tx) => {
          if (!(await isEmpty(tx))) throw notEmpty();
          await loadState(tx, { fetched, stateOf, now: systemClock.now(), told });
          if (secretsKey !== null) await putSetting(tx, 'secrets_key', secretsKey);
        });
      },
    );
    await migrate(sql);
    // Before any server begins: one that is told another place would take that for the store.
    await beginStore({ config, sql, blobs });
  } finally {
    await blobs.close();
  }
  return manifest;
}

const notEmpty = (): Fault =>
  new Fault('CONFLICT', 'The database has zones already: restore into an empty one, or ask the server that has it', {
    reason: 'NOT_EMPTY',
  });

async function checkPlace(sql: Sql, { schema, version }: Manifest): Promise<void> {
  const newest = readMigrations(sql.dialect).at(-1)?.version ?? 0;
  if (schema > newest) {
    throw new Fault(
      'CONFLICT',
      `The backup was made by nexus ${version}, with tables of version ${schema}; this one knows ${newest}: run a newer nexus`,
    );
  }
  const { applied } = await schemaState(sql);
  if (applied > 0 && !(await sql.read(isEmpty))) throw notEmpty();
  if (applied > schema) {
    throw new Fault(
      'CONFLICT',
      `The tables are of version ${applied}, those of the backup of ${schema}: restore into a database without tables`,
    );
  }
}
