/**
 * Data of an earlier release (make.ts) opened by this one: it answers as that release did, its schema is what the migrations
 * make, its log of audit holds, and work goes on.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkSchema } from '../../src/roof/schema/check.ts';
import { checkStock, makeStock } from '../corpus/stock.ts';
import { forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { freshDatabase } from '../servers/shared-postgres.ts';
import { ADMIN, readRelease, unpackFiles } from './release.ts';

forEachEngine('data of an earlier release', (engine) => {
  const release = readRelease(engine);
  const directory = mkdtempSync(join(tmpdir(), 'nexus-upgrade-'));
  let server: TestServer;
  let drop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    unpackFiles(release, directory);
    const environment: Record<string, string> = { NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN };
    if (engine === 'postgres') {
      const database = await freshDatabase();
      drop = database.drop;
      const loaded = spawnSync('psql', ['-q', '-v', 'ON_ERROR_STOP=1', database.url], { input: release.dump });
      expect([loaded.status, loaded.stderr.toString()]).toEqual([0, '']);
      environment.NEXUS_DATABASE_URL = database.url;
      environment.NEXUS_BLOBS_URL = pathToFileURL(join(directory, 'blobs')).href;
    }
    server = await startTestServer({ engine, directory, environment });
  });
  afterAll(async () => {
    await server.stop();
    await drop();
    rmSync(directory, { recursive: true });
  });

  test('is answered as that release answered', async () => {
    for (const { method, params, result } of release.answers) {
      const { error, result: now } = await server.rpc(method, params, ADMIN);
      expect([method, error]).toEqual([method, null]);
      const [then, today] = [
        { method, result },
        { method, result: now },
      ];
      if (method === 'audit_verify') expect(today).toMatchObject({ result: { ok: true } });
      else expect(today).toMatchObject(then);
    }
  });

  test('lets a key in that it made, to what that may see', async () => {
    expect(await server.ok('read', { path: '/docs/7.md', encoding: 'utf-8' }, release.key)).toContain(
      'Text of page 7.',
    );
    expect(await server.fault('read', { path: '/large.txt' }, release.key)).toBe('ACCESS_DENIED');
  });

  test('has the schema that the migrations make', async () => {
    expect(await checkSchema(server.config, server.sql)).toEqual([]);
  });

  test('goes on', async () => {
    await server.ok('append', { path: '/docs/1.md', content: 'Today.\n' }, ADMIN);
    expect(await server.ok('read', { path: '/docs/1.md', encoding: 'utf-8' }, ADMIN)).toMatch(/More 2\.\nToday\.\n$/);
    await server.ok('tree_merge', { branch: 'draft', into: 'main', strategy: 'theirs' }, ADMIN);
    expect(await server.ok('read', { path: '/docs/5.md', encoding: 'utf-8' }, ADMIN)).toBe('On a branch.\n');
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const tasks = await server.http('/api/v2/scheduler/tasks?executor=builder', { headers });
    expect(await tasks.text()).toContain('"compile"');
    const body = JSON.stringify({ job_type: 'echo', payload: { value: 2 }, execution_mode: 'sync' });
    const job = await server.http('/api/v1/jobs/submit', { method: 'POST', headers, body });
    expect(await job.json()).toMatchObject({ status: 'succeeded' });
    await checkStock(server, ADMIN, await makeStock(server, ADMIN, '/corpus'));
    expect(await server.ok('audit_verify', {}, ADMIN)).toMatchObject({ ok: true });
  });
});
