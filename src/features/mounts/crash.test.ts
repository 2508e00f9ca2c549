/** What is left when a server dies between two steps of a change of a store, and when secrets come to rest. */
import { beforeEach, expect, test } from 'vitest';
import { forEachEngine, type TestServer } from '../../../test/harness.ts';
import { mount, type Store, withMounts } from '../../../test/mounting.ts';
import { sealOf } from './seal.ts';

forEachEngine('changes that were cut short', (engine) => {
  const { now, read, glob } = withMounts(engine);
  let server: TestServer;
  let store: Store;
  let at: string;
  beforeEach(() => {
    ({ server, store, at } = now());
  });

  /** An intent of a server that died, which holds until a time in milliseconds. */
  const leaveIntent = async (path: string, until: number): Promise<void> => {
    await server.sql.write('root', async (tx) => {
      const row = await tx.get<{ mount_id: string }>('SELECT mount_id FROM mounts WHERE mount_point = ?', [at]);
      await tx.run('INSERT INTO mount_intents (zone_id, path, intent_id, mount_id, until) VALUES (?, ?, ?, ?, ?)', [
        'root',
        path,
        'of-the-dead',
        row?.mount_id ?? '',
        until,
      ]);
    });
  };
  const intents = (): Promise<object[]> => server.sql.read((tx) => tx.all('SELECT path FROM mount_intents'));

  test('died after the store had it: the store is believed once the dead is known for dead', async () => {
    await store.put('f', 'one');
    await mount(server, at, store);
    expect(await read(`${at}/f`)).toBe('one');
    await leaveIntent(`${at}/f`, Number.MAX_SAFE_INTEGER);
    await store.put('f', 'two, by the dead');
    // Who changes it right now is left alone, and what we have is shown.
    expect(await read(`${at}/f`)).toBe('one');
    await server.sql.write('root', (tx) => tx.run('UPDATE mount_intents SET until = 1'));
    expect(await read(`${at}/f`)).toBe('two, by the dead');
    await server.ok('write', { path: `${at}/f`, content: 'three' });
    expect(await store.text('f')).toBe('three');
    expect(await intents()).toEqual([]);
  });

  test('died before the store had it: nothing happened', async () => {
    await mount(server, at, store);
    await leaveIntent(`${at}/d`, 1);
    await server.ok('write', { path: `${at}/d/f`, content: 'ours' });
    expect(await glob(at)).toEqual(['d', 'd/f']);
    expect(await intents()).toEqual([]);
  });

  test('a change whose call is refused in the end is taken back in the store', async () => {
    const zone = `c${at.slice(1)}${engine}`;
    await server.addZone(zone, { max_files: 1 });
    const inZone = { zone_id: zone, mount_point: at, backend_type: 'local', backend_config: { root_path: store.root } };
    await server.ok('add_mount', inZone);
    const written = await Promise.all(
      ['a', 'b', 'c'].map((name) => server.rpc('write', { zone_id: zone, path: `${at}/${name}`, content: name })),
    );
    expect(written.filter(({ error }) => !error)).toHaveLength(1);
    for (const { error } of written) if (error) expect(error.data.code).toBe('QUOTA_EXCEEDED');
    expect(await store.names()).toHaveLength(1);
    expect(await intents()).toEqual([]);
    await server.ok('remove_mount', { zone_id: zone, mount_point: at });
  });

  test('secrets are stored sealed, shown as stars, and open in their own zone only', async () => {
    const backend_config = {
      bucket: 'nobodys-bucket',
      region: 'eu-1',
      access_key_id: 'key',
      secret_access_key: 'very-secret',
    };
    const saved = await server.ok('save_mount', { mount_point: at, backend_type: 's3', backend_config });
    expect(saved.backend_config).toMatchObject({ bucket: 'nobodys-bucket', secret_access_key: '***' });
    const row = await server.sql.read((tx) =>
      tx.get<{ config: string; secrets: string }>('SELECT config, secrets FROM saved_mounts WHERE mount_point = ?', [
        at,
      ]),
    );
    expect(JSON.stringify(row)).not.toContain('very-secret');
    expect(await server.ok('delete_connector', { mount_point: at })).toMatchObject({ credentials_deleted: true });
    const seal = sealOf('a secret of the server');
    const sealed = seal.seal('very-secret', 'one');
    expect(seal.open(sealed, 'one')).toBe('very-secret');
    expect(() => seal.open(sealed, 'two')).toThrow();
    expect(() => sealOf('another').open(sealed, 'one')).toThrow();
    expect(seal.seal('very-secret', 'one')).not.toBe(sealed);
  });
});
