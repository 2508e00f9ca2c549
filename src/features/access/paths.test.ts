/** What becomes of tuples when the paths they name are renamed, copied, overwritten or removed (access.md §9). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

forEachEngine('tuples on paths', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const write = async (...paths: string[]) => {
    for (const path of paths) await server.ok('write', { path, content: path });
  };
  const grant = async (...paths: string[]) => {
    for (const path of paths) {
      const object = ['file', path];
      await server.ok('rebac_create', { subject: ['user', 'ada'], relation: 'direct_viewer', object });
    }
  };
  /** As `object`, or `child > object` of a parent tuple. */
  const left = async (folder: string): Promise<string[]> => {
    const rows = await server.ok('rebac_list_tuples', { zone_id: 'root', limit: 10_000 });
    const named = rows.filter((row) => `${row.object_id}/`.startsWith(folder) || row.subject_id.startsWith(folder));
    const usage = (await server.ok('zone_get', { zone_id: 'root' })).usage.tuples;
    expect(usage).toBe(rows.length);
    return named
      .map(({ relation, subject_id, object_id }) => (relation === 'parent' ? `${subject_id} > ` : '') + object_id)
      .sort();
  };

  test('a rename takes along what is on the path, below it and from it', async () => {
    await write('/move/f', '/move/sub/g');
    await grant('/move', '/move/sub/g', '/move/never');
    await server.ok('rebac_create', { subject: ['file', '/move/f'], relation: 'parent', object: ['file', '/up'] });
    await server.ok('rename', { old_path: '/move', new_path: '/moved' });
    expect(await left('/move/')).toEqual([]);
    expect(await left('/moved/')).toEqual(['/moved', '/moved/f > /up', '/moved/never', '/moved/sub/g']);
  });

  test('a file that a rename overwrites keeps its own, a fact of both is one', async () => {
    await write('/over/from', '/over/to');
    await grant('/over/from', '/over/to');
    const object = ['file', '/over/to'];
    await server.ok('rebac_create', { subject: ['user', 'bob'], relation: 'direct_editor', object });
    await server.ok('rename', { old_path: '/over/from', new_path: '/over/to', overwrite: true });
    expect(await left('/over/')).toEqual(['/over/to', '/over/to']);
  });

  test('a copy takes none, overwriting ends none, a new file gets none', async () => {
    await write('/copy/a');
    await grant('/copy/a');
    await server.ok('copy', { src_path: '/copy/a', dst_path: '/copy/b' });
    await server.ok('copy', { src_path: '/copy', dst_path: '/copied', recursive: true });
    await server.ok('copy', { src_path: '/copy/b', dst_path: '/copy/a', overwrite: true });
    await write('/copy/a');
    expect(await left('/copy/')).toEqual(['/copy/a']);
    expect(await left('/copied/')).toEqual([]);
    await server.ok('delete', { path: '/copy/a' });
    await write('/copy/a');
    expect(await left('/copy/')).toEqual([]);
  });

  test('a removal ends those on exactly the removed paths', async () => {
    await write('/gone/file', '/gone/sub/x', '/gone/sub/deep/y', '/gone/subway', '/gone/many/a', '/gone/many/b');
    await server.ok('mkdir', { path: '/gone/empty' });
    await grant('/gone', '/gone/file', '/gone/empty', '/gone/empty/never', '/gone/many/a', '/gone/many/b');
    await grant('/gone/sub', '/gone/sub/x', '/gone/sub/deep', '/gone/sub/deep/y', '/gone/sub/never', '/gone/subway');
    await server.ok('rebac_create', { subject: ['file', '/gone/sub/x'], relation: 'parent', object: ['file', '/up'] });
    await server.ok('delete', { path: '/gone/file' });
    await server.ok('rmdir', { path: '/gone/empty' });
    await server.ok('rmdir', { path: '/gone/sub', recursive: true });
    await server.ok('delete_bulk', { paths: ['/gone/many/a'] });
    const stay = ['/gone', '/gone/empty/never', '/gone/many/b', '/gone/sub/never', '/gone/subway'];
    expect(await left('/gone/')).toEqual(stay);
    await server.ok('rmdir', { path: '/gone', recursive: true });
    expect(await left('/gone/')).toEqual(['/gone/empty/never', '/gone/sub/never']);
  });

  test('a branch ends none, a merge and a restore end those on what they remove', async () => {
    await write('/line/a', '/line/b');
    await grant('/line/a', '/line/b', '/line/later', '/line/never');
    const { revision } = await server.ok('tree_snapshot_create', { name: 'before' });
    await server.ok('tree_branch_create', { name: 'side' });
    await server.ok('delete', { path: '/line/a', branch: 'side' });
    await server.ok('rmdir', { path: '/line', recursive: true, branch: 'side' });
    await write('/line/later');
    expect(await left('/line/')).toEqual(['/line/a', '/line/b', '/line/later', '/line/never']);
    await server.ok('tree_restore', { to: revision, path: '/line' });
    expect(await left('/line/')).toEqual(['/line/a', '/line/b', '/line/never']);
    await server.ok('tree_merge', { branch: 'side' });
    expect(await left('/line/')).toEqual(['/line/never']);
  });
});
