/** Sync as clients see it: conflicts and what becomes of them byte for byte, joining, jobs, the clock, who may, and what is kept. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { ConflictObject } from './conflict-object.ts';
import { RESOLUTIONS } from './decide.ts';
import type { SyncResult } from './sync-shapes.ts';

const ROOT = '/api/v2/sync';

interface Answer<T> {
  readonly status: number;
  readonly body: T & { readonly error?: { readonly code: string; readonly data: Record<string, unknown> } };
}
type Pushed = Extract<SyncResult, { action: 'push' }>;
type Pulled = Extract<SyncResult, { action: 'pull' }>;

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  let found = await look();
  for (; !found; found = await look()) await sleep(20);
  return found;
}

forEachEngine('sync', (engine) => {
  let server: TestServer;
  const host = mkdtempSync(join(tmpdir(), 'nexus-stores-'));
  let mounts = 0;
  beforeAll(async () => {
    const environment = {
      NEXUS_MOUNT_LOCAL_ROOTS: JSON.stringify([host]),
      NEXUS_EMBEDDED_WORKER: 'true',
      NEXUS_WORKER_POLL_SECONDS: '0.1',
    };
    server = await startTestServer({ engine, environment });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(host, { recursive: true });
  });

  async function ask<T = object>(method: string, path: string, body?: object, key = ADMIN_KEY): Promise<Answer<T>> {
    const response = await server.http(path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer<T>['body'] };
  }
  const push = async (at: string, body: object = {}): Promise<Pushed> =>
    (await ask<Pushed>('POST', `${ROOT}/mounts${at}/push`, body)).body;
  const pull = async (at: string, body: object = {}): Promise<Pulled> =>
    (await ask<Pulled>('POST', `${ROOT}/mounts${at}/pull`, body)).body;

  /** A mount of a new directory. */
  async function mount(more: object = {}): Promise<{ at: string; place: (name: string) => string }> {
    const n = mounts++;
    const at = `/mounted/m${n}`;
    const root_path = join(host, String(n));
    mkdirSync(root_path);
    await server.ok('add_mount', {
      mount_point: at,
      backend_type: 'local',
      backend_config: { root_path },
      write_mode: 'back',
      ...more,
    });
    return { at, place: (name) => join(root_path, name) };
  }
  const write = (path: string, content: string) => server.ok('write', { path, content });
  const read = (path: string): Promise<string> => server.ok('read', { path, encoding: 'utf-8' });
  const filesOf = (place: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((name) => statSync(join(place, name)).isFile())
        .map((name) => [name, readFileSync(join(place, name), 'utf8')]),
    );
  const contentOf = async (id: string, side: string): Promise<{ status: number; text: string }> => {
    const response = await server.http(`${ROOT}/conflicts/${id}/content?side=${side}`);
    return { status: response.status, text: await response.text() };
  };
  /** A file that both sides have, and each has changed; `undefined` is a removal. */
  async function conflicting(ours: string | undefined, theirs: string | undefined, more: object = {}) {
    const { at, place } = await mount(more);
    await write(`${at}/f.txt`, 'both');
    await push(at);
    if (ours === undefined) await server.ok('delete', { path: `${at}/f.txt` });
    else await write(`${at}/f.txt`, ours);
    if (theirs === undefined) rmSync(place('f.txt'));
    else writeFileSync(place('f.txt'), theirs);
    return { at, place };
  }

  test('a push writes what is new, and the next one nothing', async () => {
    const { at, place } = await mount();
    await write(`${at}/a.txt`, 'A');
    await write(`${at}/d/e/b.txt`, 'BB');
    await server.ok('mkdir', { path: `${at}/empty` });
    expect(await push(at, { dry_run: true })).toMatchObject({ changes_pushed: 3, bytes_pushed: 3, dry_run: true });
    expect(filesOf(place('.'))).toEqual({});
    const first = await push(at);
    expect(first).toMatchObject({
      action: 'push',
      mount_point: at,
      changes_pushed: 3,
      changes_failed: 0,
      conflicts_detected: 0,
      conflicts_resolved: 0,
      conflicts: [],
      errors: [],
      bytes_pushed: 3,
      dry_run: false,
      metrics: { pushes_total: 1, changes_pushed_total: 3, pending: 0 },
    });
    expect(filesOf(place('.'))).toEqual({ 'a.txt': 'A', 'd/e/b.txt': 'BB' });
    expect(statSync(place('empty')).isDirectory()).toBe(true);
    const before = statSync(place('a.txt')).mtimeMs;
    const events = () => server.sql.read((tx) => tx.all('SELECT seq FROM events'));
    const told = (await events()).length;
    expect(await push(at)).toMatchObject({ changes_pushed: 0, bytes_pushed: 0, metrics: { pushes_total: 1 } });
    expect(statSync(place('a.txt')).mtimeMs).toBe(before);
    expect((await events()).length).toBe(told);
    await server.ok('rmdir', { path: `${at}/d`, recursive: true });
    await server.ok('delete', { path: `${at}/a.txt` });
    expect(await push(at)).toMatchObject({ changes_failed: 0 });
    expect(readdirSync(place('.'))).toEqual(['empty']);
  });

  test.each(['ours', undefined])(
    'both changed, ours to %s: one conflict, nothing overwritten, both contents intact',
    async (ours) => {
      const { at, place } = await conflicting(ours, 'theirs');
      for (const detected of [1, 0]) {
        const pushed = await push(at);
        expect(pushed).toMatchObject({ changes_pushed: 0, changes_failed: 0, conflicts_detected: detected });
        expect(pushed.conflicts).toMatchObject([{ path: `${at}/f.txt`, status: 'open', resolution: null }]);
      }
      expect(await pull(at)).toMatchObject({
        changes_pulled: 0,
        conflicts_detected: 0,
        conflicts: [{ status: 'open' }],
      });
      expect(readFileSync(place('f.txt'), 'utf8')).toBe('theirs');
      const [conflict] = (await push(at)).conflicts;
      const { conflict_id, local, remote, base } = conflict!;
      expect([local.deleted, remote.deleted, remote.size, base.size]).toEqual([ours === undefined, false, 6, 4]);
      expect(await contentOf(conflict_id, 'remote')).toEqual({ status: 200, text: 'theirs' });
      if (ours === undefined) expect((await contentOf(conflict_id, 'local')).status).toBe(404);
      else {
        expect(await contentOf(conflict_id, 'local')).toEqual({ status: 200, text: 'ours' });
        expect(await read(`${at}/f.txt`)).toBe('ours');
      }
    },
  );

  test('what changed there before it was written here unseen is a conflict too', async () => {
    const { at, place } = await mount();
    await write(`${at}/f.txt`, 'both');
    await push(at);
    writeFileSync(place('f.txt'), 'theirs');
    writeFileSync(place('new.txt'), 'theirs');
    for (const name of ['f.txt', 'new.txt']) await write(`${at}/${name}`, 'ours');
    expect(await push(at)).toMatchObject({ conflicts_detected: 2, changes_pushed: 0 });
    expect(filesOf(place('.'))).toEqual({ 'f.txt': 'theirs', 'new.txt': 'theirs' });
    expect(await read(`${at}/f.txt`)).toBe('ours');
  });

  const OUTCOMES = {
    keep_local: { both: { 'f.txt': 'ours' }, gone: {}, left: { 'f.txt': 'ours' }, lost: 'remote' },
    keep_remote: { both: { 'f.txt': 'theirs' }, gone: { 'f.txt': 'theirs' }, left: {}, lost: 'local' },
    keep_both: { both: undefined, gone: { 'f.txt': 'theirs' }, left: { 'f.txt': 'ours' }, lost: null },
  } as const;

  test.each(RESOLUTIONS)('%s gives its row byte for byte, and keeps what it replaced', async (resolution) => {
    const wanted = OUTCOMES[resolution];
    const check = async ({ at, place }: Awaited<ReturnType<typeof mount>>, files: Readonly<Record<string, string>>) => {
      expect(filesOf(place('.'))).toEqual(files);
      const { files: listed } = await server.ok('list', { path: at, recursive: true });
      expect(listed.map((path) => String(path).slice(at.length + 1)).sort()).toEqual(Object.keys(files).sort());
      for (const [name, text] of Object.entries(files)) expect(await read(`${at}/${name}`)).toBe(text);
      expect(await push(at)).toMatchObject({ changes_pushed: 0, conflicts_detected: 0, conflicts: [] });
    };
    // Changed on both sides, settled by its id.
    const first = await conflicting('ours', 'theirs');
    const [conflict] = (await push(first.at)).conflicts;
    const { conflict_id, detected_at } = conflict!;
    const settled = await ask<ConflictObject>('POST', `${ROOT}/conflicts/${conflict_id}/resolve`, { resolution });
    expect([settled.status, settled.body]).toMatchObject([200, { status: 'resolved', resolution, id: conflict_id }]);
    const stamp = `${detected_at.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    await check(first, wanted.both ?? { 'f.txt': 'theirs', [`f (conflict ${stamp}).txt`]: 'ours' });
    const again = await ask('POST', `${ROOT}/conflicts/${conflict_id}/resolve`, { resolution });
    expect([again.status, again.body.error?.data.reason]).toEqual([409, 'RESOLVED']);
    for (const [side, text] of [
      ['local', 'ours'],
      ['remote', 'theirs'],
    ] as const) {
      const kept = await contentOf(conflict_id, side);
      expect([side, kept.status]).toEqual([side, side === wanted.lost ? 200 : 410]);
      if (side === wanted.lost) expect(kept.text).toBe(text);
    }
    // Gone on one side, settled by the push that finds it.
    const gone = await conflicting(undefined, 'theirs');
    expect(await push(gone.at, { resolution })).toMatchObject({ conflicts_detected: 1, conflicts_resolved: 1 });
    await check(gone, wanted.gone);
    // Gone on the other, settled by what the mount says.
    const left = await conflicting('ours', undefined, { conflict_strategy: resolution });
    expect(await push(left.at)).toMatchObject({ conflicts_detected: 1, conflicts_resolved: 1, conflicts: [] });
    await check(left, wanted.left);
  });

  test('a store that changed again since is a new conflict, and is not overwritten', async () => {
    const { at, place } = await conflicting('ours', 'theirs');
    const [first] = (await push(at)).conflicts;
    writeFileSync(place('f.txt'), 'theirs again');
    const resolve = (id: string) =>
      ask<ConflictObject>('POST', `${ROOT}/conflicts/${id}/resolve`, { resolution: 'keep_local' });
    const refused = await resolve(first!.conflict_id);
    expect([refused.status, refused.body.error?.data.reason]).toEqual([409, 'RESOLVED']);
    expect(readFileSync(place('f.txt'), 'utf8')).toBe('theirs again');
    const second = String(refused.body.error?.data.conflict_id);
    expect(await contentOf(second, 'remote')).toEqual({ status: 200, text: 'theirs again' });
    expect((await resolve(second)).body).toMatchObject({ status: 'resolved' });
    expect(readFileSync(place('f.txt'), 'utf8')).toBe('ours');
  });

  test('a pull brings what others changed, each with its event', async () => {
    const { at, place } = await mount();
    await write(`${at}/kept`, 'ours');
    writeFileSync(place('new.txt'), 'new');
    mkdirSync(place('d'));
    writeFileSync(place('d/x'), 'x');
    expect(await pull(at, { dry_run: true })).toMatchObject({ changes_pulled: 3 });
    expect(await pull(at)).toMatchObject({ action: 'pull', changes_pulled: 3, bytes_pulled: 4, conflicts_detected: 0 });
    const { body } = await ask<{ events: { type: string; data: { via: string } }[] }>(
      'GET',
      `/api/v2/events?path_prefix=${at}&operation_type=write&limit=10`,
    );
    const told = body.events.filter(({ data }) => data.via === 'sync');
    expect(told.map(({ type }) => type)).toEqual(['write', 'write']);
    rmSync(place('new.txt'));
    expect(await pull(at, { paths: [`${at}/d`] })).toMatchObject({ changes_pulled: 0 });
    expect(await pull(at)).toMatchObject({ changes_pulled: 1 });
    expect(await server.fault('read', { path: `${at}/new.txt` })).toBe('FILE_NOT_FOUND');
    expect(await read(`${at}/kept`)).toBe('ours');
    expect(await pull(at)).toMatchObject({ changes_pulled: 0 });
  });

  test('a path that fails stays, the others go on; a store that is away is a result', async () => {
    const { at, place } = await mount();
    mkdirSync(place('taken'));
    writeFileSync(place('taken/in'), 'the way');
    await write(`${at}/a`, 'A');
    await write(`${at}/z`, 'Z');
    const root = place('.').replace(/\/\.$|\/$/, '');
    rmSync(root, { recursive: true });
    writeFileSync(root, 'no directory');
    const { status, body } = await ask<Pushed>('POST', `${ROOT}/mounts${at}/push`);
    expect([status, body]).toMatchObject([200, { changes_pushed: 0, changes_failed: 2 }]);
    expect(body.errors[0]).toMatchObject({ path: `${at}/a`, code: 'UNAVAILABLE' });
    const seen = async () => (await server.ok('get_mount', { mount_point: at }))?.status;
    expect(await seen()).toBe('unreachable');
    rmSync(root);
    mkdirSync(root);
    const tried = async () => [await push(at)].find(({ changes_failed }) => changes_failed === 0);
    const mended = await until(tried);
    expect(mended.metrics.pending).toBe(0);
    expect(filesOf(place('.'))).toEqual({ a: 'A', z: 'Z' });
    expect([await read(`${at}/a`), await seen()]).toEqual(['A', 'active']);
  });

  test('two calls for the same are one run with one answer; without waiting it is a task', async () => {
    const { at } = await mount();
    for (let n = 0; n < 12; n++) await write(`${at}/f${n}`, `${n}`);
    const both = await Promise.all([push(at), push(at)]);
    expect(both.map(({ changes_pushed }) => changes_pushed).sort()).toSatisfy(
      (counts: number[]) => counts.join() === '12,12' || counts.join() === '0,12',
    );
    await write(`${at}/more`, 'm');
    const queued = await ask<{ task_id: string; status: string }>('POST', `${ROOT}/mounts${at}/push`, { wait: false });
    expect([queued.status, queued.body]).toMatchObject([202, { action: 'push', mount_point: at, status: 'queued' }]);
    const { body } = await ask<{ status: string; result: Pushed }>(
      'GET',
      `/api/v2/scheduler/task/${queued.body.task_id}?wait_seconds=60`,
    );
    expect(body).toMatchObject({ status: 'completed', task_type: 'sync_push', result: { changes_pushed: 1 } });
  });

  test('the root mount, read-only mounts and what has nothing to push answer zeros', async () => {
    const readonly = await mount({ readonly: true, write_mode: 'through' });
    writeFileSync(readonly.place('seen'), 'seen');
    for (const path of [
      '/mounts/push',
      '/mounts//push',
      `/mounts${readonly.at}/push`,
      '/mounts/pull',
      '/mounts//pull',
    ]) {
      const { status, body } = await ask<Pushed>('POST', `${ROOT}${path}`);
      expect([path, status, body]).toMatchObject([
        path,
        200,
        { changes_failed: 0, conflicts: [], errors: [], duration_ms: 0 },
      ]);
    }
    expect(await pull(readonly.at)).toMatchObject({ changes_pulled: 1 });
    expect((await ask('POST', `${ROOT}/mounts/not/there/push`)).body.error?.code).toBe('MOUNT_NOT_FOUND');
    expect((await ask('POST', `${ROOT}/mounts${readonly.at}/push`, { resolution: 'guess' })).status).toBe(422);
    const escaped = encodeURIComponent(readonly.at);
    expect((await ask('GET', `${ROOT}/mounts/${escaped}/status`)).body).toMatchObject({
      mount_point: readonly.at,
      pending: [],
    });
    expect((await ask('GET', `${ROOT}/mounts${readonly.at}/status`)).status).toBe(200);
  });

  test('it takes write at the mount point, from whoever submits it as a task too', async () => {
    const { at } = await conflicting('ours', 'theirs');
    const [conflict] = (await push(at)).conflicts;
    const stranger = await server.addKey({ role: 'operator' });
    const reader = await server.addKey({ role: 'operator', grants: [['direct_viewer', at]] });
    const editor = await server.addKey({ role: 'operator', grants: [['direct_editor', at]] });
    const task = { executor: 'nexus', task_type: 'sync_push', payload: { mount_point: at } };
    for (const key of [stranger, reader]) {
      expect((await ask('POST', `${ROOT}/mounts${at}/push`, {}, key)).status).toBe(403);
      expect((await ask('GET', `${ROOT}/mounts${at}/status`, undefined, key)).status).toBe(403);
      expect((await ask('POST', '/api/v2/scheduler/submit', task, key)).status).toBe(403);
    }
    const path = `${ROOT}/conflicts/${conflict!.conflict_id}`;
    expect((await ask('GET', path, undefined, stranger)).status).toBe(404);
    // Nor is told how many there are, or where.
    for (const query of ['limit=1', `limit=1&mount_point=${at}`]) {
      const told = await ask('GET', `${ROOT}/conflicts?${query}`, undefined, stranger);
      expect(told.body).toEqual({ conflicts: [], next_cursor: null, has_more: false });
    }
    const other = (await push((await conflicting('ours', 'theirs')).at)).conflicts[0];
    expect(other?.status).toBe('open');
    // What may be read is found behind what may not.
    const page = await ask<{ conflicts: ConflictObject[] }>('GET', `${ROOT}/conflicts?limit=1`, undefined, reader);
    expect(page.body).toMatchObject({ conflicts: [{ id: conflict!.conflict_id }], has_more: false });
    expect((await ask('GET', path, undefined, reader)).status).toBe(200);
    expect((await ask('POST', `${path}/resolve`, { resolution: 'keep_both' }, reader)).status).toBe(403);
    expect((await ask('POST', '/api/v2/scheduler/submit', task, editor)).status).toBe(201);
    expect((await ask('POST', `${path}/resolve`, { resolution: 'keep_remote' }, editor)).status).toBe(200);
    const listed = await ask<{ conflicts: ConflictObject[] }>(
      'GET',
      `${ROOT}/conflicts?mount_point=${at}&status=resolved`,
    );
    expect(listed.body.conflicts).toMatchObject([{ id: conflict!.conflict_id, resolution: 'keep_remote' }]);
  });

  test('the clock pushes what has an interval', async () => {
    const { at, place } = await mount({ sync_interval_seconds: 1 });
    await write(`${at}/by-itself`, '1');
    await until(async () => filesOf(place('.'))['by-itself'] === '1');
    await until(async () => (await push(at)).metrics.pending === 0);
    await write(`${at}/by-itself`, '2');
    await until(async () => filesOf(place('.'))['by-itself'] === '2');
  });

  test('while the brick is off its jobs wait; then they run', async () => {
    const { at } = await mount();
    await write(`${at}/waits`, 'w');
    await ask('POST', '/api/v2/bricks/sync/unmount');
    expect((await ask('POST', `${ROOT}/mounts${at}/push`)).body.error).toMatchObject({ data: { brick: 'sync' } });
    const task = { executor: 'nexus', task_type: 'sync_push', payload: { mount_point: at } };
    const { body } = await ask<{ id: string }>('POST', '/api/v2/scheduler/submit', task);
    const echo = { executor: 'nexus', task_type: 'echo', payload: { value: 1 } };
    const other = await ask<{ id: string }>('POST', '/api/v2/scheduler/submit', echo);
    const statusOf = async (id: string, wait = 0) =>
      (await ask<{ status: string }>('GET', `/api/v2/scheduler/task/${id}?wait_seconds=${wait}`)).body.status;
    expect(await statusOf(other.body.id, 60)).toBe('completed');
    expect(await statusOf(body.id)).toBe('queued');
    expect((await ask('POST', '/api/v2/bricks/mount/unmount')).status).toBe(200);
    expect((await ask('POST', '/api/v2/bricks/sync/mount')).body.error?.data).toMatchObject({ requires: ['mount'] });
    await ask('POST', '/api/v2/bricks/mount/mount');
    await ask('POST', '/api/v2/bricks/sync/mount');
    const required = await ask('POST', '/api/v2/bricks/mount/unmount');
    expect([required.status, required.body.error?.data]).toMatchObject([
      409,
      { reason: 'REQUIRED_BY', required_by: ['sync'] },
    ]);
    expect(await statusOf(body.id, 60)).toBe('completed');
  });

  test('the content of a settled conflict is kept for its days, and is gone then', async () => {
    const { at } = await conflicting('ours', 'theirs');
    await push(at, { resolution: 'keep_local' });
    const { body } = await ask<{ conflicts: ConflictObject[] }>('GET', `${ROOT}/conflicts?mount_point=${at}`);
    const { conflict_id } = body.conflicts[0]!;
    expect((await contentOf(conflict_id, 'remote')).text).toBe('theirs');
    await server.sql.write('root', (tx) =>
      tx.run('UPDATE sync_conflicts SET resolved_at = 1 WHERE conflict_id = ?', [conflict_id]),
    );
    const gone = await contentOf(conflict_id, 'remote');
    expect([gone.status, JSON.parse(gone.text)]).toMatchObject([410, { error: { code: 'CONTENT_GONE' } }]);
  });
});
