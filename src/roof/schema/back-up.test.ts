/** PostgreSQL is backed up before its schema changes: once, whole, so that one can go back; or nothing changes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { type Config, loadConfig } from '../../config.ts';
import { isHeld, newestRuns, saveRun } from '../../features/backups/runs.sql.ts';
import { newRun } from '../../features/backups/runs.ts';
import { insertZone } from '../../features/zones/zones.sql.ts';
import type { Sql } from '../../ports/sql.ts';
import { dumpDatabase, listAt, restoreAt, verifyAt } from '../backups/offline.ts';
import { openThreadSql } from '../engines.ts';
import { appliedVersion, migrate, readMigrations } from '../migrations.ts';
import { backedUp } from './back-up.ts';
import { migrateKeeping } from './settle.ts';

const OLD = 77;
const quiet = { told: () => undefined, signal: new AbortController().signal };

let directory: string;
let ends: (() => Promise<unknown>)[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-back-up-'));
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  rmSync(directory, { recursive: true, force: true });
});

async function fresh(more: Readonly<Record<string, string>> = {}): Promise<Config> {
  const database = await freshDatabase();
  ends.push(database.drop);
  const given = { NEXUS_DATA_DIR: directory, NEXUS_DATABASE_URL: database.url, ...more };
  return loadConfig({ environment: {}, given }).config;
}

async function open(config: Config): Promise<Sql> {
  const sql = await openThreadSql(config, 'writer', () => undefined);
  ends.push(() => sql.close());
  return sql;
}

/** A database of an earlier release, with a zone. */
async function old(config: Config, version = OLD): Promise<Sql> {
  const sql = await open(config);
  await migrate(sql, { upTo: version });
  const zone = { zone_id: 'root', name: 'Root', domain: null, description: null, limits: '{}', now: 1 };
  await sql.write('root', (tx) => insertZone(tx, zone));
  return sql;
}

const telling = (told: unknown[]): { log: Log } => ({
  log: (level, event, fields) => void told.push([level, event, fields]),
});

const newestOf = (sql: Sql): number => readMigrations(sql.dialect).at(-1)?.version ?? 0;

test('a backup is made before, by which an older program goes back, and a start without migrations makes none', async () => {
  const config = await fresh();
  const sql = await old(config);
  const told: unknown[] = [];
  const upgrade = () => migrateKeeping(sql, config, telling(told));
  const before = await dumpDatabase(config, () => undefined);
  expect(await upgrade()).toBeGreaterThan(1);
  const from = join(directory, 'backups');
  const { manifests } = await listAt(config, from);
  expect(manifests).toMatchObject([{ schema: OLD, reason: 'asked', dump_sha256: before.sha256 }]);
  const [{ id } = { id: '' }] = manifests;
  expect(told).toEqual([['info', 'schema.backed_up', { backup: id, file: from }]]);
  expect(await sql.read((tx) => newestRuns(tx, 9))).toMatchObject([{ backup_id: id, status: 'succeeded' }]);
  expect(await verifyAt(config, { from, ref: 'latest' }, quiet)).toMatchObject({ id });
  const other = await fresh();
  await restoreAt(other, { from, ref: id }, quiet);
  expect(await (await open(other)).read((tx) => tx.all('SELECT zone_id FROM zones'))).toEqual([{ zone_id: 'root' }]);
  expect(await upgrade()).toBe(0);
  expect((await listAt(config, from)).manifests).toHaveLength(1);
});

test('of nodes that start together one makes it, and each migration is applied once', async () => {
  const config = await fresh();
  const first = await old(config);
  const all = [first, await open(config), await open(config)];
  const pending = readMigrations(first.dialect).filter(({ version }) => version > OLD).length;
  const waits: string[] = [];
  const log: Log = (_level, event) => void waits.push(event);
  const applied = await Promise.all(all.map((sql) => migrateKeeping(sql, config, { log })));
  expect(applied.toSorted((one, other) => one - other)).toEqual([0, 0, pending]);
  expect(waits.toSorted()).toEqual(['schema.backed_up', 'schema.waits', 'schema.waits']);
  expect((await listAt(config, join(directory, 'backups'))).manifests).toHaveLength(1);
});

test('until the migrations have run contents are held back, and what came of it is written down', async () => {
  const config = await fresh();
  const sql = await old(config);
  const held = async (): Promise<boolean> => {
    const clock = await sql.read((tx) => tx.get<{ now: number }>(tx.dialect.clock ?? ''));
    return sql.read((tx) => isHeld(tx, clock?.now ?? 0));
  };
  expect(await held()).toBe(false);
  const work = async (): Promise<number> => {
    expect(await held()).toBe(true);
    throw new Error('a migration failed');
  };
  await expect(backedUp({ sql, config, log: silentLog }, work)).rejects.toThrow('a migration failed');
  expect(await held()).toBe(false);
  // The backup is good, whatever became of the migrations.
  expect(await sql.read((tx) => newestRuns(tx, 9))).toMatchObject([{ status: 'succeeded', error: null }]);
});

test('it waits for a backup that another makes, and for none whose maker is gone', async () => {
  const config = await fresh();
  const sql = await old(config);
  const run = newRun({ backup_id: 'bk-other', reason: 'asked', destination: directory }, 1);
  await sql.write('root', (tx) => saveRun(tx, { ...run, status: 'running' }));
  await sql.write('root', (tx) => saveRun(tx, { ...run, backup_id: 'bk-gone', reason: 'safety', status: 'running' }));
  const log = vi.fn<Log>();
  const upgrading = migrateKeeping(sql, config, { log });
  await vi.waitFor(() => expect(log).toHaveBeenCalledWith('info', 'schema.waits', {}));
  expect(await appliedVersion(sql)).toBe(OLD);
  await sql.write('root', (tx) => saveRun(tx, { ...run, status: 'succeeded', ended_at: 2 }));
  expect(await upgrading).toBeGreaterThan(1);
  const runs = await sql.read((tx) => newestRuns(tx, 9));
  expect(runs.find(({ backup_id }) => backup_id === 'bk-gone')).toMatchObject({ status: 'failed' });
});

test('where it cannot be made nothing changes, and the reason says what to do', async () => {
  const config = await fresh();
  const sql = await old(config);
  writeFileSync(join(directory, 'backups'), 'no directory');
  await expect(migrateKeeping(sql, config, { log: silentLog })).rejects.toThrow(
    /could not be backed up to .*backups before its schema changes.*NEXUS_MIGRATION_COPIES=0/,
  );
  expect(await appliedVersion(sql)).toBe(OLD);
  expect(await sql.read((tx) => newestRuns(tx, 9))).toMatchObject([
    { status: 'failed', error: expect.stringContaining('could not be backed up') },
  ]);
});

test.each([
  ['whose tables are older than backups', 60, '3', 'never'],
  ['whose backups nobody wants', OLD, '0', '2001-09-09T01:46:40.000Z'],
])('of a database %s it is said how old the newest good one is', async (_which, from, copies, backup_at) => {
  const config = await fresh({ NEXUS_MIGRATION_COPIES: copies });
  const sql = await old(config, from);
  if (from === OLD) {
    const run = newRun({ backup_id: 'b', reason: 'asked', destination: '' }, 0);
    await sql.write('root', (tx) => saveRun(tx, { ...run, status: 'succeeded', ended_at: 1_000_000_000_000 }));
  }
  const told: unknown[] = [];
  await migrateKeeping(sql, config, telling(told));
  expect(told).toEqual([['warn', 'schema.unkept', { backup_at }]]);
  expect(await appliedVersion(sql)).toBe(newestOf(sql));
});

test('a new database has nothing that could be kept', async () => {
  const config = await fresh();
  const told = vi.fn<Log>();
  expect(await migrateKeeping(await open(config), config, { log: told })).toBeGreaterThan(5);
  expect(told).not.toHaveBeenCalled();
});
