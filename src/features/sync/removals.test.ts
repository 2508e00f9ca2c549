/** What is removed here, unseen, though its store has changed it meanwhile: a conflict that keeps theirs (platform.md §5). */
import { expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine } from '../../../test/harness.ts';
import { mount, withMounts } from '../../../test/mounting.ts';
import type { SyncResult } from './sync-shapes.ts';

forEachEngine('removals on write-back mounts', (engine) => {
  const { now, read } = withMounts(engine, { NEXUS_EMBEDDED_WORKER: 'true', NEXUS_WORKER_POLL_SECONDS: '0.1' });

  async function push(body: object = {}): Promise<SyncResult> {
    const { server, at } = now();
    const response = await server.http(`/api/v2/sync/mounts${at}/push`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as SyncResult;
  }
  /** A mount with these files, which both sides have. */
  async function agreed(...names: string[]): Promise<void> {
    const { server, store, at } = now();
    await mount(server, at, { root: store.root, write_mode: 'back' });
    await server.ok('write_batch', { files: names.map((name) => ({ path: `${at}/${name}`, content: 'both' })) });
    expect(await push()).toMatchObject({ changes_pushed: names.length, changes_failed: 0 });
  }

  test('files that are known are left to the push, what nobody here knew is removed', async () => {
    const { server, store, at } = now();
    await agreed('f', 'g');
    for (const name of ['f', 'g', 'unknown']) await store.put(name, 'theirs');
    await server.ok('delete', { path: `${at}/f` });
    await server.ok('delete_bulk', { paths: [`${at}/g`, `${at}/unknown`] });
    expect(await push()).toMatchObject({ changes_pushed: 1, conflicts_detected: 2, changes_failed: 0 });
    expect(await store.names()).toEqual(['f', 'g']);
    expect([await store.text('f'), await store.text('g')]).toEqual(['theirs', 'theirs']);
  });

  test.each([
    ['rmdir', (path: string) => now().server.ok('rmdir', { path, recursive: true })],
    ['delete_bulk', (path: string) => now().server.ok('delete_bulk', { paths: [path], recursive: true })],
  ])('the same below a directory that goes with %s', async (_, remove) => {
    const { server, store, at } = now();
    await agreed('d/changed', 'd/same', 'd/e/gone', 'd/e/same');
    await store.put('d/changed', 'theirs');
    await store.take('d/e/gone');
    await store.put('d/e/f/unknown', 'theirs');
    await remove(`${at}/d`);
    expect(await server.ok('exists', { path: `${at}/d` })).toEqual({ exists: false });
    const pushed = await push();
    expect(pushed).toMatchObject({ changes_pushed: 3, changes_failed: 0, conflicts_detected: 1 });
    expect(pushed.conflicts).toMatchObject([{ path: `${at}/d/changed`, local: { deleted: true } }]);
    const left = ['d/', 'd/changed', 'd/e/', 'd/e/f/'];
    expect(await store.names()).toEqual(left);
    expect(await push({ resolution: 'keep_both' })).toMatchObject({ conflicts_resolved: 1, conflicts: [] });
    expect(await store.names()).toEqual(left);
    expect([await read(`${at}/d/changed`), await store.text('d/changed')]).toEqual(['theirs', 'theirs']);
  });

  test('theirs is here again with the push that settles it, in the directory that was to go', async () => {
    const { server, store, at } = now();
    await agreed('d/e/changed', 'd/same');
    await store.put('d/e/changed', 'theirs');
    await server.ok('rmdir', { path: `${at}/d`, recursive: true });
    const pushed = await push({ resolution: 'keep_remote' });
    expect(pushed).toMatchObject({ changes_pushed: 1, changes_failed: 0, conflicts_resolved: 1 });
    // A read would look at the store first.
    const live = 'SELECT kind FROM file_states WHERE path = ? AND ended = 9007199254740991';
    expect(await server.sql.read((tx) => tx.get(live, [`${at}/d/e/changed`]))).toEqual({ kind: 'f' });
    expect(await push()).toMatchObject({ changes_pushed: 0, conflicts_detected: 0 });
    expect([await read(`${at}/d/e/changed`), await store.names()]).toEqual(['theirs', ['d/', 'd/e/', 'd/e/changed']]);
  });
});
