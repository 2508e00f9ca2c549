/** Two servers on one PostgreSQL with one mount: what one of them does with it, the other has in its next call. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './harness.ts';
import { mount, newStore, type Store } from './mounting.ts';
import { freshDatabase } from './servers/shared-postgres.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let first: TestServer;
let second: TestServer;
let store: Store;

beforeAll(async () => {
  database = await freshDatabase();
  const environment = { NEXUS_DATABASE_URL: database.url, NEXUS_MOUNT_LOCAL_SHARED: 'true' };
  [first, second] = await Promise.all([startTestServer({ environment }), startTestServer({ environment })]);
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await database.drop();
});
beforeEach(async () => {
  store = await newStore({ f: 'one' });
});
afterEach(async () => {
  await first.ok('remove_mount', { mount_point: '/m', force: true });
  await store.remove();
});

const read = (node: TestServer, path: string): Promise<unknown> => node.ok('read', { path, encoding: 'utf-8' });
const points = async (node: TestServer): Promise<string[]> =>
  (await node.ok('list_mounts')).map(({ mount_point }) => mount_point);

test('a mount is there on both with its answer, and gone from both with its removal', async () => {
  for (const [one, other] of [
    [first, second],
    [second, first],
  ] as const) {
    await mount(one, '/m', store);
    expect(await read(other, '/m/f')).toBe('one');
    expect(await points(other)).toEqual(['/', '/m']);
    expect(await one.ok('remove_mount', { mount_point: '/m' })).toBe(true);
    expect(await points(other)).toEqual(['/']);
    expect(await other.fault('read', { path: '/m/f' })).toBe('FILE_NOT_FOUND');
    expect(await other.ok('remove_mount', { mount_point: '/m' })).toBe(false);
    // What is written there now is of the zone, and reaches no store.
    await other.ok('write', { path: '/m/own', content: 'own' });
    expect(await store.names()).toEqual(['f']);
    await other.ok('rmdir', { path: '/m', recursive: true });
  }
});

test('what is saved on one is loaded on the other, and both serve it', async () => {
  const backend_config = { root_path: store.root };
  await first.ok('save_mount', { mount_point: '/m', backend_type: 'local', backend_config });
  expect(await second.ok('load_mount', { mount_point: '/m' })).toMatchObject({ status: 'active', saved: true });
  expect([await read(first, '/m/f'), await read(second, '/m/f')]).toEqual(['one', 'one']);
  expect(await second.ok('delete_saved_mount', { mount_point: '/m' })).toBe(true);
  expect(await first.fault('load_mount', { mount_point: '/m' })).toBe('MOUNT_NOT_FOUND');
  expect(await read(first, '/m/f')).toBe('one');
});

test('a store that was swapped, or made read-only, is so on the other at once', async () => {
  await mount(first, '/m', store);
  expect(await read(second, '/m/f')).toBe('one');
  const swapped = await newStore({ f: 'of another store' });
  await mount(first, '/m', { ...swapped, readonly: true });
  expect(await read(second, '/m/f')).toBe('of another store');
  expect(await second.fault('write', { path: '/m/f', content: 'x' })).toBe('READ_ONLY');
  await swapped.remove();
});

test('a root that is made for a mount which then loses to one of the other node goes again', async () => {
  for (let round = 0; round < 5; round++) {
    const root = join(store.root, `${round}`);
    const add = (node: TestServer, mount_point: string, root_path: string) =>
      node.rpc('add_mount', { mount_point, backend_type: 'local', backend_config: { root_path } });
    const answers = await Promise.all([add(first, '/m', root), add(second, '/n', join(root, 'within'))]);
    const [outer, inner] = answers.map(({ error }) => error?.data?.reason ?? 'added');
    expect([outer, inner].sort()).toEqual(['ROOT_OVERLAP', 'added']);
    expect(await readdir(root)).toEqual(inner === 'added' ? ['within'] : []);
    await second.ok('remove_mount', { mount_point: inner === 'added' ? '/n' : '/m' });
  }
  // Nobody who comes now has to wait for one of them.
  expect(await first.sql.read((tx) => tx.all('SELECT path FROM mount_intents'))).toEqual([]);
});

test('many who write at once on both are as many versions, and the store has the last', async () => {
  await mount(first, '/m', store);
  const nodes = [first, second];
  const written = await Promise.all(
    Array.from({ length: 12 }, (_, n) => nodes[n % 2]!.ok('write', { path: '/m/shared', content: `by ${n}` })),
  );
  const versions = written.map(({ version }) => version).sort((a, b) => a - b);
  expect(versions).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
  const last = written.findIndex(({ version }) => version === 12);
  expect(await store.text('shared')).toBe(`by ${last}`);
  for (const node of nodes) expect(await read(node, '/m/shared')).toBe(`by ${last}`);
  // What another program does shows on both.
  await store.put('shared', 'by nobody of them');
  for (const node of nodes) expect(await read(node, '/m/shared')).toBe('by nobody of them');
});

test('an MCP server that one mounted is listed and unmounted by the other', async () => {
  await mount(first, '/m', store);
  await first.ok('mcp_mount', { name: 'tools', command: 'not-listed' });
  expect((await second.ok('mcp_list_mounts')).map(({ name }) => name)).toEqual(['tools']);
  await second.ok('mcp_unmount', { name: 'tools' });
  expect(await first.ok('mcp_list_mounts')).toEqual([]);
});
