/** A backup taken under load and restored elsewhere is equal, on either engine; whatever is wrong with one is found. */
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES, type EngineName, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { freshBucket, settingsFor } from '../../../test/servers/shared-s3.ts';
import { type Config, loadConfig } from '../../config.ts';
import { scratchIn } from '../../engines/disk/scratch.ts';
import { sqliteDialect } from '../../engines/sqlite/connection.ts';
import { makeBackup } from '../../features/backups/create.ts';
import { backupIdOf, type Manifest } from '../../features/backups/manifest.ts';
import { insertZone } from '../../features/zones/zones.sql.ts';
import type { Depot } from '../../ports/depot.ts';
import { openBlobs } from '../engines.ts';
import { migrate, readMigrations } from '../migrations.ts';
import { withSql } from '../offline.ts';
import { openDepot } from './depots.ts';
import { dumpDatabase, restoreAt, verifyAt } from './offline.ts';
import { stateOf } from './state.ts';

const LARGE = 300_000;
/** Versions of the tables since there are backups; a few of them, since each takes a database or two. */
const EARLIER = readMigrations(sqliteDialect)
  .map(({ version }) => version)
  .filter((version) => version >= 77)
  .filter((_, at) => at % 4 === 0);
/** Bytes of a backup that are changed, one at a time. */
const FLIPS = 60;
const quiet = { told: () => undefined, signal: new AbortController().signal };

/** All files below a directory. */
const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

forEachEngine('a backup', (engine) => {
  let server: TestServer;
  const place = mkdtempSync(join(tmpdir(), 'nexus-backups-'));
  const destination = join(place, 'depot');
  const large = randomBytes(LARGE).toString('base64');
  const backup = async (
    depot: Depot,
    { sql, config }: Pick<TestServer, 'sql' | 'config'> = server,
  ): Promise<Manifest> => {
    const at = Date.now();
    const blobs = await openBlobs(config);
    try {
      return await makeBackup(
        {
          ...quiet,
          sql,
          stateOf,
          blobs,
          depot,
          scratch: scratchIn(place),
          now: () => at,
          version: 'test',
          secretsKey: 'the key of secrets',
        },
        { id: backupIdOf(at, randomBytes(4).toString('hex')), reason: 'asked' },
      );
    } finally {
      await blobs.close();
    }
  };
  const inDepot = async <T>(work: (depot: Depot) => Promise<T>): Promise<T> => {
    const depot = await openDepot(server.config, destination, 'keep');
    try {
      return await work(depot);
    } finally {
      await depot.close();
    }
  };
  const elsewhere = async (other: EngineName): Promise<{ config: Config; drop: () => Promise<void> }> => {
    const directory = mkdtempSync(join(place, 'other-'));
    const database = other === 'postgres' ? await freshDatabase() : { url: '', drop: async () => undefined };
    const given = { NEXUS_DATA_DIR: directory, NEXUS_DATABASE_URL: database.url, NEXUS_PORT: '0' };
    const prod = { NEXUS_ENVIRONMENT: 'prod', NEXUS_SCHEMA_MANAGEMENT_MODE: 'auto_create' };
    return { config: loadConfig({ environment: {}, given: { ...given, ...prod } }).config, drop: database.drop };
  };

  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('other');
    const key = await server.addKey({ role: 'operator', grants: [['direct_editor', '/team']] });
    for (let n = 0; n < 20; n++) await server.ok('write', { path: `/team/${n}.txt`, content: `text ${n}` }, key);
    await server.ok('write', { path: '/team/3.txt', content: 'again' }, key);
    await server.ok('delete', { path: '/team/4.txt' }, key);
    await server.ok('write', { path: '/large.txt', content: large });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(place, { recursive: true });
  });

  test('under load is one snapshot, and equal where it is restored, on each engine', { timeout: 60_000 }, async () => {
    let stop = false;
    const writers = [0, 1, 2, 3].map(async (writer) => {
      for (let n = 0; !stop; n++)
        await server.ok('write', {
          path: `/load/${writer}/${n}`,
          content: `${writer} ${n} ${randomBytes(20).toString('hex')}`,
        });
    });
    const manifest = await inDepot((depot) => backup(depot));
    stop = true;
    await Promise.all(writers);
    expect(manifest.revisions.root).toBeGreaterThan(20);
    for (const other of ENGINES) {
      const { config, drop } = await elsewhere(other);
      await restoreAt(config, { from: destination, ref: manifest.id }, quiet);
      const { sha256, rows, revisions } = await dumpDatabase(config, () => undefined);
      expect({ sha256, rows, revisions }).toEqual({
        sha256: manifest.dump_sha256,
        rows: manifest.rows,
        revisions: manifest.revisions,
      });
      const again = restoreAt(config, { from: destination, ref: manifest.id }, quiet);
      await expect(again).rejects.toMatchObject({ code: 'CONFLICT', data: { reason: 'NOT_EMPTY' } });
      const restored = await startTestServer({ engine: other, environment: { ...environmentOf(config) } });
      const read = async (path: string): Promise<string> => (await restored.http(`/api/v2/files${path}`)).text();
      expect((await read('/large.txt')) === large).toBe(true);
      expect(await read('/team/3.txt')).toBe('again');
      expect((await restored.ok('write', { path: '/team/new.txt', content: 'behind' })).revision).toBe(
        (manifest.revisions.root ?? 0) + 1,
      );
      await restored.stop();
      await drop();
    }
  });

  test.each(EARLIER)(
    'of an earlier release, with tables of version %i, is restored by this one',
    { timeout: 60_000 },
    async (schema) => {
      const before = await elsewhere(engine);
      const from = join(place, `depot-${schema}`);
      const made = await withSql(before.config, async (sql) => {
        await migrate(sql, { upTo: schema });
        await sql.write('root', async (tx) => {
          await insertZone(tx, {
            zone_id: 'root',
            name: 'Root',
            domain: null,
            description: null,
            limits: '{}',
            now: 1,
          });
          await tx.run('INSERT INTO blobs (sha256, size, touched_at, utf8, inline) VALUES (?, 4, 1, 1, ?)', [
            hash('sha256', 'text'),
            Buffer.from('text'),
          ]);
          await tx.run(
            `INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, size, content_type,
               reason, created_at, created_by, modified_at, modified_by, etag, blob_id)
             SELECT 'root', 'main', '/a', '/', 'f', 'f', 1, 9007199254740991, 1, 4, '', 'write', 1, 'test', 1, 'test', sha256, blob_id FROM blobs`,
          );
        });
        const depot = await openDepot(before.config, from, 'keep');
        const manifest = await backup(depot, { sql, config: before.config });
        await depot.close();
        return manifest;
      });
      expect(made).toMatchObject({ schema });
      const after = await elsewhere(engine);
      await restoreAt(after.config, { from, ref: made.id }, quiet);
      const told = await withSql(after.config, (sql) =>
        sql.read((tx) => tx.all('SELECT path, sha256 FROM file_states s JOIN blobs b ON b.blob_id = s.blob_id')),
      );
      expect(told).toEqual([{ path: '/a', sha256: hash('sha256', 'text') }]);
      await before.drop();
      await after.drop();
    },
  );

  test('goes to a bucket as to a directory', { timeout: 60_000 }, async () => {
    const { endpoint, bucket } = await freshBucket();
    const { NEXUS_BLOBS_URL: _blobs, ...keys } = settingsFor({ endpoint, bucket });
    const from = `s3://${bucket}/backups/here?endpoint=${encodeURIComponent(endpoint)}`;
    const depot = await openDepot({ ...server.config, ...keys }, from, 'keep');
    const { dump_sha256, id } = await backup(depot);
    await depot.close();
    expect(await verifyAt({ ...server.config, ...keys }, { from, ref: 'latest' }, quiet)).toMatchObject({ id });
    const { config, drop } = await elsewhere(engine);
    await restoreAt({ ...config, ...keys }, { from, ref: id }, quiet);
    expect((await dumpDatabase(config, () => undefined)).sha256).toBe(dump_sha256);
    await drop();
  });

  test('sends what is there already not again', async () => {
    const [one, two] = await inDepot(async (depot) => [await backup(depot), await backup(depot)]);
    expect(two!.dump_sha256).toBe(one!.dump_sha256);
    expect(two!.bytes).toBe(one!.bytes);
    expect(two!.bytes).toBeGreaterThan(LARGE);
    expect(two!.sent_bytes).toBe(0);
  });

  test('brings contents back that lay damaged where it is restored', async () => {
    const { id } = await inDepot((depot) => backup(depot));
    const { config, drop } = await elsewhere(engine);
    const sha256 = hash('sha256', large);
    const folder = join(config.DATA_DIR, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, sha256), Buffer.alloc(large.length));
    await restoreAt(config, { from: destination, ref: id }, quiet);
    expect(readFileSync(join(folder, sha256), 'utf8') === large).toBe(true);
    // The damaged one is kept for whoever wants to know what happened to it.
    expect(readdirSync(join(config.DATA_DIR, 'blobs/damaged')).join()).toContain(sha256);
    await drop();
  });

  test('is found damaged, whichever byte of it changed, or is cut off, or is missing', {
    timeout: 60_000,
  }, async () => {
    const own = join(place, 'damaged');
    const depot = await openDepot(server.config, own, 'keep');
    const { id } = await backup(depot);
    await depot.close();
    const verify = () => verifyAt(server.config, { from: own, ref: 'latest' }, quiet);
    expect(await verify()).toMatchObject({ id });
    const files = filesIn(own);
    expect(files.length).toBeGreaterThan(4);
    // First and last ones among them.
    const each = Math.ceil(FLIPS / files.length);
    for (const file of files) {
      const bytes = readFileSync(file);
      const flipped = Array.from({ length: each }, (_, n) => {
        const changed = Buffer.from(bytes);
        const at = Math.floor((n * (bytes.length - 1)) / Math.max(1, each - 1));
        changed[at] = (changed[at] ?? 0) ^ 1;
        return changed;
      });
      for (const wrong of [...flipped, bytes.subarray(0, -1)]) {
        writeFileSync(file, wrong);
        await expect(verify(), file).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
      }
      rmSync(file);
      await expect(verify(), file).rejects.toMatchObject({
        code: file.includes('/documents/') ? 'BACKUP_NOT_FOUND' : 'BACKUP_DAMAGED',
      });
      writeFileSync(file, bytes);
    }
    expect(await verify()).toMatchObject({ id });
    const { config, drop } = await elsewhere(engine);
    const object = files.find((file) => statSync(file).size > LARGE)!;
    writeFileSync(object, Buffer.alloc(statSync(object).size));
    await expect(restoreAt(config, { from: own, ref: id }, quiet)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    // The next one finds that out by itself, and mends it.
    const mending = await openDepot(server.config, own, 'keep');
    await backup(mending);
    await mending.close();
    await restoreAt(config, { from: own, ref: id }, quiet);
    await drop();
  });
});

const environmentOf = (config: Config): Record<string, string> => ({
  NEXUS_DATA_DIR: config.DATA_DIR,
  NEXUS_DATABASE_URL: config.DATABASE_URL,
});

describe('the id of a backup', () => {
  test('sorts by its time', () => {
    const ids = [0, 1_000, 1_700_000_000_000, 1_800_000_000_000].map((at) => backupIdOf(at, 'ffffffff'));
    expect(ids.toSorted()).toEqual(ids);
  });
});
