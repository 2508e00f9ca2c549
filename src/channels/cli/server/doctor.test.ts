/** `nexus doctor` where something is away: what is left is looked at all the same, and what is not there is named. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY, startTestServer } from '../../../../test/harness.ts';
import { nexus } from '../../../../test/nexus-process.ts';
import { freshDatabase } from '../../../../test/servers/shared-postgres.ts';
import { startTcpProxy } from '../../../../test/servers/tcp-proxy.ts';

interface Told {
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly fix: string;
  }[];
}

test('of a server whose database is away it names the database, and of one without workers those', {
  timeout: 120_000,
}, async () => {
  const place = mkdtempSync(join(tmpdir(), 'nexus-doctor-'));
  const database = await freshDatabase();
  const proxy = await startTcpProxy(Number(new URL(database.url).port));
  const url = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
  const environment = { NEXUS_DATABASE_URL: url, NEXUS_EMBEDDED_WORKER: 'false', NEXUS_DATA_DIR: place };
  const server = await startTestServer({ engine: 'postgres', environment });
  onTestFinished(async () => {
    await server.stop();
    await database.drop();
    rmSync(place, { recursive: true, force: true });
  });
  const examine = async (): Promise<Record<string, string>> => {
    const { code, out } = await nexus(['doctor', '--json', '--url', server.url, '--key', ADMIN_KEY]);
    expect(code).toBe(1);
    const failed = (JSON.parse(out) as Told).checks.filter(({ ok }) => !ok);
    return Object.fromEntries(failed.map(({ name, detail, fix }) => [name, `${detail} → ${fix}`]));
  };
  expect(await examine()).toEqual({ workers: expect.stringMatching(/^none takes jobs → start one: nexus worker/) });
  await proxy.stop();
  const away = await examine();
  expect(away).toMatchObject({
    server: expect.stringContaining('unhealthy'),
    key: expect.stringContaining('out of reach'),
    sql: expect.stringContaining('NEXUS_DATABASE_URL'),
    workers: expect.stringContaining('out of reach'),
  });
  expect(away).not.toHaveProperty('permissions');
});
