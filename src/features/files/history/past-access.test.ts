/** A grant on a path is one on the file that stands there now: another one that stood there takes a grant above. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('reading the past', (engine) => {
  let server: TestServer;
  let then: number;
  /** Holds grants on single files. */
  let single: string;
  let above: string;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.ok('write', { path: '/p/replaced', content: 'secret of the old file' });
    await server.ok('write', { path: '/p/same', content: 'old text of the same file' });
    await server.ok('write', { path: '/p/gone', content: 'secret of a deleted file' });
    then = (await server.ok('list', {})).revision;
    await server.ok('delete', { path: '/p/replaced' });
    await server.ok('write', { path: '/p/replaced', content: 'new file' });
    await server.ok('write', { path: '/p/same', content: 'secret, changed' });
    await server.ok('delete', { path: '/p/gone' });
    single = await server.addKey({
      grants: [
        ['direct_editor', '/p/replaced'],
        ['direct_editor', '/p/same'],
        ['direct_editor', '/p/gone'],
      ],
    });
    above = await server.addKey({ grants: [['direct_editor', '/p']] });
  });
  afterAll(() => server.stop());

  const text = (path: string, view: object, key: string): Promise<unknown> =>
    server.ok('read', { path, encoding: 'utf-8', ...view }, key);

  test('one file is read as it was, another that stood there is not', async () => {
    const as_of = then;
    expect(await text('/p/same', { as_of }, single)).toBe('old text of the same file');
    expect(await text('/p/replaced', {}, single)).toBe('new file');
    for (const path of ['/p/replaced', '/p/gone']) {
      for (const method of ['read', 'stat', 'exists', 'is_directory', 'list_versions']) {
        expect([method, await server.fault(method, { path, as_of }, single)]).toEqual([method, 'ACCESS_DENIED']);
      }
      expect(await text(path, { as_of }, above)).toMatch(/^secret/);
    }
    const get = await server.http(`/api/v2/files/p/replaced?as_of=${then}`, {
      headers: { authorization: `Bearer ${single}` },
    });
    expect(get.status).toBe(403);
  });

  test('before there was anything nothing is hidden', async () => {
    expect(await server.fault('read', { path: '/p/replaced', as_of: 0 }, single)).toBe('FILE_NOT_FOUND');
    expect(await server.ok('exists', { path: '/p/gone', as_of: 0 }, single)).toEqual({ exists: false });
  });

  test('lists, searches and bulk reads leave it out', async () => {
    const as_of = then;
    const paths = ['/p/replaced', '/p/same', '/p/gone'];
    const listed = async (key: string): Promise<unknown> =>
      (await server.ok('list', { path: '/', recursive: true, as_of }, key)).files;
    expect(await listed(single)).toEqual(['/p', '/p/same']);
    expect(await listed(above)).toEqual(['/p', '/p/gone', '/p/replaced', '/p/same']);
    expect(await server.ok('glob', { pattern: '**', as_of }, single)).toMatchObject({ matches: ['/p/same'] });
    expect((await server.ok('grep', { pattern: 'secret', as_of }, single)).matches).toEqual([]);
    expect((await server.ok('grep', { pattern: 'secret', as_of }, above)).matches).toHaveLength(2);
    const bulk = await server.ok('read_bulk', { paths, as_of, encoding: 'utf-8' }, single);
    expect(bulk).toEqual({ '/p/replaced': null, '/p/same': 'old text of the same file', '/p/gone': null });
    expect(await server.ok('exists_batch', { paths, as_of }, single)).toEqual({
      '/p/replaced': false,
      '/p/same': true,
      '/p/gone': false,
    });
  });

  test('a difference tells of each side what may be read of it', async () => {
    const changes = async (key: string): Promise<unknown> =>
      (await server.ok('tree_diff', { from: then }, key)).changes.map(({ path, change }) => [path, change]);
    expect(await changes(above)).toEqual([
      ['/p/gone', 'removed'],
      ['/p/replaced', 'modified'],
      ['/p/same', 'modified'],
    ]);
    expect(await changes(single)).toEqual([
      ['/p/replaced', 'added'],
      ['/p/same', 'modified'],
    ]);
  });

  test('what may not be read is not brought back either', async () => {
    expect(await server.fault('tree_restore', { to: then, path: '/p/replaced' }, single)).toBe('ACCESS_DENIED');
    expect(await server.fault('tree_restore', { to: then, path: '/p/gone' }, single)).toBe('ACCESS_DENIED');
    expect(await server.ok('tree_restore', { to: then, path: '/p/same' }, single)).toMatchObject({ written: 1 });
    expect(await server.ok('tree_restore', { to: then, path: '/p', preview: true }, above)).toMatchObject({
      written: 2,
    });
  });

  test('on a branch it is the file of that branch that counts', async () => {
    await server.ok('tree_branch_create', { name: 'b', from: then });
    const { revision } = await server.ok('list', {});
    await server.ok('write', { path: '/p/replaced', content: 'still the old file', branch: 'b' });
    expect(await text('/p/replaced', { branch: 'b', as_of: revision }, single)).toBe('secret of the old file');
    await server.ok('delete', { path: '/p/replaced', branch: 'b' });
    const view = { branch: 'b', as_of: revision };
    expect(await server.fault('read', { path: '/p/replaced', ...view }, single)).toBe('ACCESS_DENIED');
  });
});
