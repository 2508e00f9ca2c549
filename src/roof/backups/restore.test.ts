/** Backups by the routes of a server, and the state of a running one becoming that of a backup. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, startAgentServer } from '../../../test/agent-server.ts';
import { ADMIN_KEY, forEachEngine } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { RESTORE_HELD_MS } from '../../features/backups/restores.sql.ts';
import { findRun } from '../../features/backups/runs.sql.ts';
import { backupDue, beginSafety, holdBackup } from '../../features/backups/steps.operations.ts';
import type { SqlValue } from '../../ports/sql.ts';
import { collectBlobs } from '../collect.ts';
import { systemSteps } from '../system.ts';
import { dumpDatabase } from './offline.ts';

const ROOT = '/api/v2/backups';
const LARGE = 'x'.repeat(200_000);

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

forEachEngine('backups of a running server', (engine) => {
  let at: AgentServer;
  const place = mkdtempSync(join(tmpdir(), 'nexus-restore-'));
  beforeAll(async () => {
    at = await startAgentServer(engine, { NEXUS_DATA_DIR: join(place, 'data'), NEXUS_EMBEDDED_WORKER: 'false' });
  });
  afterAll(async () => {
    await at.server.stop();
    rmSync(place, { recursive: true });
  });
  const dumped = async (): Promise<string> => (await dumpDatabase(at.server.config, () => undefined)).sha256;
  const write = (path: string, content: string) => at.server.ok('write', { path, content });
  const textAt = async (path: string): Promise<string> => (await at.server.http(`/api/v2/files${path}`)).text();
  const backup = async () => {
    const { status, body } = await at.ask('POST', ROOT);
    expect([status, body.error]).toEqual([201, null]);
    return body as unknown as { id: string; dump_sha256: string };
  };

  test('are for an admin of zone root, and a destination is tried before it is taken', async () => {
    const key = await at.server.addKey({ role: 'researcher' });
    for (const [verb, path] of [
      ['GET', ROOT],
      ['POST', ROOT],
      ['POST', `${ROOT}/latest/restore`],
    ] as const) {
      expect((await at.ask(verb, path, verb === 'POST' ? {} : undefined, { key })).status).toBe(403);
    }
    expect((await at.ask('GET', ROOT)).body).toMatchObject({ backups: [] });
    expect((await at.ask('POST', `${ROOT}/latest/verify`, {})).body.error?.code).toBe('BACKUP_NOT_FOUND');
    for (const wrong of [
      { destination: 'not/absolute' },
      { destination: '/proc/none' },
      { schedule: '0 99 * * *' },
      { schedule: '0 2 * * *', timezone: 'Mars/Olympus' },
      { retention_days: 0 },
    ]) {
      const { status, body } = await at.ask('PUT', `${ROOT}/config`, wrong);
      expect([status, body.error?.code], JSON.stringify(wrong)).toEqual([422, 'INVALID_PARAMS']);
    }
    const plan = { schedule: '0 3 * * *', timezone: 'Europe/Berlin', retention: 7, destination: join(place, 'to') };
    const set = await at.ask('PUT', `${ROOT}/config`, { ...plan, enabled: false });
    expect(set.body).toEqual({
      schedule: '0 3 * * *',
      timezone: 'Europe/Berlin',
      retention_days: 7,
      destination: join(place, 'to'),
      enabled: false,
    });
    expect((await at.ask('GET', `${ROOT}/config`)).body).toEqual(set.body);
  });

  test('become the state again, while clients go on calling', { timeout: 60_000 }, async () => {
    await write('/kept.txt', 'as it was');
    await write('/large.txt', LARGE);
    const made = await backup();
    expect((await at.ask('POST', `${ROOT}/${made.id}/verify`, {})).body).toMatchObject({ id: made.id, ok: true });
    await write('/kept.txt', 'changed');
    await at.server.ok('delete', { path: '/large.txt' });
    const { key_id } = await at.server.ok('admin_create_key', { zone_id: 'root', name: 'later', role: 'viewer' });
    await write('/later.txt', 'not in the backup');
    const unconfirmed = await at.ask('POST', `${ROOT}/latest/restore`, { confirm: false });
    expect(unconfirmed.status).toBe(409);

    let stop = false;
    const answers = new Set<number>();
    const refusals = new Set<unknown>();
    const clients = [0, 1, 2].map(async (client) => {
      for (let n = 0; !stop; n++) {
        await fetch(`${at.server.url}/api/v2/files/calls/${client}-${n}.txt`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/plain' },
          body: 'a call',
        }).then(
          async (response) => {
            answers.add(response.status);
            const body = (await response.json()) as { error?: { data?: { reason?: string } } };
            if (response.status >= 400) refusals.add(body.error?.data?.reason);
            // What came before counts, and nothing that came behind it may.
            if (response.status === 503) stop = true;
          },
          () => {
            stop = true;
          },
        );
      }
    });
    const restored = await at.ask('POST', `${ROOT}/latest/restore`, { confirm: true });
    stop = true;
    await Promise.all(clients);
    expect(restored.status).toBe(200);
    expect(restored.body).toMatchObject({ id: made.id, dump_sha256: made.dump_sha256 });
    expect([...refusals].filter((reason) => reason !== 'restoring' && reason !== 'stopping')).toEqual([]);
    expect(await dumped()).toBe(made.dump_sha256);

    await until(async () => (await textAt('/kept.txt')) === 'as it was');
    expect((await textAt('/large.txt')) === LARGE).toBe(true);
    expect((await at.server.http('/api/v2/files/later.txt')).status).toBe(404);
    expect(await at.server.fault('admin_get_key', { key_id })).toBe('KEY_NOT_FOUND');
    // The log of what was done stays, and is one chain.
    expect(await at.server.ok('audit_verify', {})).toMatchObject({ ok: true });
    const { safety_backup } = restored.body as unknown as { safety_backup: string };
    const back = await at.ask('POST', `${ROOT}/${safety_backup}/restore`, { confirm: true });
    expect(back.status).toBe(200);
    await until(async () => (await textAt('/later.txt')) === 'not in the backup');
  });

  test('undo numbers of events, and whoever goes on from one of them is told', { timeout: 60_000 }, async () => {
    const get = (path: string) => at.ask('GET', path);
    const gone = async (path: string): Promise<unknown> => {
      const { status, body } = await get(path);
      return [status, body.error?.code];
    };
    await write('/log.txt', 'kept');
    const kept = (await at.server.ok('get_metadata', { path: '/log.txt' })).revision;
    const { id } = await backup();
    await write('/log.txt', 'undone');
    const { revision: undone } = await at.server.ok('write', { path: '/log.txt', content: 'undone again' });
    const cursorOf = async (path: string): Promise<string> => String((await get(path)).body.next_cursor);
    const replay = await cursorOf('/api/v2/events/replay?limit=10000');
    const listed = await cursorOf('/api/v2/events?limit=1');
    const everywhere = await cursorOf('/api/v2/events?limit=1&zone_id=*');
    expect((await at.ask('POST', `${ROOT}/${id}/restore`, { confirm: true })).status).toBe(200);
    await until(async () => (await textAt('/log.txt')) === 'kept');
    // What was dumped has the number that it had, and the next one is larger than all before.
    const { revision } = await at.server.ok('write', { path: '/log.txt', content: 'instead' });
    expect(revision).toBeGreaterThan(undone);
    for (const path of [
      `/api/v2/events/replay?cursor=${replay}`,
      `/api/v2/events?cursor=${listed}`,
      `/api/v2/events?cursor=${everywhere}&zone_id=*`,
      `/api/v2/events/replay?since_revision=${undone}`,
      `/api/v2/watch?since=root.${undone}&timeout=0.1`,
      `/api/v2/watch?since=${undone - 1}&timeout=0.1`,
    ]) {
      expect(await gone(path), path).toEqual([410, 'REVISION_GONE']);
    }
    const headers = { 'last-event-id': `root.${undone}` };
    expect((await at.server.http('/api/v2/events/stream', { headers })).status).toBe(410);
    // Whoever has seen nothing of it goes on without a gap.
    const { body } = await get(`/api/v2/events/replay?since_revision=${kept}&path_pattern=/log.txt`);
    expect((body.events as { revision: number }[]).map((event) => event.revision)).toEqual([revision]);
    expect(await gone(`/api/v2/events/replay?cursor=${String(body.next_cursor)}`)).toEqual([200, undefined]);
  });

  test('hold contents back from collection while they are made', async () => {
    const { runner, blobs } = at.server.running.server;
    const parts = { step: systemSteps(runner), blobs, clock: systemClock, signal: new AbortController().signal };
    const run = (sql: string, params: readonly SqlValue[]) => at.server.sql.write('root', (tx) => tx.run(sql, params));
    const loose = 'ab'.repeat(32);
    await run('INSERT INTO blobs (sha256, size, touched_at, utf8, inline) VALUES (?, 1, 0, 0, ?)', [
      loose,
      Buffer.from('a'),
    ]);
    const there = () => at.server.sql.read((tx) => tx.get('SELECT sha256 FROM blobs WHERE sha256 = ?', [loose]));
    await run('UPDATE backup_runs SET held_until = ?', [Number.MAX_SAFE_INTEGER]);
    await collectBlobs(parts);
    expect(await there()).toEqual({ sha256: loose });
    await run('UPDATE backup_runs SET held_until = ?', [0]);
    await collectBlobs(parts);
    expect(await there()).toBeUndefined();
  });

  test('before a restore that was cut off hold up nobody for longer than that does', { timeout: 60_000 }, async () => {
    const { runner } = at.server.running.server;
    const step = systemSteps(runner);
    const destination = join(place, 'to');
    const find = (backup_id: string) => at.server.sql.read((tx) => findRun(tx, backup_id));
    const restore = async () => (await at.ask('POST', `${ROOT}/latest/restore`, { confirm: true })).body.error;
    await backup();
    // As one is when its server is killed: nobody says any more that he is at it.
    await step(beginSafety, 'root', { backup_id: 'bk-left', destination });
    await step(holdBackup, 'root', { backup_id: 'bk-left', phase: 'rows', done: 0, total: 0 });
    const held = await find('bk-left');
    expect(held?.held_until).toBeLessThanOrEqual(Date.now() + RESTORE_HELD_MS);
    expect(await restore()).toMatchObject({ data: { reason: 'BACKUP_RUNNING' } });
    expect(await step(backupDue, 'root', { destination })).toBe(false);
    const ended = await until(async () => {
      const row = await find('bk-left');
      return row?.ended_at === null ? undefined : row;
    });
    expect(ended).toMatchObject({ status: 'failed', error: 'it was cut short', held_until: 0 });
    expect((await at.ask('GET', ROOT)).body.backups).toContainEqual(
      expect.objectContaining({ id: 'bk-left', status: 'failed' }),
    );
    expect(await restore()).toBe(null);
  });
});
