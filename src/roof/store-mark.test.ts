/** The store of blobs and the database that it is of: who is refused, who may begin, and who notices later. */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../test/harness.ts';
import { nexus } from '../../test/nexus-process.ts';
import { freshDatabase } from '../../test/servers/shared-postgres.ts';

const places: string[] = [];
afterAll(() => {
  for (const place of places) rmSync(place, { recursive: true, force: true });
});

function newPlace(): string {
  const place = mkdtempSync(join(tmpdir(), 'nexus-store-'));
  places.push(place);
  return place;
}
const newStore = (): string => pathToFileURL(join(newPlace(), 'blobs')).href;

const OTHER = 'is not the store of the blobs that this database has';
const TAKEN = 'has the blobs of another database';

const statusOf = async (server: TestServer): Promise<unknown> => {
  const answer = await server.http('/health/detailed');
  const { components } = (await answer.json()) as { components: { blobs: { status: string; detail?: string } } };
  return [components.blobs.status, components.blobs.detail ?? ''];
};

forEachEngine('a server with a store of blobs', (engine) => {
  test('starts again with its own, and not with another', async () => {
    const directory = newPlace();
    const begin = (NEXUS_BLOBS_URL: string): Promise<TestServer> =>
      startTestServer({ engine, directory, environment: { NEXUS_BLOBS_URL } });
    const own = newStore();
    for (let times = 0; times < 2; times++) {
      const server = await begin(own);
      expect(await statusOf(server)).toEqual(['healthy', '']);
      await server.stop();
    }
    await expect(begin(newStore())).rejects.toThrow(OTHER);
    const other = await startTestServer({ engine });
    await expect(
      begin(other.config.BLOBS_URL || pathToFileURL(join(other.config.DATA_DIR, 'blobs')).href),
    ).rejects.toThrow(OTHER);
    await other.stop();
    await (await begin(own)).stop();
  });

  test('tells where its contents have gone meanwhile', async () => {
    const place = newPlace();
    const NEXUS_BLOBS_URL = pathToFileURL(join(place, 'blobs')).href;
    const server = await startTestServer({ engine, environment: { NEXUS_BLOBS_URL } });
    for (const path of globSync('blobs/**/*', { cwd: place, withFileTypes: true }))
      if (path.isFile()) rmSync(join(path.parentPath, path.name));
    expect(await statusOf(server)).toEqual(['unhealthy', expect.stringContaining('has lost its contents')]);
    await server.stop();
  });
});

test('a database that begins anew takes up the folder of the embedded one before, which nobody else can have', async () => {
  const NEXUS_BLOBS_URL = newStore();
  for (let times = 0; times < 2; times++)
    await (await startTestServer({ engine: 'sqlite', environment: { NEXUS_BLOBS_URL } })).stop();
});

test('nodes that begin at once on one store all start, and a database of others on it does not', async () => {
  const { url: NEXUS_DATABASE_URL, drop } = await freshDatabase();
  const NEXUS_BLOBS_URL = newStore();
  const environment = { NEXUS_DATABASE_URL, NEXUS_BLOBS_URL };
  const nodes = await Promise.all([1, 2, 3].map(() => startTestServer({ engine: 'postgres', environment })));
  await expect(startTestServer({ engine: 'postgres', environment: { NEXUS_BLOBS_URL } })).rejects.toThrow(TAKEN);
  for (const node of nodes) await node.stop();
  await drop();
});

test('a worker, and a restore elsewhere, are refused as servers are', async () => {
  const { url: NEXUS_DATABASE_URL, drop } = await freshDatabase();
  const environment = { NEXUS_DATABASE_URL, NEXUS_BLOBS_URL: newStore() };
  const server = await startTestServer({ engine: 'postgres', environment });
  const env = { NEXUS_DATA_DIR: newPlace(), NEXUS_LOG_LEVEL: 'silent', NEXUS_DATABASE_URL };
  const worker = await nexus(['worker', '--once'], { env: { ...env, NEXUS_BLOBS_URL: newStore() } });
  expect(worker).toMatchObject({ code: 1, err: expect.stringContaining(OTHER) });
  expect((await nexus(['worker', '--once'], { env: { ...env, ...environment } })).code).toBe(0);

  const options = ['--url', server.url, '--key', ADMIN_KEY];
  const made = await nexus(['backup', 'now', '--json', ...options], { env });
  expect(made.code).toBe(0);
  const elsewhere = await freshDatabase();
  const from = ['backup', 'restore', 'latest', '--from', join(server.config.DATA_DIR, 'backups'), '--confirm'];
  const there = { ...env, NEXUS_DATABASE_URL: elsewhere.url };
  const refused = await nexus(from, { env: { ...there, NEXUS_BLOBS_URL: environment.NEXUS_BLOBS_URL } });
  expect(refused).toMatchObject({ err: expect.stringContaining(TAKEN) });
  expect(refused.code).not.toBe(0);
  const store = newStore();
  const restored = await nexus(from, { env: { ...there, NEXUS_BLOBS_URL: store } });
  const told = expect.stringMatching(
    /restoring into postgres:.*, contents into file:.*\nwarning: only this machine has/,
  );
  expect(restored).toMatchObject({ code: 0, err: told });
  // The store is its database's from then on, so that a server with another one does not take that for it.
  const other = await nexus(['worker', '--once'], { env: { ...there, NEXUS_BLOBS_URL: newStore() } });
  expect(other).toMatchObject({ code: 1, err: expect.stringContaining(OTHER) });
  expect((await nexus(['worker', '--once'], { env: { ...there, NEXUS_BLOBS_URL: store } })).code).toBe(0);
  await server.stop();
  await elsewhere.drop();
  await drop();
});
