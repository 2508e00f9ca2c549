/** Sync on the command line: what came of a push, conflicts as a table, and either side byte for byte. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Typing, typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { SYNC_LINES } from './commands.ts';
import { syncViews } from './shell/sync-views.ts';

let server: TestServer;
const host = mkdtempSync(join(tmpdir(), 'nexus-stores-'));
beforeAll(async () => {
  server = await startTestServer({
    environment: { NEXUS_MOUNT_LOCAL_ROOTS: JSON.stringify([host]), NEXUS_WORKER_POLL_SECONDS: '0.1' },
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(host, { recursive: true });
});

const type = (line: readonly string[], how?: Typing) => typeLine(server, line, how);
const lines = (text: string): string[] => text.trimEnd().split('\n');

test('a push, a conflict and its end', async () => {
  const root_path = join(host, 'one');
  mkdirSync(root_path);
  const store = {
    mount_point: '/m',
    backend_type: 'local',
    backend_config: { root_path },
    write_mode: 'back',
  } as const;
  await server.ok('add_mount', store);
  await server.ok('write', { path: '/m/a.txt', content: 'both' });
  expect((await type(['sync', 'status'])).out).toMatch(/^\/: 0 changes to push/);
  expect((await type(['sync', 'status', '/m'])).out).toMatch(/^\/m: 1 change to push, 0 conflicts, last push never\n/);
  expect((await type(['sync', 'push', '/m', '--dry-run'])).out).toMatch(/^1 change would be pushed, 4 B, in \d+ ms\n$/);
  expect((await type(['sync', 'push', '/m'])).out).toMatch(/^1 change pushed, 4 B, in \d+ ms\n$/);
  await server.ok('write', { path: '/m/a.txt', content: 'ours' });
  writeFileSync(join(root_path, 'a.txt'), 'theirs');
  const pushed = await type(['sync', 'push', '/m']);
  expect(pushed.err).toContain('nexus conflict resolve CONFLICT keep_local|keep_remote|keep_both');
  expect(lines(pushed.out)).toEqual([
    expect.stringMatching(/^0 changes pushed, 0 B, in \d+ ms$/),
    expect.stringMatching(/^CONFLICT +STATUS +PATH +OURS +THEIRS +SEEN$/),
    expect.stringMatching(/^\S+ +open +\/m\/a.txt +4 B \S+ \S+ +6 B \S+ \S+ +\S+ \S+$/),
  ]);
  const listed = await type(['conflict', 'list', '--status', 'open'], { json: true });
  const [{ conflict_id }] = JSON.parse(listed.out).conflicts;
  expect((await type(['conflict', 'content', conflict_id, '--side', 'remote'])).code).toBe(0);
  expect((await type(['conflict', 'content', conflict_id, '--side', 'neither'])).code).toBe(2);
  expect((await type(['conflict', 'resolve', conflict_id, 'keep_local'])).out).toMatch(/ keep_local +\/m\/a.txt /);
  expect((await type(['conflict', 'resolve', conflict_id, 'keep_local'])).code).toBe(5);
  expect((await type(['conflict', 'list', '--status', 'open'])).err).toBe('nothing\n');
  expect((await type(['sync', 'pull', '/m'])).out).toMatch(/^0 changes pulled, 0 B, in \d+ ms\n$/);
  expect((await type(['sync', 'push', '/none'])).code).toBe(4);
  rmSync(root_path, { recursive: true });
  writeFileSync(root_path, 'no directory');
  await server.ok('write', { path: '/m/a.txt', content: 'more' });
  const failed = await type(['sync', 'push', '/m']);
  expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('/m/a.txt: ')]);
});

test('each command that is shown in its own way is loaded for that', () => {
  expect([...SYNC_LINES].sort()).toEqual(syncViews.map(({ words }) => words).sort());
});
