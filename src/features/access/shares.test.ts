/** Shares, within a zone and between zones: who reaches what, and what a guest never learns. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { publicOperations } from '../../core/operations.ts';

let server: TestServer;
let host: string;
let guestAdmin: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'host', name: 'Host' });
  await server.ok('zone_create', { zone_id: 'guest', name: 'Guest' });
  host = await server.addKey({ zone_id: 'host', role: 'admin', subject: 'boss' });
  guestAdmin = await server.addKey({ zone_id: 'guest', role: 'admin', subject: 'chief' });
  for (const path of ['/shared/a', '/shared/b', '/private/p']) await server.ok('write', { path, content: path }, host);
});
afterAll(() => server.stop());

const read = (path: string, key: string) => server.rpc('read', { path, encoding: 'utf-8' }, key);

describe('in one zone', () => {
  test('a share with a user gives the level, a folder all below it, and ends with revoke_share', async () => {
    const ada = await server.addKey({ zone_id: 'host', subject: 'ada' });
    const shared = await server.ok('share_with_user', { path: '/shared/', user_id: 'ada', relation: 'editor' }, host);
    expect(shared).toMatchObject({ share_id: shared.tuple_id, path: '/shared', relation: 'editor' });
    expect((await read('/shared/a', ada)).result).toBe('/shared/a');
    await server.ok('write', { path: '/shared/new', content: 'n' }, ada);
    expect((await read('/private/p', ada)).error?.data.code).toBe('ACCESS_DENIED');
    expect(await server.fault('share_with_user', { path: '/shared/a', user_id: 'eve' }, ada)).toBe('ACCESS_DENIED');
    expect(await server.fault('revoke_share', { share_id: shared.share_id }, ada)).toBe('TUPLE_NOT_FOUND');
    expect(await server.ok('revoke_share', { share_id: shared.share_id }, host)).toEqual({ revoked: 1 });
    expect((await read('/shared/a', ada)).error?.data.code).toBe('ACCESS_DENIED');
    expect(await server.fault('revoke_share', { share_id: shared.share_id }, host)).toBe('TUPLE_NOT_FOUND');
  });

  test('a share with a group, ended by path and group whatever its level', async () => {
    const bob = await server.addKey({ zone_id: 'host', subject: 'bob' });
    await server.ok('rebac_create', { subject: ['user', 'bob'], relation: 'member', object: ['group', 'team'] }, host);
    await server.ok('share_with_group', { path: '/shared/a', group_id: 'team' }, host);
    await server.ok('share_with_group', { path: '/shared/a', group_id: 'team', relation: 'owner' }, host);
    expect((await read('/shared/a', bob)).result).toBe('/shared/a');
    expect((await read('/shared/b', bob)).error?.data.code).toBe('ACCESS_DENIED');
    expect(await server.ok('revoke_share', { path: '/shared/a', group_id: 'team' }, host)).toEqual({ revoked: 2 });
    expect(await server.ok('revoke_share', { path: '/shared/a', group_id: 'team' }, host)).toEqual({ revoked: 0 });
    expect((await read('/shared/a', bob)).error?.data.code).toBe('ACCESS_DENIED');
  });

  test('revoke_share ends shares and no other tuples', async () => {
    const fact = { subject: ['user', 'ada'], relation: 'direct_viewer', object: ['file', '/no-share'] };
    const { tuple_id } = await server.ok('rebac_create', fact);
    expect(await server.fault('revoke_share', { share_id: tuple_id })).toBe('TUPLE_NOT_FOUND');
    expect(await server.ok('revoke_share', { path: '/no-share', user_id: 'ada' })).toEqual({ revoked: 0 });
    expect(await server.ok('rebac_delete', { tuple_id })).toBe(true);
  });

  test('an owner shares what it owns, other things too, and sees its shares', async () => {
    const owner = await server.addKey({ zone_id: 'host', subject: 'olga', grants: [['direct_owner', '/shared']] });
    await server.ok(
      'rebac_create',
      { subject: ['user', 'olga'], relation: 'direct_owner', object: ['workflow', 'w'] },
      host,
    );
    const file = await server.ok('share_with_user', { path: '/shared/b', user_id: 'max' }, owner);
    const flow = await server.ok('share_with_user', { resource: ['workflow', 'w'], user_id: 'max' }, owner);
    expect(flow.path).toBeNull();
    await server.ok('share_with_user', { path: '/private/p', user_id: 'max' }, host);
    const seen = (await server.ok('list_outgoing_shares', {}, owner)).shares;
    expect(new Set(seen.map((share: { share_id: string }) => share.share_id))).toEqual(
      new Set([file.share_id, flow.share_id]),
    );
    expect((await server.ok('list_outgoing_shares', {}, host)).shares).toHaveLength(3);
    const one = await server.ok('list_outgoing_shares', { path: '/shared/b' }, host);
    expect(one.shares).toMatchObject([
      { path: '/shared/b', resource: ['file', '/shared/b'], relation: 'viewer', user_id: 'max', group_id: null },
    ]);
    const max = await server.addKey({ zone_id: 'host', subject: 'max', role: 'viewer' });
    const incoming = (await server.ok('list_incoming_shares', {}, max)).shares;
    expect(incoming.map((share: { resource: string[] }) => share.resource[1]).sort()).toEqual([
      '/private/p',
      '/shared/b',
      'w',
    ]);
    expect((await server.ok('list_outgoing_shares', {}, max)).shares).toEqual([]);
  });

  test('pages of shares add up', async () => {
    for (let i = 0; i < 5; i++) await server.ok('share_with_user', { path: `/pages/${i}`, user_id: 'pia' }, host);
    const pia = await server.addKey({ zone_id: 'host', subject: 'pia', role: 'viewer' });
    const paths: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { shares: { path: string | null }[]; next_cursor: string | null } = await server.ok(
        'list_incoming_shares',
        { limit: 2, ...(cursor === null ? {} : { cursor }) },
        pia,
      );
      paths.push(...page.shares.map((share) => share.path ?? ''));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(paths.sort()).toEqual(['/pages/0', '/pages/1', '/pages/2', '/pages/3', '/pages/4']);
    expect(await server.fault('list_outgoing_shares', { cursor: 'abc' }, host)).toBe('INVALID_CURSOR');
  });

  test.each([
    ['share_with_user', { user_id: 'a' }],
    ['share_with_user', { path: '/a', resource: ['file', '/a'], user_id: 'a' }],
    ['share_with_user', { path: '/a', user_id: 'a', relation: 'king' }],
    ['share_with_user', { path: '/a', user_id: '*' }],
    ['share_with_user', { path: '/a' }],
    ['share_with_user', { resource: ['group', 'g'], user_id: 'a' }],
    ['share_with_user', { path: '/a', user_id: 'a', user_zone_id: 'NO' }],
    ['share_with_user', { path: '/a', user_id: 'a', conditions: { ip_range: 'here' } }],
    ['share_with_group', { path: '/a', group_id: '' }],
    ['revoke_share', {}],
    ['revoke_share', { path: '/a' }],
    ['revoke_share', { path: '/a', user_id: 'a', group_id: 'g' }],
  ])('%s %j is INVALID_PARAMS', async (method, params) => {
    expect(await server.fault(method, params, host)).toBe('INVALID_PARAMS');
  });
});

describe('between zones', () => {
  test('a guest reaches what is shared by its path, and nothing else', async () => {
    const gus = await server.addKey({ zone_id: 'guest', subject: 'gus' });
    await server.ok(
      'share_with_user',
      { path: '/shared', user_id: 'gus', user_zone_id: 'guest', relation: 'editor' },
      host,
    );
    expect((await read('/zone/host/shared/a', gus)).result).toBe('/shared/a');
    const written = await server.ok('write', { path: '/zone/host/shared/by-gus', content: 'g' }, gus);
    expect(written.path).toBe('/zone/host/shared/by-gus');
    expect((await read('/shared/a', gus)).error?.data.code).toBe('ACCESS_DENIED');
    expect((await read('/zone/host/private/p', gus)).error?.data.code).toBe('ACCESS_DENIED');
    expect((await server.ok('list', { path: '/zone/host/' }, gus)).files).toEqual(['/zone/host/shared']);
    const row = await server.sql.read((tx) =>
      tx.get("SELECT user_id FROM events WHERE zone_id = 'host' AND path = '/shared/by-gus'"),
    );
    expect(row).toMatchObject({ user_id: 'gus' });
    const audited = await server.sql.read((tx) =>
      tx.get("SELECT zone_id, actor FROM audit WHERE object = '/shared/by-gus'"),
    );
    expect(audited).toMatchObject({ zone_id: 'host', actor: 'user:gus' });
  });

  test('an owner from another zone still shares nothing and asks nothing there', async () => {
    const gil = await server.addKey({ zone_id: 'guest', subject: 'gil' });
    await server.ok(
      'share_with_user',
      { path: '/shared', user_id: 'gil', user_zone_id: 'guest', relation: 'owner' },
      host,
    );
    await server.ok('write', { path: '/zone/host/shared/by-gil', content: 'g' }, gil);
    expect(await server.fault('share_with_user', { path: '/zone/host/shared', user_id: 'eve' }, gil)).toBe(
      'ACCESS_DENIED',
    );
    expect(await server.fault('revoke_share', { path: '/zone/host/shared', user_id: 'gus' }, gil)).toBe(
      'ACCESS_DENIED',
    );
    const tuple = { subject: ['user', 'gil'], object: ['file', '/shared'], zone_id: 'host' };
    expect(await server.fault('rebac_check', { ...tuple, permission: 'read' }, gil)).toBe('ACCESS_DENIED');
    expect(await server.fault('rebac_create', { ...tuple, relation: 'direct_owner' }, gil)).toBe('ACCESS_DENIED');
    expect((await server.ok('list_outgoing_shares', { path: '/zone/host/shared' }, gil)).shares).toEqual([]);
  });

  test('its namesake in the zone itself has nothing of it, and neither sees the other', async () => {
    await server.ok('share_with_user', { path: '/shared/a', user_id: 'sam', user_zone_id: 'guest' }, host);
    const here = await server.addKey({ zone_id: 'host', subject: 'sam' });
    const there = await server.addKey({ zone_id: 'guest', subject: 'sam' });
    expect((await read('/shared/a', here)).error?.data.code).toBe('ACCESS_DENIED');
    expect((await read('/zone/host/shared/a', there)).result).toBe('/shared/a');
    expect(await server.ok('rebac_list_tuples', { subject: ['user', 'sam'] }, here)).toEqual([]);
    expect((await server.ok('list_incoming_shares', {}, here)).shares).toEqual([]);
    const incoming = (await server.ok('list_incoming_shares', {}, there)).shares;
    expect(incoming).toMatchObject([{ path: '/zone/host/shared/a', zone_id: 'host', relation: 'viewer' }]);
    expect((await server.ok('list_incoming_shares', { path: '/zone/host/shared/a' }, there)).shares).toHaveLength(1);
    expect(
      await server.ok(
        'rebac_check',
        { subject: ['user', 'sam'], permission: 'read', object: ['file', '/shared/a'] },
        here,
      ),
    ).toBe(false);
  });

  test('a group of another zone is that zone’s, with the members it has there', async () => {
    const member = { relation: 'member', object: ['group', 'crew'] };
    await server.ok('rebac_create', { ...member, subject: ['user', 'gina'] }, guestAdmin);
    // The host names a user of its own the same way: that says nothing about the guest's.
    await server.ok('rebac_create', { ...member, subject: ['user', 'impostor'] }, host);
    await server.ok('share_with_group', { path: '/shared/b', group_id: 'crew', user_zone_id: 'guest' }, host);
    const gina = await server.addKey({ zone_id: 'guest', subject: 'gina' });
    const impostor = await server.addKey({ zone_id: 'guest', subject: 'impostor' });
    const local = await server.addKey({ zone_id: 'host', subject: 'impostor' });
    expect((await read('/zone/host/shared/b', gina)).result).toBe('/shared/b');
    expect((await read('/zone/host/shared/b', impostor)).error?.data.code).toBe('ACCESS_DENIED');
    expect((await read('/shared/b', local)).error?.data.code).toBe('ACCESS_DENIED');
    const [joined] = await server.ok('rebac_list_tuples', { object: ['group', 'crew'] }, guestAdmin);
    await server.ok('rebac_delete', { tuple_id: joined!.tuple_id }, guestAdmin);
    expect((await read('/zone/host/shared/b', gina)).error?.data.code).toBe('ACCESS_DENIED');
  });

  test('a zone that is not there and one in which nothing is shared are denied alike, by every file method', async () => {
    const nobody = await server.addKey({ zone_id: 'guest', subject: 'nobody' });
    const ask = async (zone: string, method: string, params: object) => {
      const { status, error } = await server.rpc(method, params, nobody);
      return JSON.stringify([status, error])
        .replaceAll(zone, 'ZONE')
        .replace(/"(request_id|call_id)":"[^"]*"/g, '');
    };
    const calls: [string, (prefix: string) => object][] = [
      ['read', (at) => ({ path: `${at}/a` })],
      ['read', (at) => ({ path: `${at}/shared/a` })],
      ['write', (at) => ({ path: `${at}/a`, content: 'x' })],
      ['write', (at) => ({ path: `${at}/a`, content: 'x'.repeat(100_000) })],
      ['append', (at) => ({ path: `${at}/a`, content: 'x' })],
      ['delete', (at) => ({ path: `${at}/a` })],
      ['mkdir', (at) => ({ path: `${at}/d` })],
      ['list', (at) => ({ path: at })],
      ['list', (at) => ({ path: `${at}/shared` })],
      ['exists', (at) => ({ path: `${at}/shared` })],
      ['stat', (at) => ({ path: `${at}/shared` })],
      ['rename', (at) => ({ old_path: `${at}/a`, new_path: `${at}/b` })],
      ['copy', (at) => ({ src_path: `${at}/a`, dst_path: `${at}/b` })],
      ['list_versions', (at) => ({ path: `${at}/shared/a` })],
      ['share_with_user', (at) => ({ path: `${at}/shared`, user_id: 'x' })],
      ['list_outgoing_shares', (at) => ({ path: `${at}/shared` })],
    ];
    for (const [method, params] of calls) {
      const there = await ask('host', method, params('/zone/host'));
      const missing = await ask('ghost', method, params('/zone/ghost'));
      expect(there).toContain('ACCESS_DENIED');
      expect(there).toBe(missing);
    }
  });

  test('a root admin uses the same form for any zone', async () => {
    expect(await server.ok('read', { path: '/zone/host/private/p', encoding: 'utf-8' })).toBe('/private/p');
    expect(await server.fault('read', { path: '/zone/ghost/a' })).toBe('ZONE_NOT_FOUND');
    expect((await server.ok('share_with_user', { path: '/zone/host/private', user_id: 'x' })).path).toBe(
      '/zone/host/private',
    );
  });
});

test('a guest reaches files and nothing else of the zone, whatever it is at home', async () => {
  const share = { path: '/shared', user_id: 'chief', user_zone_id: 'guest', relation: 'owner' };
  await server.ok('share_with_user', share, host);
  const at = '/zone/host/shared/m';
  const backend = { backend_type: 's3', backend_config: { bucket: 'b-b', region: 'r', access_key_id: 'a' } };
  const secret = { ...backend, backend_config: { ...backend.backend_config, secret_access_key: 's' } };
  await server.ok('save_mount', { mount_point: '/kept', ...secret }, host);
  for (const [method, params] of [
    ['add_mount', { mount_point: at, ...secret }],
    ['save_mount', { mount_point: at, ...secret }],
    ['load_mount', { mount_point: '/zone/host/kept' }],
    ['remove_mount', { mount_point: '/zone/host/kept' }],
    ['delete_saved_mount', { mount_point: '/zone/host/kept' }],
    ['delete_connector', { mount_point: '/zone/host/kept' }],
    ['get_mount', { mount_point: '/zone/host' }],
    ['has_mount', { mount_point: at }],
    ['tree_snapshot_create', { path: '/zone/host/shared' }],
  ] as const) {
    expect([method, await server.fault(method, params, guestAdmin)]).toEqual([method, 'ACCESS_DENIED']);
  }
  expect(await server.ok('list_saved_mounts', {}, host)).toMatchObject([{ mount_point: '/kept' }]);
  const headers = { authorization: `Bearer ${guestAdmin}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ type: 'app.x', path: '/zone/host/shared/a' });
  expect((await server.http('/api/v2/events', { method: 'POST', headers, body })).status).toBe(403);
  expect((await server.http('/api/v2/sync/conflicts?mount_point=/zone/host/shared', { headers })).status).toBe(403);
  await server.ok('tree_snapshot_create', { path: '/zone/host/shared', name: 'by-root' });
  const { snapshots } = await server.ok('tree_snapshot_list', {}, host);
  expect(snapshots).toMatchObject([{ name: 'by-root', path: '/shared' }]);
  await server.ok('write', { path: '/zone/host/shared/by-chief', content: 'x' }, guestAdmin);
});

test('of the operations that take paths, those of files let guests in, and no others', () => {
  const nouns = (letIn: boolean): Set<string> => {
    const some = publicOperations.filter(({ mapPaths, guests = false }) => mapPaths && guests === letIn);
    return new Set(some.map(({ name }) => (name.startsWith('share.') ? name : (name.split('.')[0] ?? ''))));
  };
  const files = ['file', 'version', 'tree'];
  expect(nouns(true)).toEqual(new Set(['share.list', 'share.incoming', ...files]));
  for (const noun of files) expect(nouns(false)).not.toContain(noun);
});
