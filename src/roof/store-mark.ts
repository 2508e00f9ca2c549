/**
 * Whether the store of blobs is the one of the database: nodes with two stores would not read what the others wrote, and two
 * databases with one store would delete each other's contents. Guarantees: the first server of a database marks its store, and
 * any later one whose store lacks that mark is refused; so is a database that begins on a store which another one has marked. A
 * store that is out of reach refuses nobody: that is for the health of the server to tell.
 */
import { randomUUID } from 'node:crypto';
import { Fault } from '../base/faults.ts';
import { withoutUser } from '../config/places.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import { findSetting, keepSetting } from '../features/access/settings.sql.ts';
import { sourceOf } from '../features/content/content.ts';
import type { BlobSource, Blobs } from '../ports/blobs.ts';
import type { Sql } from '../ports/sql.ts';
import { openBlobs } from './engines.ts';

const SETTING = 'blob_store';
/** No row names the marks, so they are never collected. */
const markOf = (id: string): BlobSource => sourceOf(Buffer.from(`The blobs of database ${id} of Nexus\n`));
const TAKEN = sourceOf(Buffer.from('A database of Nexus has its blobs here\n'));

/** A store of blobs that may not be used with this database. Its message says what to do. */
export class StoreMismatch extends Error {
  override readonly name = 'StoreMismatch';
}

const placeOf = ({ BLOBS_URL }: Config): string =>
  BLOBS_URL === '' ? 'The folder of the blobs in NEXUS_DATA_DIR' : `NEXUS_BLOBS_URL (${withoutUser(BLOBS_URL)})`;

const another = (config: Config): StoreMismatch =>
  new StoreMismatch(
    `${placeOf(config)} is not the store of the blobs that this database has: all servers and workers of a database name one. If its objects were moved there, move all of them`,
  );

const taken = (config: Config): StoreMismatch =>
  new StoreMismatch(
    `${placeOf(config)} has the blobs of another database: name a place of its own, or, if that database is gone for good, remove the object ${TAKEN.sha256} there`,
  );

/** @throws StoreMismatch another database, which may still be there, has the store */
export async function refuseTaken(config: Config, blobs: Blobs): Promise<void> {
  // A directory that one process at a time may have is not shared: what lies there is left from before.
  if (sqliteFileOf(config) === undefined && (await blobs.has(TAKEN.sha256))) throw taken(config);
}

interface Store {
  readonly config: Config;
  readonly sql: Sql;
  readonly blobs: Blobs;
}

const findId = (sql: Sql): Promise<string | undefined> => sql.read((tx) => findSetting(tx, SETTING));

/** The mark is there before the database tells of it, and the sign for others after that. */
async function begin({ config, sql, blobs }: Store): Promise<string> {
  const own = randomUUID();
  try {
    await refuseTaken(config, blobs);
  } catch (thrown) {
    // Another node of this database may just have begun.
    const id = await findId(sql);
    if (id === undefined) throw thrown;
    return id;
  }
  await blobs.put(markOf(own));
  const id = await sql.write('root', (tx) => keepSetting(tx, SETTING, own));
  if (id !== own) await blobs.delete(markOf(own).sha256);
  return id;
}

const unlessAway = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((thrown) => {
    if (thrown instanceof Fault && thrown.code === 'UNAVAILABLE') return undefined;
    throw thrown;
  });

async function checkMark({ config, blobs }: Omit<Store, 'sql'>, id: string): Promise<void> {
  if ((await unlessAway(blobs.has(markOf(id).sha256))) === false) throw another(config);
}

/**
 * For whoever fills a database or serves it, and begins the store where nobody has. Gives the hash of the mark, to look for from
 * time to time; undefined where it could not begin. @throws StoreMismatch
 */
export async function beginStore(store: Store): Promise<string | undefined> {
  const id = (await findId(store.sql)) ?? (await unlessAway(begin(store)));
  if (id === undefined) return undefined;
  await checkMark(store, id);
  await unlessAway(store.blobs.put(TAKEN));
  return markOf(id).sha256;
}

/** The same with the store opened for it. */
export const settleStore = (config: Config, sql: Sql): Promise<string | undefined> =>
  withBlobs(config, (blobs) => beginStore({ config, sql, blobs }));

/** For whoever only uses it; nothing to say while no server has begun. @throws StoreMismatch */
export const checkStore = (config: Config, sql: Sql): Promise<void> =>
  withBlobs(config, async (blobs) => {
    const id = await findId(sql);
    if (id !== undefined) await checkMark({ config, blobs }, id);
  });

async function withBlobs<T>(config: Config, work: (blobs: Blobs) => Promise<T>): Promise<T> {
  const blobs = await openBlobs(config);
  return work(blobs).finally(() => blobs.close());
}
