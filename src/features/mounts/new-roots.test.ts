/** Roots that are made for a mount: only for one that comes to be (platform.md §4.1). */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, type Store, withMounts } from '../../../test/mounting.ts';

const MOUNTS = 3;

forEachEngine('roots of new mounts', (engine) => {
  const { now } = withMounts(engine, { NEXUS_LIMIT_MOUNTS: String(MOUNTS) });
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });
  const form = (mount_point: string, root_path: string) => ({
    mount_point,
    backend_type: 'local',
    backend_config: { root_path },
  });

  test('a mount that is refused leaves no directory behind', async () => {
    const root = join(store.root, 'above', 'root');
    await server.ok('write', { path: `${at}-file`, content: 'x' });
    await server.ok('write', { path: `${at}-full/f`, content: 'x' });
    await mount(server, at, { root: join(store.root, 'taken') });
    const taken = await store.names();
    const inside = { ...form(`${at}-b`, join(store.root, 'taken', 'a', 'b')), readonly: true };
    await server.ok('save_mount', inside);
    for (const [method, params, code] of [
      ['add_mount', form('/', root), 'CONFLICT'],
      ['add_mount', form(`${at}-file`, root), 'NOT_A_DIRECTORY'],
      ['add_mount', form(`${at}-full`, root), 'DIRECTORY_NOT_EMPTY'],
      ['add_mount', inside, 'CONFLICT'],
      ['load_mount', { mount_point: `${at}-b` }, 'CONFLICT'],
    ] as const) {
      expect([method, await server.fault(method, params)]).toEqual([method, code]);
      expect(await store.names()).toEqual(taken);
    }
    await server.ok('delete_saved_mount', { mount_point: `${at}-b` });
  });

  test('one that fails where it would be made leaves nothing of it', async () => {
    await writeFile(join(store.root, 'f'), 'x');
    expect(await server.fault('add_mount', form(at, join(store.root, 'f', 'root')))).toBe('UNAVAILABLE');
    const long = join(store.root, 'a', 'b', 'x'.repeat(300));
    expect(await server.fault('add_mount', form(at, long))).toBe('INVALID_PARAMS');
    expect(await store.names()).toEqual(['f']);
    expect(await server.ok('has_mount', { mount_point: at })).toBe(false);
  });

  test('of many who add mounts at once, those who come too late have made nothing', async () => {
    const names = Array.from({ length: 3 * MOUNTS }, (_, index) => `n${index}`);
    const answers = await Promise.all(
      names.map((name) => server.rpc('add_mount', form(`${at}-${name}`, join(store.root, name, 'root')))),
    );
    const added = names.filter((_, index) => !answers[index]?.error);
    expect(added).toHaveLength(MOUNTS);
    expect((await readdir(store.root)).sort()).toEqual(added.sort());
  });

  test('of two who want the same root one gets it, and it stays', async () => {
    const root = join(store.root, 'new', 'root');
    const answers = await Promise.all(['a', 'b'].map((name) => server.rpc('add_mount', form(`${at}-${name}`, root))));
    expect(answers.map(({ error }) => error?.data?.reason ?? 'added').sort()).toEqual(['ROOT_OVERLAP', 'added']);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    const point = !answers[0]?.error ? `${at}-a` : `${at}-b`;
    await server.ok('write', { path: `${point}/f`, content: 'x' });
    expect(await store.names()).toEqual(['new/', 'new/root/', 'new/root/f']);
  });

  test('a root that is there is taken as it is', async () => {
    const root = join(store.root, 'there');
    await mkdir(root, { mode: 0o755 });
    await mount(server, at, { root });
    expect((await stat(root)).mode & 0o777).toBe(0o755);
  });
});
