/** Mounts at the command line: tables for people, answers for programs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { newStore, type Store } from '../../../test/mounting.ts';
import { MOUNT_LINES } from './commands.ts';
import { mountViews } from './shell/mount-views.ts';

let server: TestServer;
let store: Store;
beforeAll(async () => {
  server = await startTestServer();
  store = await newStore({ f: 'hello' });
});
afterAll(async () => {
  await server.stop();
  await store.remove();
});
const type = (...line: string[]) => typeLine(server, line);

test('a mount from its adding to its removal', async () => {
  const config = JSON.stringify({ root_path: store.root });
  expect((await type('connector', 'list')).out).toMatch(
    /^TYPE +CATEGORY +TAKES +WHAT\nlocal +local +root_path\? root\? +/,
  );
  expect(await type('mount', 'save', '/m', 'local', config)).toMatchObject({
    code: 0,
    out: `/m is saved: local ${store.root}\n`,
  });
  expect((await type('mount', 'list-saved')).out).toMatch(/^MOUNT POINT +TYPE .*\n\/m +local +through +\/\S+ +\d{4}-/);
  expect((await type('mount', 'load', '/m')).out).toBe(`/m is active: local ${store.root}\n`);
  expect((await type('ls', '/m')).out).toContain('f');
  expect((await type('mount', 'add', '/m', 'local', config, '--readonly')).code).toBe(0);
  expect((await type('mount', 'list')).out).toMatch(
    /^MOUNT POINT +STATE +TYPE +WRITES +WHERE +WHAT\n\/ +active +nexus .*\n\/m +active +local +read-only +\/\S+/,
  );
  expect(await type('file', 'write', '/m/f', 'x')).toMatchObject({
    code: 6,
    err: expect.stringContaining('read-only'),
  });
  expect((await type('mount', 'remove', '/m')).out).toBe('removed; what lies in the store stays there\n');
  expect((await type('mount', 'remove', '/m')).out).toBe('nothing was mounted there\n');
  expect((await type('mount', 'forget', '/m')).out).toBe('forgotten; an active mount stays\n');
  expect((await type('mount', 'get', '/m')).code).toBe(4);
  const json = await typeLine(server, ['mount', 'list'], { json: true });
  expect(JSON.parse(json.out)).toMatchObject({ mounts: [{ mount_point: '/' }] });
});

test('a store that does not answer is said beside the table', async () => {
  const gone = await newStore();
  expect((await type('mount', 'add', '/gone', 'local', JSON.stringify({ root_path: gone.root }))).err).toBe('');
  await gone.remove();
  expect(await type('ls', '/gone')).toMatchObject({ code: 8, out: '' });
  const listed = await type('mount', 'list');
  expect(listed.out).toMatch(/\/gone +unreachable/);
  expect(listed.err).toMatch(/^\/gone: .*root directory/);
  await type('mount', 'remove', '/gone');
});

test('each command that is shown in its own way is loaded for that', () => {
  expect([...MOUNT_LINES].sort()).toEqual(mountViews.map(({ words }) => words).sort());
});
