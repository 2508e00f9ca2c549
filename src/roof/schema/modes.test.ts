/** What a start does about the schema (infrastructure.md §14): migrates, refuses, or does not even look. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EngineName, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { nexus } from '../../../test/nexus-process.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { loadConfig } from '../../config.ts';
import { openThreadSql } from '../engines.ts';
import { migrate, readMigrations } from '../migrations.ts';

const KEY = 'viewer-key-of-modes-1';
type Mode = 'auto_create' | 'migrate_only' | 'off';

forEachEngine('the mode of the schema', (engine: EngineName) => {
  let directory: string;
  let url = '';
  let drop = async (): Promise<void> => undefined;
  let running: TestServer | undefined;
  const logged: string[] = [];
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nexus-modes-'));
    if (engine === 'postgres') ({ url, drop } = await freshDatabase());
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await drop();
    rmSync(directory, { recursive: true, force: true });
    logged.length = 0;
  });

  const start = async (mode: Mode): Promise<TestServer> => {
    const environment = {
      NEXUS_SCHEMA_MANAGEMENT_MODE: mode,
      NEXUS_BOOTSTRAP_VIEWER_KEY: KEY,
      ...(url && { NEXUS_DATABASE_URL: url }),
    };
    const log = (_level: string, event: string): void => {
      logged.push(event);
    };
    running = await startTestServer({ engine, directory, environment, log });
    return running;
  };
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  const withSql = async <T>(work: (sql: Awaited<ReturnType<typeof openThreadSql>>) => Promise<T>): Promise<T> => {
    const { config } = loadConfig({ environment: {}, given: { NEXUS_DATA_DIR: directory, NEXUS_DATABASE_URL: url } });
    const sql = await openThreadSql(config, 'writer', () => undefined);
    try {
      return await work(sql);
    } finally {
      await sql.close();
    }
  };
  const whoami = async (server: TestServer): Promise<number> =>
    (await server.http('/api/v1/auth/whoami', { headers: { authorization: `Bearer ${KEY}` } })).status;

  test('auto_create migrates and seeds; the next start has nothing to do', async () => {
    expect(await whoami(await start('auto_create'))).toBe(200);
    expect(logged).toContain('schema.migrated');
    await stop();
    logged.length = 0;
    expect(await whoami(await start('migrate_only'))).toBe(200);
    expect(logged).not.toContain('schema.migrated');
  });

  test('migrate_only refuses a schema that is behind, and changes no table', async () => {
    const pending = await withSql(async (sql) => readMigrations(sql.dialect).length);
    await expect(start('migrate_only')).rejects.toThrow(`Schema is ${pending} migrations behind; run nexus migrate`);
    await withSql(async (sql) => {
      await expect(sql.read((tx) => tx.all('SELECT zone_id FROM zones'))).rejects.toThrow('run nexus migrate');
    });
  });

  test('off starts without any table: what needs none is answered, all else is 503', async () => {
    const server = await start('off');
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
    expect(await whoami(server)).toBe(503);
    // By now each of its own tasks has been tried.
    await sleep(1_500);
    expect(logged.filter((event) => /failed|incomplete/.test(event))).toEqual(['schema.incomplete']);
  });

  test('off without any table is neither ready nor healthy, and says that it is for the schema', async () => {
    const server = await start('off');
    const got = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`);
      return [answer.status, await answer.json()];
    };
    expect(await got('/healthz/ready')).toEqual([503, { status: 'not_ready', pending_phases: ['schema'] }]);
    expect(await got('/healthz/startup')).toEqual([200, { status: 'started' }]);
    expect(await got('/health')).toMatchObject([503, { status: 'unhealthy', healthy: false, healthy_nodes: [] }]);
    const schema = { status: 'unhealthy', detail: expect.stringContaining('run nexus migrate') };
    expect(await got('/health/detailed')).toMatchObject([503, { components: { sql: { status: 'healthy' }, schema } }]);
    const figures = await (await fetch(`${server.url}/metrics/prometheus`)).text();
    expect(figures).toMatch(/^nexus_db_up 1$/m);
    expect(figures).toMatch(/^nexus_up 0$/m);
    expect(figures).not.toMatch(/^nexus_files /m);
    await withSql((sql) => migrate(sql));
    expect(await got('/healthz/ready')).toMatchObject([200, { status: 'ready' }]);
    expect(await got('/health/detailed')).toMatchObject([200, { components: { schema: { status: 'healthy' } } }]);
  });

  test('off seeds what it can: what needs the table that is missing is 503', async () => {
    await start('auto_create');
    await stop();
    await withSql((sql) => sql.write('root', (tx) => tx.run('DROP TABLE corpus_policies')));
    const server = await start('off');
    expect(logged).toContain('schema.incomplete');
    expect(await whoami(server)).toBe(200);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ candidate_output: 'x' });
    const answer = await server.http('/api/v1/governance/evaluate', { method: 'POST', headers, body });
    expect(answer.status).toBe(503);
  });

  test('a newer schema is refused, with the way out where nothing of it was taken away, unless nobody is to look', async () => {
    await start('auto_create');
    await stop();
    await withSql((sql) =>
      sql.write('root', (tx) => tx.run("INSERT INTO migrations (version, name) VALUES (9999, 'of tomorrow')")),
    );
    const env = { ...(url && { NEXUS_DATABASE_URL: url }) };
    const migrated = (...more: string[]) => nexus(['migrate', '--data', directory, ...more], { cwd: directory, env });
    for (const flags of [[], ['--check']]) {
      const err = expect.stringContaining('run a newer nexus; all that is newer only adds');
      expect(await migrated(...flags)).toMatchObject({ code: 1, out: '', err });
    }
    const listed = await migrated('--status');
    const last = { version: 9999, name: 'of tomorrow', applied: true };
    expect([listed.code, (JSON.parse(listed.out) as object[]).at(-1)]).toEqual([0, last]);
    for (const mode of ['auto_create', 'migrate_only'] as const) {
      await expect(start(mode)).rejects.toThrow('NEXUS_SCHEMA_MANAGEMENT_MODE=off lets this one serve too');
    }
    expect(await whoami(await start('off'))).toBe(200);
  });

  test('a schema that takes away what the program needs is refused, unless nobody is to look', async () => {
    await start('auto_create');
    await stop();
    await withSql((sql) =>
      sql.write('root', (tx) =>
        tx.run("INSERT INTO migrations (version, name, needs) VALUES (9999, 'of tomorrow', 9999)"),
      ),
    );
    for (const mode of ['auto_create', 'migrate_only'] as const) {
      await expect(start(mode)).rejects.toThrow(/run a newer nexus\.$/);
    }
    expect(await whoami(await start('off'))).toBe(200);
  });
});
