/** The tree as a call asks for it by branch and as_of. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBare } from '../../../test/bare.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { isoTime } from '../../base/clock.ts';
import { systemClock } from '../../engines/process/system-clock.ts';

forEachEngine('views', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const text = (path: string, view: object): Promise<unknown> =>
    server.ok('read', { path, encoding: 'utf-8', ...view });
  const now = async (): Promise<number> => (await server.ok('list', {})).revision;

  test('a revision, a snapshot by id and by name, and a time name the same tree', async () => {
    await server.ok('write', { path: '/v/a', content: 'one' });
    const { revision } = await server.ok('stat', { path: '/v/a' });
    const snapshot = await server.ok('tree_snapshot_create', { name: 'first look' });
    await sleep(5);
    const at = isoTime(systemClock.now());
    await sleep(5);
    await server.ok('write', { path: '/v/a', content: 'two' });
    for (const as_of of [revision, String(revision), snapshot.snapshot_id, 'first look', at]) {
      expect(await text('/v/a', { as_of })).toBe('one');
    }
    expect(await text('/v/a', { as_of: { __type__: 'datetime', data: at } })).toBe('one');
    expect(await text('/v/a', { as_of: await now() })).toBe('two');
    expect(await server.ok('exists', { path: '/v/a', as_of: 0 })).toEqual({ exists: false });
    expect(await server.ok('exists', { path: '/v/a', as_of: '1999-01-01T00:00:00Z' })).toEqual({ exists: false });
    const rest = await server.http(`/api/v2/files/v/a?as_of=${revision}`);
    expect(await rest.text()).toBe('one');
  });

  test('what is still to come, and what never was, is refused', async () => {
    const later = isoTime(systemClock.now() + 3_600_000);
    for (const as_of of [(await now()) + 1, '99999999999999999999', later]) {
      expect(await server.fault('read', { path: '/v/a', as_of })).toBe('INVALID_PARAMS');
    }
    expect(await server.fault('read', { path: '/v/a', as_of: -1 })).toBe('INVALID_PARAMS');
    expect(await server.fault('read', { path: '/v/a', as_of: 1.5 })).toBe('INVALID_PARAMS');
    const soon = (await now()) + 100;
    for (const [method, params, named] of [
      ['read', { path: '/v/a', as_of: soon }, 'as_of'],
      ['tree_diff', { from: soon }, 'from'],
      ['tree_diff', { from: 0, to: later }, 'to'],
      ['tree_restore', { to: soon }, 'to'],
      ['tree_branch_create', { name: 'too-soon', from: later }, 'from'],
    ] as const) {
      const { error } = await server.rpc(method, params);
      expect(error?.data?.issues, method).toEqual([expect.objectContaining({ path: named })]);
    }
    const none = (await server.rpc('read', { path: '/v/a', as_of: 'nobody made it' })).error;
    expect(none).toMatchObject({
      message: expect.stringMatching(/; this takes the name or id of a snapshot, the number/),
    });
    expect(none?.data.code).toBe('SNAPSHOT_NOT_FOUND');
    const { error } = await server.rpc('read', { path: '/v/a', as_of: '2020-01-01 12:00' });
    expect(error).toMatchObject({ message: expect.stringMatching(/^Snapshot not found: .*2026-01-31T12:00:00Z$/) });
    expect(error?.data).toMatchObject({ code: 'SNAPSHOT_NOT_FOUND', snapshot: '2020-01-01 12:00' });
    expect(await server.fault('read', { path: '/v/a', branch: 'nobody-made-it' })).toBe('BRANCH_NOT_FOUND');
    expect(await server.fault('write', { path: '/v/a', content: '', branch: 'nobody-made-it' })).toBe(
      'BRANCH_NOT_FOUND',
    );
  });

  test('a branch as of a revision: its own changes then, and its parent at most as of its base', async () => {
    await server.ok('write', { path: '/w/a', content: 'base' });
    const base = await now();
    await server.ok('tree_branch_create', { name: 'w' });
    await server.ok('write', { path: '/w/a', content: 'main' });
    const before = await now();
    await server.ok('write', { path: '/w/b', content: 'branch', branch: 'w' });
    const after = await now();
    await server.ok('delete', { path: '/w/a', branch: 'w' });
    expect(await text('/w/a', { branch: 'w', as_of: before })).toBe('base');
    expect(await text('/w/a', { branch: 'w', as_of: after })).toBe('base');
    expect(await text('/w/b', { branch: 'w', as_of: after })).toBe('branch');
    expect(await server.ok('exists', { path: '/w/b', branch: 'w', as_of: before })).toEqual({ exists: false });
    expect(await server.ok('exists', { path: '/w/a', branch: 'w' })).toEqual({ exists: false });
    expect(await server.ok('exists', { path: '/w/a', branch: 'w', as_of: base - 1 })).toEqual({ exists: false });
    expect(await text('/w/a', {})).toBe('main');
  });

  test('a snapshot of a branch is read of its branch, or of the one that is named', async () => {
    await server.ok('write', { path: '/x/a', content: 'main' });
    await server.ok('tree_branch_create', { name: 'x' });
    await server.ok('write', { path: '/x/a', content: 'branch', branch: 'x' });
    await server.ok('tree_snapshot_create', { name: 'of x', branch: 'x' });
    await server.ok('write', { path: '/x/a', content: 'later', branch: 'x' });
    expect(await text('/x/a', { as_of: 'of x' })).toBe('branch');
    expect(await text('/x/a', { as_of: 'of x', branch: 'main' })).toBe('main');
    const first = await server.ok('list', { path: '/', recursive: true, as_of: 'of x', limit: 1, details: true });
    let cursor = first.next_cursor;
    const sizes: number[] = [];
    while (cursor) {
      const page = await server.ok('list', { path: '/', recursive: true, cursor, limit: 1 });
      sizes.push(...page.entries.filter(({ path }) => path === '/x/a').map(({ size }) => size));
      cursor = page.next_cursor;
    }
    expect(sizes).toEqual(['branch'.length]);
  });

  test('history that is gone is refused, but for what a snapshot keeps', async () => {
    const kept = await now();
    await server.ok('tree_snapshot_create', { name: 'kept' });
    await server.ok('write', { path: '/y', content: 'y' });
    const oldest = await now();
    await server.sql.write('root', (tx) => tx.run('UPDATE zones SET oldest_revision = ?', [oldest]));
    const gone = await server.rpc('read', { path: '/v/a', as_of: kept - 1 });
    expect(gone.error).toMatchObject({ code: -410, data: { code: 'REVISION_GONE', oldest } });
    expect(await server.fault('list', { path: '/', as_of: '1999-01-01T00:00:00Z' })).toBe('REVISION_GONE');
    expect(await text('/v/a', { as_of: 'kept' })).toBe('two');
    expect(await text('/v/a', { as_of: kept })).toBe('two');
    expect(await text('/v/a', { as_of: oldest })).toBe('two');
    await server.sql.write('root', (tx) => tx.run('UPDATE zones SET oldest_revision = 0', []));
  });

  test('main costs no statement more, at a revision neither; a branch costs one', async () => {
    // Without a server, which asks for things of its own.
    const bare = await openBare(engine);
    const count = async (view: object): Promise<number> => {
      const before = bare.sql.stats().statements;
      await bare.call('exists', { path: '/v/a', ...view });
      return bare.sql.stats().statements - before;
    };
    await bare.call('write', { path: '/v/a', content: 'one' });
    await bare.call('tree_snapshot_create', { name: 'first look' });
    await bare.call('tree_branch_create', { name: 'w' });
    const plain = await count({});
    expect(await count({ as_of: 1 })).toBe(plain);
    expect(await count({ branch: 'main' })).toBe(plain);
    expect(await count({ branch: 'w' })).toBe(plain + 1);
    expect(await count({ branch: 'w', as_of: 1 })).toBe(plain + 1);
    expect(await count({ as_of: 'first look' })).toBe(plain + 1);
    await bare.close();
  });
});
