/** Pruning: what nobody reads any more goes, what anything needs stays, and what is gone is said to be gone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { systemSteps } from '../../../roof/system.ts';
import { pruneTree, pruneZone } from './retention.operations.ts';
import { judge, type PastState, pinsOf } from './retention.ts';

describe('what is pinned', () => {
  const links = [
    { branch: 'b1', name: 'one', parent: 'main', base_revision: 10 },
    { branch: 'b2', name: 'two', parent: 'b1', base_revision: 20 },
  ];

  test('a branch pins its parent at its base, and what that needs', () => {
    expect(Object.fromEntries(pinsOf([], links))).toEqual({ main: [10], b1: [20] });
  });

  test('a moment of a branch pins the branches it grew from, as they were then', () => {
    const pins = pinsOf(
      [
        { branch: 'b2', revision: 5 },
        { branch: 'main', revision: 7 },
      ],
      links,
    );
    expect(Object.fromEntries(pins)).toEqual({ main: [5, 7, 10], b1: [5, 20], b2: [5] });
  });
});

describe('what may go', () => {
  const state = (began: number, ended: number, more: Partial<PastState> = {}): PastState => ({
    branch: 'main',
    path: `/${began}`,
    kind: 'f',
    began,
    ended,
    size: 10,
    newest: 0,
    ...more,
  });
  const pins = pinsOf([{ branch: 'main', revision: 5 }], []);
  const kept = (states: PastState[], rule: { cut: number; excess: number }): string[] => {
    const { pruned } = judge(states, { pins, ...rule });
    return pruned.map(({ began, ended }) => `${began}-${ended}`);
  };

  test('what ended long ago, but not the newest versions and not what is pinned', () => {
    const states = [state(1, 3), state(2, 5), state(3, 6), state(5, 7), state(6, 8), state(6, 9, { newest: 1 })];
    expect(kept(states, { cut: 8, excess: 0 })).toEqual(['1-3', '2-5', '6-8']);
    expect(kept(states, { cut: 4, excess: 0 })).toEqual(['1-3']);
  });

  test('beyond the limit of bytes the oldest first, whatever their age, and no more than needed', () => {
    const states = [state(1, 3, { newest: 1 }), state(3, 6), state(6, 8), state(6, 9, { kind: 'd' }), state(7, 9)];
    expect(kept(states, { cut: 0, excess: 11 })).toEqual(['1-3', '6-8']);
    expect(judge(states, { pins, cut: 0, excess: 11 }).excess).toBe(-9);
  });
});

forEachEngine('pruning', (engine) => {
  let server: TestServer;
  let zone_id: string;
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    zone_id = `prune-${++zones}`;
    await server.addZone(zone_id);
  });

  const write = (path: string, content: string, more: object = {}): Promise<{ revision: number }> =>
    server.ok('write', { zone_id, path, content, ...more });
  const text = (path: string, more: object = {}): Promise<unknown> =>
    server.ok('read', { zone_id, path, encoding: 'utf-8', ...more });
  const step = () => systemSteps(server.running.server.runner);
  const prune = (): Promise<number> => pruneZone((input) => step()(pruneTree, zone_id, input));
  const limits = (given: object): Promise<unknown> =>
    server.sql.write(zone_id, (tx) =>
      tx.run('UPDATE zones SET limits = ? WHERE zone_id = ?', [JSON.stringify(given), zone_id]),
    );
  /** Everything so far is as old as this. */
  const age = (days: number): Promise<unknown> =>
    server.sql.write(zone_id, (tx) =>
      tx.run('UPDATE events SET at = at - ? WHERE zone_id = ?', [days * 86_400_000, zone_id]),
    );
  const states = async (): Promise<number> => {
    const row = await server.sql.read((tx) =>
      tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM file_states WHERE zone_id = ?', [zone_id]),
    );
    return row?.n ?? 0;
  };

  test('old versions beyond the newest ones go; the rest and what is current stay', async () => {
    await limits({ versions_kept: 3 });
    const revisions: number[] = [];
    for (let i = 1; i <= 10; i++) revisions.push((await write('/f', `v${i}`)).revision);
    await write('/gone', 'gone');
    await server.ok('delete', { zone_id, path: '/gone' });
    expect(await prune()).toBe(0);
    await age(100);
    await write('/young', 'young');
    const rows = await states();
    expect(await prune()).toBe(8);
    expect(await states()).toBe(rows - 8);
    expect(await text('/f')).toBe('v10');
    const versions = await server.ok('list_versions', { zone_id, path: '/f' });
    expect(versions.map(({ version }) => version)).toEqual([10, 9, 8]);
    const { error } = await server.rpc('read', { zone_id, path: '/f', as_of: revisions[0] });
    expect(error?.data).toMatchObject({ code: 'REVISION_GONE', oldest: revisions[9]! + 2 });
    expect(await text('/young')).toBe('young');
    expect(await prune()).toBe(0);
  });

  test('nothing younger than the days of history goes', async () => {
    await limits({ versions_kept: 1, history_days: 10 });
    await write('/f', 'v1');
    await write('/f', 'v2');
    await age(9);
    await write('/f', 'v3');
    expect(await prune()).toBe(0);
    await age(2);
    await write('/f', 'v4');
    // The second version was current until two days ago.
    expect(await prune()).toBe(1);
    expect(await text('/f', { as_of: 2 })).toBe('v2');
    expect(await server.fault('read', { zone_id, path: '/f', as_of: 1 })).toBe('REVISION_GONE');
  });

  test('snapshots, branches and merges keep what they need', async () => {
    await limits({ versions_kept: 1 });
    await write('/f', 'v1');
    await server.ok('tree_snapshot_create', { zone_id, name: 'one' });
    await write('/f', 'v2');
    await server.ok('tree_branch_create', { zone_id, name: 'dev' });
    await write('/f', 'v3');
    await write('/f', 'v4');
    await write('/g', 'dev 1', { branch: 'dev' });
    await write('/g', 'dev 2', { branch: 'dev' });
    await server.ok('tree_merge', { zone_id, branch: 'dev', strategy: 'ours' });
    await write('/g', 'dev 3', { branch: 'dev' });
    await age(100);
    await write('/h', 'h');
    expect(await prune()).toBe(2);
    expect(await text('/f', { as_of: 'one' })).toBe('v1');
    expect(await text('/f', { branch: 'dev' })).toBe('v2');
    expect(await text('/f')).toBe('v4');
    expect(await server.ok('tree_merge', { zone_id, branch: 'dev' })).toMatchObject({ written: 1, conflicts: [] });
    expect(await text('/g')).toBe('dev 3');
    // The second merge is the base of the next one now, and the first version nobody's.
    await server.ok('tree_snapshot_delete', { zone_id, id: 'one' });
    expect(await prune()).toBe(2);
    expect(await text('/f', { branch: 'dev' })).toBe('v2');
  });

  test('what a deleted branch had goes at once, and leaves the history whole', async () => {
    await write('/f', 'f');
    const rows = await states();
    await server.ok('tree_branch_create', { zone_id, name: 'dev' });
    for (let i = 0; i < 3; i++) await write('/f', `dev ${i}`, { branch: 'dev' });
    await server.ok('tree_branch_delete', { zone_id, name: 'dev' });
    expect(await prune()).toBe(3);
    expect(await states()).toBe(rows);
    expect(await text('/f', { as_of: 1 })).toBe('f');
  });

  test('beyond the limit of history bytes the oldest goes, however young', async () => {
    for (let i = 1; i <= 5; i++) await write('/f', `version ${i}`);
    await server.ok('tree_snapshot_create', { zone_id, name: 'kept' });
    await write('/f', 'version 6');
    await limits({ max_history_bytes: 20 });
    expect(await prune()).toBe(3);
    expect(await text('/f', { as_of: 4 })).toBe('version 4');
    expect(await text('/f', { as_of: 'kept' })).toBe('version 5');
    expect(await server.fault('read', { zone_id, path: '/f', as_of: 3 })).toBe('REVISION_GONE');
  });

  test('goes through more than one slice, also of one revision', async () => {
    const files = Array.from({ length: 700 }, (_, i) => [`/many/${i}`, 'x']);
    await server.ok('write_batch', { zone_id, files });
    await server.ok('rmdir', { zone_id, path: '/many', recursive: true });
    await age(100);
    await write('/h', 'h');
    expect(await prune()).toBe(701);
    expect(await states()).toBe(1);
  });
});
