/** The pass over all zones: each by its own limits, the ones behind a failing zone too, and by itself in a server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { ENGINES, startTestServer } from '../../test/harness.ts';
import { silentLog } from '../base/log.ts';
import { insertZone } from '../features/zones/zones.sql.ts';
import { pruneZones, trimEvents } from './prune.ts';

let bare: Bare;
beforeEach(async () => {
  bare = await openBare(ENGINES[0]);
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
  expect(failed).toEqual([expect.stringContaining('"zone":"aaa"')]);
});

describe('events that are kept for a number of days', () => {
  const DAY_MS = 86_400_000;
  const began = Date.UTC(2030, 0, 1);
  const page = (params: object) => bare.call<{ events: Uint8Array; next_cursor: string }>('event.replay', params);
  const numbers = ({ events }: { events: Uint8Array }): number[] =>
    (JSON.parse(Buffer.from(events).toString()) as { sequence_number: number }[]).map((one) => one.sequence_number);

  beforeEach(async () => {
    // Two a day, for 20 days.
    for (let n = 0; n < 40; n++) {
      bare.clock.set(began + (n * DAY_MS) / 2);
      await bare.call('write', { path: '/f', content: `${n}` });
    }
  });

  test('the oldest go, and whoever would read on among them is told', async () => {
    const { next_cursor: early } = await page({ limit: 3 });
    const { next_cursor: late } = await page({ limit: 35 });
    expect(await trimEvents(parts(), 5)).toBe(29);
    expect(await trimEvents(parts(), 5)).toBe(0);
    // The last one before those five days says what they began with.
    const left = Array.from({ length: 11 }, (_, i) => 30 + i);
    expect(numbers(await page({}))).toEqual(left);
    expect(numbers(await page({ cursor: late }))).toEqual([36, 37, 38, 39, 40]);
    const gone = { code: 'REVISION_GONE', data: { oldest: 30 } };
    await expect(page({ cursor: early })).rejects.toMatchObject(gone);
    await expect(page({ since_revision: 28 })).rejects.toMatchObject(gone);
    expect(numbers(await page({ since_revision: 29 }))).toEqual(left);
    await expect(page({ since_timestamp: new Date(began).toISOString() })).rejects.toMatchObject(gone);
    await expect(bare.call('event.follow', { last_event_id: 'root.7' })).rejects.toMatchObject(gone);
    await expect(bare.call('event.watch', { since: 7 })).rejects.toMatchObject(gone);
    expect(await bare.call('event.follow', { last_event_id: 'root.29' })).toEqual({ after: 29, next: null, left: 0 });
  });

  test('what the tree was within those days is still known, and its history is pruned by its own', async () => {
    const then = { path: '/f', as_of: new Date(began + 15 * DAY_MS).toISOString() };
    const before = await bare.call('get_metadata', then);
    await trimEvents(parts(), 5);
    expect(await bare.call('get_metadata', then)).toEqual(before);
    const earlier = new Date(began + 5 * DAY_MS).toISOString();
    await expect(bare.call('get_metadata', { path: '/f', as_of: earlier })).rejects.toMatchObject({
      code: 'REVISION_GONE',
    });
    const limits = JSON.stringify({ history_days: 10, versions_kept: 1 });
    await bare.sql.write('root', (tx) => tx.run('UPDATE zones SET limits = ?', [limits]));
    // The tenth day began with the 20th version: the 19 before it go.
    expect(await pruneZones(parts())).toBe(19);
  });
});

test('a server does it by itself', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-prune-'));
  const environment = { NEXUS_WORKER_POLL_SECONDS: '0.2' };
  const before = await startTestServer({ directory, environment });
  await before.addZone('kept', { max_history_bytes: 1 });
  const passes = (status: string): Promise<number> =>
    before.sql.read(
      async (tx) =>
        (await tx.all("SELECT job_id FROM jobs WHERE type = 'history_prune' AND status = ?", [status])).length,
    );
  // The pass of the start is over, so what is written now is left to the next one.
  await expect
    .poll(async () => [await passes('succeeded'), await passes('queued')], { timeout: 25_000 })
    .toEqual([1, 1]);
  for (let n = 0; n < 4; n++) await before.ok('write', { zone_id: 'kept', path: '/f', content: `v${n}` });
  // The pass that is due when the next server starts.
  await before.sql.write('root', (tx) => tx.run("UPDATE jobs SET run_at = 0 WHERE type = 'history_prune'"));
  await before.stop();
  const server = await startTestServer({ directory, environment });
  const left = async (): Promise<number> => (await server.ok('list_versions', { zone_id: 'kept', path: '/f' })).length;
  await expect.poll(left, { timeout: 25_000 }).toBe(1);
  await server.stop();
  rmSync(directory, { recursive: true });
});
