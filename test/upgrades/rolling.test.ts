/**
 * Two releases on one database: a server goes on while the schema becomes that of the next release, and begins anew on it
 * where it was told not to look; else a start on it is refused.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate, readMigrations } from '../../src/roof/migrations.ts';
import { forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { freshDatabase } from '../servers/shared-postgres.ts';

const OURS = join(import.meta.dirname, '../../migrations');
/** Tables that are written all the time, among them those that are asked for by `*`. */
const TABLES = [
  'zones',
  'keys',
  'events',
  'audit',
  'blobs',
  'file_states',
  'jobs',
  'job_counts',
  'workers',
  'schedules',
];

const added = [
  ...TABLES.map((table) => `ALTER TABLE ${table} ADD COLUMN of_next TEXT NOT NULL DEFAULT 'next';`),
  'CREATE TABLE things_of_next (id TEXT PRIMARY KEY, n BIGINT NOT NULL);',
  'CREATE INDEX jobs_of_next ON jobs (of_next);',
].join('\n');

forEachEngine('a schema of the next release', (engine) => {
  let folder: string;
  let directory: string;
  let environment: Record<string, string>;
  let drop = async (): Promise<void> => undefined;
  let server: TestServer;
  let stopped = false;
  const logged: string[] = [];
  const start = async (): Promise<void> => {
    const log = (_level: string, event: string): void => {
      logged.push(event);
    };
    server = await startTestServer({ engine, directory, environment, log });
  };
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nexus-rolling-'));
    folder = mkdtempSync(join(tmpdir(), 'nexus-migrations-'));
    cpSync(OURS, folder, { recursive: true });
    environment = { NEXUS_WORKER_POLL_SECONDS: '0.1' };
    if (engine === 'postgres') {
      const database = await freshDatabase();
      environment.NEXUS_DATABASE_URL = database.url;
      drop = database.drop;
    }
    await start();
  });
  afterAll(async () => {
    if (!stopped) await server.stop();
    await drop();
    rmSync(folder, { recursive: true });
    rmSync(directory, { recursive: true });
  });

  /** Each kind of statement, on connections that had it before. */
  const work = async (round: number): Promise<void> => {
    for (let n = 0; n < 8; n++) {
      const path = `/work/${round}/${n}`;
      await server.ok('write', { path, content: `${n}` });
      await server.ok('append', { path, content: '.' });
      expect(await server.ok('read', { path, encoding: 'utf-8' })).toBe(`${n}.`);
      await server.ok('rename', { old_path: path, new_path: `${path}.txt` });
    }
    expect((await server.ok('glob', { pattern: `/work/${round}/*` })).matches.length).toBe(8);
    const body = JSON.stringify({ job_type: 'echo', payload: { value: round } });
    const headers = { 'content-type': 'application/json' };
    const sent = await server.http('/api/v1/jobs/submit', { method: 'POST', headers, body });
    const { job_id } = (await sent.json()) as { job_id: string };
    const status = async () =>
      ((await (await server.http(`/api/v1/jobs/${job_id}`)).json()) as { status: string }).status;
    await expect.poll(status, { timeout: 20_000 }).toBe('succeeded');
    expect((await server.http('/api/v1/workers')).status).toBe(200);
    expect(await server.ok('audit_verify', {})).toMatchObject({ ok: true });
  };

  test('a server that runs goes on, and one that starts serves if it is not to look', async () => {
    await work(1);
    const newest = readMigrations(server.sql.dialect).at(-1)?.version ?? 0;
    writeFileSync(join(folder, `${String(newest + 1).padStart(4, '0')}_adds.sql`), added);
    expect(await migrate(server.sql, { folder })).toBe(1);
    await work(2);
    await server.stop();
    await expect(start()).rejects.toThrow('NEXUS_SCHEMA_MANAGEMENT_MODE=off lets this one serve too');
    environment.NEXUS_SCHEMA_MANAGEMENT_MODE = 'off';
    await start();
    await work(3);
    expect(logged).not.toContain('internal.error');
  });

  test('what takes away something is named, and a server that needs it does not start', async () => {
    const next = (readMigrations(server.sql.dialect).at(-1)?.version ?? 0) + 2;
    const number = String(next).padStart(4, '0');
    writeFileSync(join(folder, `${number}_takes.sql`), `-- contracts: ${number}\nDROP TABLE things_of_next;`);
    expect(await migrate(server.sql, { folder })).toBe(1);
    await server.stop();
    stopped = true;
    environment.NEXUS_SCHEMA_MANAGEMENT_MODE = 'auto_create';
    await expect(start()).rejects.toThrow(/this program knows \d+: run a newer nexus\.$/);
  });
});
