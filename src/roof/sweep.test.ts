/**
 * The end of a zone: what is unreachable at once, what is gone in the end, what stays, and that the sweep goes on after
 * it was broken off anywhere.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { startTestServer, type TestServer } from '../../test/harness.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Sql } from '../ports/sql.ts';
import { sweepZone } from './sweep.ts';

/** Every table that keeps something of a zone, but its tombstone and its audit. */
const TABLES = [
  'keys',
  'tuples',
  'events',
  'file_states',
  'tree_snapshots',
  'tree_branches',
  'tree_merges',
  'agents',
  'agent_lives',
  'agent_capabilities',
  'mailboxes',
  'messages',
];

async function rowsOf(sql: Sql, zone_id: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const row = await sql.read((tx) =>
      tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table} WHERE zone_id = ?`, [zone_id]),
    );
    counts[table] = row?.n ?? 0;
  }
  return counts;
}

const NOTHING = Object.fromEntries(TABLES.map((table) => [table, 0]));

const phaseOf = async (sql: Sql, zone_id: string): Promise<string | undefined> =>
  (await sql.read((tx) => tx.get<{ phase: string }>('SELECT phase FROM zones WHERE zone_id = ?', [zone_id])))?.phase;

async function untilTerminated(sql: Sql, zone_id: string): Promise<void> {
  while ((await phaseOf(sql, zone_id)) !== 'Terminated') await new Promise((resolve) => setTimeout(resolve, 20));
}

/** More states than a sweep removes at once. */
async function fill(sql: Sql, zone_id: string, files: number): Promise<void> {
  await sql.write(zone_id, async (tx) => {
    for (let i = 0; i < files; i++) {
      await tx.run(
        `INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, size, content_type,
           reason, created_at, created_by, modified_at, modified_by)
         VALUES (?, 'main', ?, '/', 'f', ?, 1, 9007199254740991, 1, 0, '', 'write', 1, 'test', 1, 'test')`,
        [zone_id, `/filled-${i}`, `x${i}`],
      );
    }
  });
}

describe('a zone that is deleted', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());

  /** Nothing sweeps the zone while another node seems to be at it. */
  async function holdSweep(zone_id: string): Promise<() => Promise<void>> {
    const job_id = randomUUID();
    await server.sql.write('root', (tx) =>
      tx.run(
        `INSERT INTO jobs (job_id, zone_id, type, executor, door, status, rank, run_at, tier, class, boost, request_state,
           attempt, max_attempts, backoff, execution_mode, owner, user_id, agent_id, request_id, lease_owner, lease_until,
           created_at, updated_at, payload)
         VALUES (?, 'root', 'zone_deletion', '', 'house', 'running', 4, 1, 4, 2, 0, 'pending', 1, 9, '[0]', 'async',
           'system:nexus', 'system', '', 'test', 'other', ?, 1, 1, ?)`,
        [job_id, 2 ** 50, JSON.stringify({ zone_id })],
      ),
    );
    return () =>
      server.sql.write('root', async (tx) => {
        await tx.run('UPDATE jobs SET lease_until = 0 WHERE job_id = ?', [job_id]);
      });
  }

  test('is unreachable at once for everybody, and says what is still to be removed', async () => {
    const zone_id = 'ending-1';
    await server.ok('zone_create', { zone_id, name: 'E' });
    const key = await server.addKey({ zone_id, role: 'admin' });
    await server.ok('write', { path: '/a', content: 'a' }, key);
    const letGo = await holdSweep(zone_id);
    const deleted = await server.http(`/api/zones/${zone_id}`, { method: 'DELETE' });
    expect(deleted.status).toBe(202);
    expect(await deleted.json()).toMatchObject({ phase: 'Terminating', status: 'Terminating', is_active: false });
    expect((await server.rpc('read', { path: '/a' }, key)).status).toBe(401);
    for (const method of ['read', 'write', 'list', 'delete', 'append']) {
      const params = { zone_id, path: '/a', content: 'b' };
      expect(await server.fault(method, params)).toBe('ZONE_NOT_FOUND');
      const outside = await server.fault(method, { path: `/zone/${zone_id}/a`, content: 'b' });
      expect(outside).toBe('ZONE_NOT_FOUND');
    }
    expect(await server.fault('rebac_list_tuples', { zone_id })).toBe('ZONE_NOT_FOUND');
    expect(await server.fault('admin_create_key', { zone_id, name: 'late' })).toBe('ZONE_NOT_FOUND');
    expect(await server.fault('zone_update', { zone_id, name: 'late' })).toBe('ZONE_NOT_FOUND');
    const seen = await server.ok('zone_get', { zone_id });
    expect(seen.finalizers).toEqual([
      'keys',
      'answers',
      'agents',
      'jobs',
      'shares',
      'tuples',
      'uploads',
      'sync',
      'mounts',
      'mcp',
      'corpus',
      'tree',
      'files',
      'events',
      'blobs',
    ]);
    expect(seen).toMatchObject({
      finalizers_pending: seen.finalizers,
      finalizers_completed: [],
      finalizers_failed: [],
    });
    expect((await server.http(`/api/zones/${zone_id}`, { method: 'DELETE' })).status).toBe(202);
    await letGo();
    await untilTerminated(server.sql, zone_id);
  });

  test('leaves a tombstone and its audit rows, and its id is never given out again', async () => {
    const zone_id = 'ending-2';
    await server.ok('zone_create', { zone_id, name: 'Gone', description: 'secret', limits: { files: 5000 } });
    const key = await server.addKey({ zone_id, role: 'admin', grants: [['direct_viewer', '/a']] });
    await server.ok('write', { path: '/a', content: 'a' }, key);
    await server.ok('register_agent', { agent_id: 'a', name: 'A', capabilities: ['x', 'y'] }, key);
    const post = { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } };
    await server.http('/api/v2/ipc/provision/a', { ...post, body: '{}' });
    const letter = JSON.stringify({ sender: 'a', recipient: 'a', type: 't' });
    await server.http('/api/v2/ipc/send', { ...post, body: letter });
    await fill(server.sql, zone_id, 1_300);
    const before = await rowsOf(server.sql, zone_id);
    expect(before).toMatchObject({ keys: 1, tuples: 1, file_states: 1_301, agent_capabilities: 2, messages: 1 });
    await server.ok('zone_delete', { zone_id });
    await untilTerminated(server.sql, zone_id);
    expect(await rowsOf(server.sql, zone_id)).toEqual(NOTHING);
    expect(await server.fault('zone_get', { zone_id })).toBe('ZONE_NOT_FOUND');
    expect((await server.http(`/api/zones/${zone_id}`, { method: 'DELETE' })).status).toBe(404);
    expect(await server.fault('zone_create', { zone_id, name: 'Again' })).toBe('ALREADY_EXISTS');
    expect((await server.rpc('read', { path: '/a' }, key)).status).toBe(401);
    const listed = await server.ok('zone_list', { include_terminated: true, limit: 1000 });
    const tombstone = listed.zones.find((zone: { zone_id: string }) => zone.zone_id === zone_id);
    expect(tombstone).toMatchObject({ name: 'Gone', phase: 'Terminated', description: null, limits: {} });
    expect(tombstone?.deleted_at).toMatch(/Z$/);
    expect(tombstone?.usage).toMatchObject({ storage_bytes: 0, files: 0, agents: 0 });
    expect(new Set(Object.values(tombstone?.usage ?? {}))).toEqual(new Set([0]));
    const visible = (await server.ok('zone_list', { limit: 1000 })).zones;
    expect(visible.map((zone: { zone_id: string }) => zone.zone_id)).not.toContain(zone_id);
    const audit = await server.sql.read((tx) =>
      tx.all<{ action: string }>('SELECT action FROM audit WHERE zone_id = ? ORDER BY n', [zone_id]),
    );
    expect(audit.map((row) => row.action)).toEqual([
      'file.write',
      'agent.register',
      'inbox.provision',
      'inbox.send',
      'zone.delete',
      'zone.terminate',
    ]);
  });

  test('takes no write after its end has begun, however many are under way', async () => {
    const zone_id = 'busy';
    await server.ok('zone_create', { zone_id, name: 'B' });
    const key = await server.addKey({ zone_id, role: 'admin' });
    const outcomes = new Set<string>();
    const write = async (n: number): Promise<void> => {
      const content = n % 3 === 0 ? `${n} `.repeat(40_000) : `${n}`;
      const { error, status } = await server.rpc('write', { path: `/${n % 20}/${n}`, content }, key);
      outcomes.add(error ? `${status} ${error.data.code}` : 'ok');
    };
    const writers = Array.from({ length: 8 }, async (_, w) => {
      for (let n = w; !outcomes.has('401 UNAUTHENTICATED'); n += 8) await write(n);
    });
    while (!outcomes.has('ok')) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.ok('zone_delete', { zone_id });
    await Promise.all(writers);
    expect(outcomes).toEqual(new Set(['ok', '401 UNAUTHENTICATED']));
    await untilTerminated(server.sql, zone_id);
    expect(await rowsOf(server.sql, zone_id)).toEqual(NOTHING);
  });

  test('takes with it what others share with it, and nothing else of them', async () => {
    const [host, guest] = ['host-zone', 'guest-zone'];
    await server.ok('zone_create', { zone_id: host, name: 'H' });
    await server.ok('zone_create', { zone_id: guest, name: 'G' });
    const admin = await server.addKey({ zone_id: host, role: 'admin' });
    const visitor = await server.addKey({ zone_id: guest, subject: 'ada' });
    await server.ok('write', { path: '/x', content: 'x' }, admin);
    await server.ok('share_with_user', { path: '/x', user_id: 'ada', user_zone_id: guest }, admin);
    await server.ok('share_with_user', { path: '/x', user_id: 'ada' }, admin);
    expect(await server.ok('read', { path: `/zone/${host}/x`, encoding: 'utf-8' }, visitor)).toBe('x');
    await server.ok('zone_delete', { zone_id: guest });
    await untilTerminated(server.sql, guest);
    const left = await server.ok('rebac_list_tuples', {}, admin);
    expect(left.map((tuple: { subject_zone_id: string }) => tuple.subject_zone_id)).toEqual([host]);
    expect((await server.ok('zone_get', { zone_id: host })).usage).toMatchObject({ tuples: 1 });
    expect(await server.ok('read', { path: '/x', encoding: 'utf-8' }, admin)).toBe('x');
  });

  test('root cannot be deleted', async () => {
    expect((await server.http('/api/zones/root', { method: 'DELETE' })).status).toBe(409);
    expect(await server.ok('zone_get', { zone_id: 'root' })).toMatchObject({ phase: 'Active' });
  });
});

test('a deletion that the server leaves half done goes on after the next start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-sweep-'));
  const zone_id = 'half-done';
  let server = await startTestServer({ directory, engine: 'sqlite' });
  const stats = async () => (await rowsOf(server.sql, zone_id)).file_states ?? 0;
  try {
    await server.ok('zone_create', { zone_id, name: 'H' });
    const key = await server.addKey({ zone_id, role: 'admin' });
    await fill(server.sql, zone_id, 20_000);
    await server.ok('zone_delete', { zone_id });
    while ((await stats()) === 20_000) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.stop();
    server = await startTestServer({ directory, engine: 'sqlite' });
    expect((await server.rpc('list', {}, key)).status).toBe(401);
    await untilTerminated(server.sql, zone_id);
    expect(await rowsOf(server.sql, zone_id)).toEqual(NOTHING);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('the pass', () => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare();
  });
  afterAll(() => bare.close());

  const sweep = (zone_id: string, blobs: Blobs = bare.blobs, log: Log = silentLog) =>
    sweepZone({ step: bare.step, blobs, clock: bare.clock, signal: new AbortController().signal, log }, zone_id);

  test('two nodes end a zone together', async () => {
    const zone_id = 'for-two';
    await bare.call('zone_create', { zone_id, name: 'T' });
    await fill(bare.sql, zone_id, 1_200);
    await bare.call('zone_delete', { zone_id });
    const failures: string[] = [];
    const log: Log = (level, event) => {
      if (level === 'warn') failures.push(event);
    };
    const left = await Promise.all([sweep(zone_id, bare.blobs, log), sweep(zone_id, bare.blobs, log)]);
    expect(left).toEqual([[], []]);
    expect(failures).toEqual([]);
    expect(await phaseOf(bare.sql, zone_id)).toBe('Terminated');
    expect(await rowsOf(bare.sql, zone_id)).toEqual(NOTHING);
  });

  test('a finalizer that fails is named, is tried again only after its delay, and keeps the zone from its end', async () => {
    const zone_id = 'unlucky';
    await bare.call('zone_create', { zone_id, name: 'U' });
    const content = 'large '.repeat(20_000);
    await bare.call('write', { zone_id, path: '/a', content });
    await bare.sql.write('root', async (tx) => {
      await tx.run('DELETE FROM file_states WHERE zone_id = ?', [zone_id]);
      await tx.run('UPDATE blobs SET touched_at = 0');
    });
    await bare.call('zone_delete', { zone_id });
    let tries = 0;
    let broken = true;
    const blobs: Blobs = {
      put: (source) => bare.blobs.put(source),
      setAside: (sha256) => bare.blobs.setAside(sha256),
      read: (sha256, start, end) => bare.blobs.read(sha256, start, end),
      has: (sha256) => bare.blobs.has(sha256),
      stage: bare.blobs.stage,
      close: () => bare.blobs.close(),
      delete: async (sha256) => {
        tries++;
        if (broken) throw new Error('the store is out of reach');
        await bare.blobs.delete(sha256);
      },
    };
    expect(await sweep(zone_id, blobs)).toEqual(['blobs']);
    const failed = await bare.call<{ finalizers_failed: string[]; finalizers_completed: string[] }>('zone_get', {
      zone_id,
    });
    expect(failed).toMatchObject({ phase: 'Terminating', finalizers_failed: ['blobs'], finalizers_pending: [] });
    expect(failed.finalizers_completed).toContain('files');
    const before = tries;
    expect(before).toBeGreaterThan(0);
    broken = false;
    bare.clock.set(bare.clock.now() + 999);
    expect(await sweep(zone_id, blobs)).toEqual(['blobs']);
    expect(tries).toBe(before);
    bare.clock.set(bare.clock.now() + 1);
    expect(await sweep(zone_id, blobs)).toEqual([]);
    expect(await phaseOf(bare.sql, zone_id)).toBe('Terminated');
  });
});
