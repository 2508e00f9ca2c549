/** Filling the index of trigrams: what enters it, what stays out, what leaves it; a database that has none. */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES, forEachEngine, startTestServer, type TestServer } from '../../test/harness.ts';
import { freshDatabase } from '../../test/servers/shared-postgres.ts';
import { reserveBlobRows } from '../features/content/content.sql.ts';
import { findCandidates } from '../features/files/search/trigram-index.sql.ts';

/** A condition that the text of a content meets or not. */
const holding = (text: string) => [[{ text, fold: false }]];
const MOST = 1_000;

const candidates = (server: TestServer, text: string): Promise<ReadonlySet<string> | undefined> =>
  server.sql.read((tx) => findCandidates(tx, holding(text), MOST));

forEachEngine('the index', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const waiting = async (): Promise<number> =>
    (await server.sql.read((tx) => tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM unindexed_blobs')))!.n;
  async function untilWaiting(left: number): Promise<void> {
    while ((await waiting()) > left) await sleep(20);
  }
  const write = async (path: string, content: string | Uint8Array): Promise<string> => {
    const bytes = Buffer.from(content);
    const { etag } = await server.ok('write', { path, content: bytes.toString('base64'), encoding: 'base64' });
    return etag;
  };

  test('has inline contents and those in the blob store, and tells which may match', async () => {
    const inline = await write('/a/inline', 'quartz and more\n');
    const other = await write('/a/other', 'feldspar\n');
    const stored = await write('/a/stored', `${'filler text\n'.repeat(10_000)}quartz`);
    await untilWaiting(0);
    expect(await candidates(server, 'quartz')).toEqual(new Set([inline, stored]));
    expect(await candidates(server, 'feldspar')).toEqual(new Set([other]));
    expect(await candidates(server, 'no such mineral')).toEqual(new Set());
  });

  test('leaves out what is too large and what is no text', async () => {
    const large = await write('/b/large', 'granite '.repeat(40_000));
    await write('/b/nul', 'basalt\0');
    await write('/b/latin', Buffer.from([...Buffer.from('basalt'), 0xe9]));
    await untilWaiting(0);
    // It is a candidate of every search.
    expect(await candidates(server, 'basalt')).toEqual(new Set([large]));
    expect(await candidates(server, 'granite')).toEqual(new Set([large]));
    await server.sql.write('root', (tx) => tx.run('DELETE FROM blobs WHERE sha256 = ?', [large]));
    expect(await candidates(server, 'basalt')).toEqual(new Set());
  });

  test('lets go of what is collected, and takes it in again', async () => {
    const content = 'obsidian\n';
    const first = await write('/c/f', content);
    await untilWaiting(0);
    await server.sql.write('root', (tx) => tx.run('DELETE FROM blobs WHERE sha256 = ?', [first]));
    expect(await candidates(server, 'obsidian')).toEqual(new Set());
    const again = await write('/c/g', content);
    expect(await candidates(server, 'obsidian')).toEqual(new Set([again]));
    await untilWaiting(0);
    expect(await candidates(server, 'obsidian')).toEqual(new Set([again]));
  });

  test('is not held up by a blob that was announced and never stored', async () => {
    const never = hash('sha256', 'never', 'hex');
    const announced = { sha256: never, size: 100_000, utf8: true };
    await server.sql.write('root', (tx) => reserveBlobRows(tx, [announced], 2 ** 45));
    const after = await write('/d/after', 'marble\n');
    await untilWaiting(1);
    expect(await candidates(server, 'marble')).toEqual(new Set([never, after]));
    await server.sql.write('root', (tx) => tx.run('DELETE FROM blobs WHERE sha256 = ?', [never]));
    expect(await waiting()).toBe(0);
  });

  test('says nothing when it would say too much', async () => {
    for (let i = 0; i < 4; i++) await write(`/e/${i}`, `slate ${i}\n`);
    await untilWaiting(0);
    const of = (most: number) => server.sql.read((tx) => findCandidates(tx, holding('slate'), most));
    expect((await of(4))?.size).toBe(4);
    expect(await of(3)).toBeUndefined();
  });
});

describe.each(ENGINES.filter((engine) => engine === 'postgres'))(
  'on %s, where the extension cannot be had',
  (engine) => {
    test('there is no index, and grep reads every content', async () => {
      const database = await freshDatabase();
      const owner = new Client(database.url);
      await owner.connect();
      const role = `plain_${database.url.slice(database.url.lastIndexOf('/') + 1)}`;
      await owner.query(`CREATE ROLE ${role} LOGIN; GRANT CREATE ON SCHEMA public TO ${role}`);
      const url = database.url.replace('//postgres@', `//${role}@`);
      const server = await startTestServer({ engine, environment: { NEXUS_DATABASE_URL: url } });
      await server.ok('write', { path: '/f', content: 'gneiss\n' });
      expect((await server.ok('grep', { pattern: 'gneiss' })).matches).toMatchObject([{ path: '/f', line: 1 }]);
      expect(await candidates(server, 'gneiss')).toBeUndefined();
      const table = "SELECT CAST(to_regclass('unindexed_blobs') AS TEXT) AS name";
      expect(await server.sql.read((tx) => tx.get(table))).toEqual({ name: null });
      await server.stop();
      await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await owner.end();
      await database.drop();
    });
  },
);
