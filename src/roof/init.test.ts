/** `--init`: what it makes, what it leaves alone, and when it writes its file again. */
import { mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../test/harness.ts';
import { initialise } from './init.ts';

let server: TestServer;
let directory: string;
const start = async (bootstrapKey: string): Promise<void> => {
  server = await startTestServer({ environment: { NEXUS_BOOTSTRAP_ADMIN_KEY: bootstrapKey } });
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-init-'));
});
afterEach(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const init = (adminKey: string | undefined) =>
  initialise({
    server: server.running.server,
    url: server.url,
    adminKey,
    bootstrapKey: server.config.BOOTSTRAP_ADMIN_KEY,
    directory,
  });

const file = (): string => join(directory, '.nexus-admin-env');
const keyInFile = (): string => /^export NEXUS_API_KEY=(\S+)$/m.exec(readFileSync(file(), 'utf8'))?.[1] ?? '';
const roleOf = async (key: string): Promise<unknown> => {
  const response = await fetch(`${server.url}/api/auth/whoami`, { headers: { authorization: `Bearer ${key}` } });
  return ((await response.json()) as { role?: string }).role;
};

test('makes two zones and a file for its owner only, with an address and a key that work', async () => {
  await start('');
  const { adminKey } = server.running;
  expect(await init(adminKey)).toEqual({ file: file(), written: true });
  expect(readFileSync(file(), 'utf8')).toBe(`export NEXUS_URL=${server.url}\nexport NEXUS_API_KEY=${adminKey}\n`);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  const listed = (await server.ok('zone_list', {}, adminKey)).zones;
  expect(listed.map((zone: { zone_id: string }) => zone.zone_id).sort()).toEqual(['corp', 'corp-eng', 'root']);
});

test('repeated, it changes nothing while the key in the file works', async () => {
  await start('');
  const { adminKey } = server.running;
  await init(adminKey);
  await server.ok('zone_update', { zone_id: 'corp', name: 'Renamed' }, adminKey);
  expect(await init(undefined)).toEqual({ file: file(), written: false });
  expect(keyInFile()).toBe(adminKey);
  expect((await server.ok('zone_get', { zone_id: 'corp' }, adminKey)).name).toBe('Renamed');
  expect((await server.ok('admin_list_keys', {}, adminKey)).total).toBe(1);
});

test('a lost file is written with a new key, and the former one is revoked', async () => {
  await start('');
  const first = server.running.adminKey ?? '';
  await init(first);
  unlinkSync(file());
  expect((await init(undefined)).written).toBe(true);
  const second = keyInFile();
  expect([await roleOf(first), await roleOf(second)]).toEqual([undefined, 'admin']);
  expect(second).toMatch(/^sk-root_admin_[0-9a-f]{8}_[0-9a-f]{32}$/);
  writeFileSync(file(), 'export NEXUS_API_KEY=sk-nonsense\n', { mode: 0o644 });
  await init(undefined);
  const third = keyInFile();
  expect([await roleOf(second), await roleOf(third)]).toEqual([undefined, 'admin']);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect((await server.ok('zone_get', { zone_id: 'root' }, third)).usage.keys).toBe(1);
});

test('a file whose key is no longer an admin key of root is written again', async () => {
  await start(ADMIN_KEY);
  const lower = await server.ok('admin_create_key', { name: 'lower', role: 'operator' });
  writeFileSync(file(), `export NEXUS_API_KEY=${lower.key}\n`);
  expect((await init(undefined)).written).toBe(true);
  expect(keyInFile()).toBe(ADMIN_KEY);
  expect(await roleOf(lower.key)).toBe('operator');
});

test('a configured admin key stands in the file and stays valid', async () => {
  await start(ADMIN_KEY);
  await init(undefined);
  expect(keyInFile()).toBe(ADMIN_KEY);
  unlinkSync(file());
  await init(undefined);
  expect(keyInFile()).toBe(ADMIN_KEY);
  expect(await roleOf(ADMIN_KEY)).toBe('admin');
  expect((await server.ok('admin_list_keys', { include_revoked: true })).total).toBe(1);
});
