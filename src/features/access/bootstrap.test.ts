/** The first keys (access.md §3): what each start makes, enables and revokes. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { DEFAULT_KEY_TEXTS } from '../../base/default-keys.ts';
import { ConfigError, loadConfig } from '../../config.ts';
import { type BootstrapKeys, bootstrap } from './bootstrap.ts';
import { authenticateKey } from './credentials.ts';

let bare: Bare;
beforeEach(async () => {
  bare = await openBare();
  // As an empty database: what the fixture made is taken back.
  await bare.sql.write('root', async (tx) => {
    await tx.run('DELETE FROM keys');
    await tx.run('DELETE FROM zones');
  });
});
afterEach(() => bare.close());

const NONE: BootstrapKeys = { viewer: '', operator: '', researcher: '', admin: '' };
const ADMIN = 'bootstrap-admin-key-1';

const start = (keys: Partial<BootstrapKeys> = {}) =>
  bare.sql.write('root', (tx) => bootstrap(tx, { ...NONE, ...keys }, bare.clock.now()));

const callerOf = (text: string) => bare.sql.read((tx) => authenticateKey(tx, text, bare.clock.now()));
const count = async (): Promise<{ keys: number; used: number }> => {
  const row = await bare.sql.read((tx) =>
    tx.get<{ keys: number; used: number }>(
      `SELECT (SELECT COUNT(*) FROM keys) AS keys, used_keys AS used FROM zones WHERE zone_id = 'root'`,
    ),
  );
  return { keys: Number(row?.keys), used: Number(row?.used) };
};

test('an empty database gets zone root and one admin key, told once', async () => {
  const { adminKey } = await start();
  expect(adminKey).toMatch(/^sk-root_admin_[0-9a-f]{8}_[0-9a-f]{32}$/);
  expect(await callerOf(adminKey ?? '')).toMatchObject({
    user_id: 'admin',
    subject_type: 'user',
    zone_id: 'root',
    is_admin: true,
  });
  expect((await start()).adminKey).toBeUndefined();
  expect(await count()).toEqual({ keys: 1, used: 1 });
});

test('configured texts are the keys of their roles, and none is generated', async () => {
  const keys = {
    admin: ADMIN,
    researcher: 'bootstrap-researcher',
    operator: 'bootstrap-operator',
    viewer: 'bootstrap-viewer-1',
  };
  expect((await start(keys)).adminKey).toBeUndefined();
  for (const [role, text] of Object.entries(keys)) {
    const user_id = role === 'admin' ? 'admin' : `dev-${role}`;
    const raw_mode_enabled = role === 'admin' || role === 'researcher';
    expect(await callerOf(text)).toMatchObject({ role, user_id, zone_id: 'root', raw_mode_enabled });
  }
  await start(keys);
  expect(await count()).toEqual({ keys: 4, used: 4 });
});

test('the same value is enabled again, a changed one revokes the former', async () => {
  await start({ admin: ADMIN });
  await bare.sql.write('root', (tx) => tx.run('UPDATE keys SET revoked_at = 1'));
  expect(await callerOf(ADMIN)).toBeUndefined();
  await start({ admin: ADMIN });
  expect(await callerOf(ADMIN)).toMatchObject({ role: 'admin' });
  expect(await count()).toEqual({ keys: 1, used: 1 });
  await start({ admin: 'bootstrap-admin-key-2' });
  expect(await callerOf(ADMIN)).toBeUndefined();
  expect(await callerOf('bootstrap-admin-key-2')).toMatchObject({ role: 'admin' });
  expect(await count()).toEqual({ keys: 2, used: 1 });
  await start({ admin: ADMIN });
  expect(await callerOf(ADMIN)).toMatchObject({ role: 'admin' });
  expect(await callerOf('bootstrap-admin-key-2')).toBeUndefined();
});

test('a node that was given no text leaves the key that another one was given', async () => {
  await start({ admin: ADMIN });
  expect((await start(DEFAULT_KEY_TEXTS)).adminKey).toBeUndefined();
  expect(await callerOf(ADMIN)).toMatchObject({ role: 'admin', user_id: 'admin' });
  expect((await start()).adminKey).toBeUndefined();
  expect(await callerOf(ADMIN)).toMatchObject({ role: 'admin', user_id: 'admin' });
});

test('a text that moves to another variable takes its role', async () => {
  await start({ admin: ADMIN, viewer: 'bootstrap-moving-key' });
  await start({ admin: 'bootstrap-moving-key', viewer: 'bootstrap-viewer-2' });
  expect(await callerOf('bootstrap-moving-key')).toMatchObject({ role: 'admin' });
  expect(await callerOf('bootstrap-viewer-2')).toMatchObject({ role: 'viewer' });
  expect(await callerOf(ADMIN)).toBeUndefined();
});

test('a configured key that expired works again; who lowered it meant it, and root has an admin key all the same', async () => {
  await start({ admin: ADMIN, researcher: 'bootstrap-researcher' });
  await bare.sql.write('root', (tx) =>
    tx.run("UPDATE keys SET expires_at = 1, role = 'viewer', raw_mode_enabled = 0, rate_limit_per_minute = 5"),
  );
  const { adminKey } = await start({ admin: ADMIN, researcher: 'bootstrap-researcher' });
  const stays = { role: 'viewer', rate_limit_per_minute: 5, expires_at: null, raw_mode_enabled: true };
  expect(await callerOf(ADMIN)).toMatchObject({ ...stays, user_id: 'admin' });
  expect(await callerOf('bootstrap-researcher')).toMatchObject({ ...stays, user_id: 'dev-researcher' });
  expect(await callerOf(adminKey ?? '')).toMatchObject({ is_admin: true });
});

test('default texts are keys of their own owners, beside an admin key that nobody knows, and end where they are not given', async () => {
  const { adminKey } = await start(DEFAULT_KEY_TEXTS);
  expect(await callerOf(adminKey ?? '')).toMatchObject({ user_id: 'admin', is_admin: true });
  for (const [role, text] of Object.entries(DEFAULT_KEY_TEXTS)) {
    expect(await callerOf(text)).toMatchObject({ role, user_id: `dev-${role}`, zone_id: 'root' });
  }
  expect((await start(DEFAULT_KEY_TEXTS)).adminKey).toBeUndefined();
  expect(await count()).toEqual({ keys: 5, used: 5 });
  await start({ viewer: DEFAULT_KEY_TEXTS.viewer });
  expect(await callerOf(DEFAULT_KEY_TEXTS.viewer)).toBeDefined();
  expect(await callerOf(DEFAULT_KEY_TEXTS.admin)).toBeUndefined();
  expect(await count()).toEqual({ keys: 5, used: 2 });
});

test('a database whose admin keys all ended gets a new one', async () => {
  const first = (await start()).adminKey ?? '';
  await bare.sql.write('root', (tx) => tx.run('UPDATE keys SET expires_at = 1'));
  const second = (await start()).adminKey ?? '';
  expect(second).not.toBe(first);
  expect(await callerOf(first)).toBeUndefined();
  expect(await callerOf(second)).toMatchObject({ is_admin: true });
});

test('starts at once make one zone and one key for each text', async () => {
  await Promise.all([1, 2, 3, 4].map(() => start({ admin: ADMIN, viewer: 'bootstrap-viewer-1' })));
  expect(await count()).toEqual({ keys: 2, used: 2 });
});

test.each([
  [{ NEXUS_BOOTSTRAP_ADMIN_KEY: 'too-short' }, 'NEXUS_BOOTSTRAP_ADMIN_KEY'],
  [{ NEXUS_BOOTSTRAP_VIEWER_KEY: '15-characters--' }, 'NEXUS_BOOTSTRAP_VIEWER_KEY'],
  [{ NEXUS_BOOTSTRAP_ADMIN_KEY: 'with a blank in it' }, 'NEXUS_BOOTSTRAP_ADMIN_KEY'],
  [{ NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN, NEXUS_BOOTSTRAP_VIEWER_KEY: ADMIN }, 'NEXUS_BOOTSTRAP_VIEWER_KEY'],
  [{ NEXUS_ENFORCE_PERMISSIONS: 'false' }, 'admin key'],
])('%j refuses to start, naming %s and never the text', (environment, named) => {
  try {
    loadConfig({ environment });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError);
    const { message } = thrown as ConfigError;
    expect(message).toContain(named);
    for (const text of [ADMIN, 'too-short', '15-characters--']) expect(message).not.toContain(text);
    return;
  }
  throw new Error('it started');
});
