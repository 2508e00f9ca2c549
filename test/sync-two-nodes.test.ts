/** Two servers on one PostgreSQL: of one mount one run is made by both, and there are no more open conflicts than may be. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SyncOutput, SyncResult } from '../src/features/sync/sync-shapes.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './harness.ts';
import { freshDatabase } from './servers/shared-postgres.ts';

const MANY = 30;
/** More than are on their way at a time. */
const MORE = 12;

const host = mkdtempSync(join(tmpdir(), 'nexus-stores-'));
const root_path = join(host, 'one');
let database: Awaited<ReturnType<typeof freshDatabase>>;
let nodes: TestServer[];

beforeAll(async () => {
  mkdirSync(root_path);
  database = await freshDatabase();
  const environment = {
    NEXUS_DATABASE_URL: database.url,
    NEXUS_MOUNT_LOCAL_ROOTS: JSON.stringify([host]),
    NEXUS_MOUNT_LOCAL_SHARED: 'true',
    NEXUS_WORKER_POLL_SECONDS: '0.1',
    NEXUS_LIMIT_CONFLICTS_OPEN: '1',
  };
  nodes = [await startTestServer({ environment }), await startTestServer({ environment })];
  const mount = { mount_point: '/m', backend_type: 'local', backend_config: { root_path }, write_mode: 'back' };
  await nodes[0]!.ok('add_mount', mount);
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await database.drop();
  rmSync(host, { recursive: true });
});

async function push<T extends SyncOutput>(node: TestServer, body: object = {}): Promise<T> {
  const response = await node.http('/api/v2/sync/mounts/m/push', {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

test('calls on both for the same are one run, and every change arrives once', async () => {
  for (let n = 0; n < MANY; n++) await nodes[n % 2]!.ok('write', { path: `/m/f${n}`, content: `${n}` });
  const queued = await Promise.all(nodes.map((node) => push<SyncOutput>(node, { wait: false })));
  // Who comes when all is done is told that there is nothing to do.
  const [task_id, ...others] = new Set(queued.flatMap((one) => ('task_id' in one ? [one.task_id] : [])));
  expect(others).toEqual([]);
  const ended = await nodes[1]!.http(`/api/v2/scheduler/task/${task_id}?wait_seconds=60`);
  expect(await ended.json()).toMatchObject({
    status: 'completed',
    result: { changes_pushed: MANY, changes_failed: 0 },
  });
  expect(readdirSync(root_path)).toHaveLength(MANY);
  for (const node of nodes) expect(await push<SyncResult>(node)).toMatchObject({ changes_pushed: 0 });
});

test('at the limit of open conflicts a push stops, and what is left stays until there is room', async () => {
  for (const name of ['f0', 'f1']) {
    await nodes[0]!.ok('write', { path: `/m/${name}`, content: 'ours' });
    writeFileSync(join(root_path, name), 'theirs');
  }
  for (let n = 0; n < MORE; n++) await nodes[0]!.ok('write', { path: `/m/g${n}`, content: 'ours' });
  const full = await push<SyncResult>(nodes[1]!);
  expect(full).toMatchObject({ conflicts_detected: 1, changes_pushed: 0, changes_failed: 1 + MORE });
  expect(new Set(full.errors.map(({ code }) => code))).toEqual(new Set(['TOO_MANY']));
  expect(full.errors.map(({ path }) => path)).toContain(`/m/g${MORE - 1}`);
  expect(readdirSync(root_path).filter((name) => name.startsWith('g'))).toEqual([]);
  const settled = await push<SyncResult>(nodes[0]!, { resolution: 'keep_local' });
  expect(settled.conflicts_resolved).toBeGreaterThan(0);
  expect(await push<SyncResult>(nodes[0]!, { resolution: 'keep_local' })).toMatchObject({ changes_failed: 0 });
  for (const name of ['f0', 'f1', `g${MORE - 1}`]) expect(readFileSync(join(root_path, name), 'utf8')).toBe('ours');
});
