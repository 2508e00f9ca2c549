/** The pass over all zones: each by its own limits, the ones behind a failing zone too, and by itself in a server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { startTestServer } from '../../test/harness.ts';
import { silentLog } from '../base/log.ts';
import { insertZone } from '../features/zones/zones.sql.ts';
import { pruneZones } from './prune.ts';

let bare: Bare;
beforeEach(async () => {
  bare = await openBare();
});
afterEach(() => bare.close());

const parts = () => ({ step: bare.step, signal: new AbortController().signal, log: silentLog });

async function addZone(zone_id: string, limits: object): Promise<void> {
  const zone = { zone_id, name: zone_id, domain: null, description: null, limits: JSON.stringify(limits), now: 1 };
  await bare.sql.write(zone_id, (tx) => insertZone(tx, zone));
}

/** Bytes of old versions as the zone itself tells them, and as a count of its versions gives them. */
async function historyOf(zone_id: string): Promise<readonly [number, number]> {
  const { usage } = await bare.call<{ usage: { history_bytes: number } }>('zone_get', { zone_id });
  const versions = await bare.call<{ size: number }[]>('list_versions', { zone_id, path: '/f' });
  return [usage.history_bytes, versions.slice(1).reduce((sum, { size }) => sum + size, 0)];
}

const versionsOf = async (zone_id: string): Promise<number> => {
  const versions = await bare.call<unknown[]>('list_versions', { zone_id, path: '/f' });
  return versions.length;
};

test('history beyond the bytes that a zone keeps goes, oldest first; other zones keep theirs', async () => {
  await addZone('small', { max_history_bytes: 25 });
  await addZone('wide', {});
  for (const zone_id of ['small', 'wide']) {
    for (let n = 0; n < 6; n++) await bare.call('write', { zone_id, path: '/f', content: `ten bytes${n}` });
  }
  expect(await historyOf('small')).toEqual([50, 50]);
  expect(await pruneZones(parts())).toBe(3);
  expect(await historyOf('small')).toEqual([20, 20]);
  expect(await historyOf('wide')).toEqual([50, 50]);
  const { zones } = await bare.call<{ zones: { zone_id: string; usage: object }[] }>('zone_list', {});
  const usage = (zone: string) => zones.find(({ zone_id }) => zone_id === zone)?.usage;
  expect(['small', 'wide', 'root'].map(usage)).toMatchObject([20, 50, 0].map((history_bytes) => ({ history_bytes })));
  // Two old versions of ten bytes, and the current one.
  expect(await versionsOf('small')).toBe(3);
  expect(await versionsOf('wide')).toBe(6);
  expect(await pruneZones(parts())).toBe(0);
});

test('a zone that fails keeps no other from its turn', async () => {
  for (const zone_id of ['aaa', 'bbb']) {
    await addZone(zone_id, { max_history_bytes: 1 });
    for (let n = 0; n < 3; n++) await bare.call('write', { zone_id, path: '/f', content: `${n}` });
  }
  const failed: string[] = [];
  const step: typeof bare.step = (operation, zone_id, input) =>
    zone_id === 'aaa' ? Promise.reject(new Error('no')) : bare.step(operation, zone_id, input);
  const log = (_level: string, _event: string, fields: object) => failed.push(JSON.stringify(fields));
  expect(await pruneZones({ ...parts(), step, log })).toBe(1);
  expect(failed).toEqual([expect.stringContaining('"zone_id":"aaa"')]);
});

test('a server does it by itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-prune-'));
  const before = await startTestServer({ directory });
  await before.addZone('kept', { max_history_bytes: 1 });
  for (let n = 0; n < 4; n++) await before.ok('write', { zone_id: 'kept', path: '/f', content: `v${n}` });
  // The pass that is due when the next server starts.
  await before.sql.write('root', (tx) => tx.run("DELETE FROM leases WHERE name = 'history'"));
  await before.stop();
  const server = await startTestServer({ directory });
  const left = async (): Promise<number> => (await server.ok('list_versions', { zone_id: 'kept', path: '/f' })).length;
  await expect.poll(left, { timeout: 10_000 }).toBe(1);
  await server.stop();
  rmSync(directory, { recursive: true });
});
