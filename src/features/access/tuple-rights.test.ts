/** Who may grant, revoke, check and list; many tuples at once; pages. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
let admin: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
  await server.ok('zone_create', { zone_id: 'other', name: 'Other' });
  admin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
});
afterAll(() => server.stop());

type Tuple = readonly [readonly string[], string, readonly string[]];

const create = (tuple: Tuple, more: object = {}, key = admin) =>
  server.ok('rebac_create', { subject: tuple[0], relation: tuple[1], object: tuple[2], ...more }, key);
const check = (subject: readonly string[], permission: string, object: readonly string[], key = admin) =>
  server.ok('rebac_check', { subject, permission, object }, key);
const user = (id: string) => ['user', id] as const;
const file = (path: string) => ['file', path] as const;
const group = (id: string) => ['group', id] as const;

let counter = 0;
/** A subject nobody has heard of, with a key. */
async function person(role: 'viewer' | 'operator' = 'operator') {
  const id = `p${++counter}`;
  return { id, key: await server.addKey({ zone_id: 'corp', subject: id, role }) };
}

beforeAll(async () => {
  await create([user('level-owner'), 'direct_owner', file('/level')]);
  await create([user('level-viewer'), 'direct_viewer', file('/level')]);
});

describe('who may', () => {
  test('an owner grants on what it owns and below, an editor on nothing', async () => {
    const owner = await person();
    const editor = await person();
    await create([user(owner.id), 'direct_owner', file('/owned')]);
    await create([user(editor.id), 'direct_editor', file('/owned')]);
    const granted = await create([user('friend'), 'direct_owner', file('/owned/sub')], {}, owner.key);
    expect(granted.created).toBe(true);
    const attempt = (key: string, path: string) =>
      server.fault('rebac_create', { subject: user('x'), relation: 'direct_viewer', object: file(path) }, key);
    expect(await attempt(editor.key, '/owned/sub')).toBe('ACCESS_DENIED');
    expect(await attempt(owner.key, '/')).toBe('ACCESS_DENIED');
    expect(await attempt(owner.key, '/owner')).toBe('ACCESS_DENIED');
    expect(await server.fault('rebac_delete', { tuple_id: granted.tuple_id }, editor.key)).toBe('TUPLE_NOT_FOUND');
    expect(await server.ok('rebac_delete', { tuple_id: granted.tuple_id }, owner.key)).toBe(true);
  });

  test('nobody makes himself a member: a group belongs to its owner', async () => {
    const { id, key } = await person();
    const join = { subject: user(id), relation: 'member', object: group('club') };
    expect(await server.fault('rebac_create', join, key)).toBe('ACCESS_DENIED');
    await create([user(id), 'member', group('club')]);
    const bring = { subject: user('friend'), relation: 'member', object: group('club') };
    expect(await server.fault('rebac_create', bring, key)).toBe('ACCESS_DENIED');
    await create([user(id), 'direct_owner', group('club')]);
    expect((await server.ok('rebac_create', bring, key)).created).toBe(true);
  });

  test('anyone asks about the own subject, an owner about the object, nobody else about others', async () => {
    const owner = await person();
    const { id, key } = await person('viewer');
    await create([user(owner.id), 'direct_owner', file('/asked')]);
    expect(await check(user(id), 'read', file('/asked'), key)).toBe(false);
    expect(await check(user(id), 'read', file('/asked'), owner.key)).toBe(false);
    for (const object of [file('/asked'), file('/never-was'), ['workflow', 'w'], group('g')]) {
      const permission = object[0] === 'group' ? 'member' : 'read';
      expect(await server.fault('rebac_check', { subject: user('boss'), permission, object }, key)).toBe(
        'ACCESS_DENIED',
      );
    }
    expect(await server.fault('rebac_list_tuples', {}, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('rebac_list_tuples', { subject: user('boss') }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('rebac_list_tuples', { object: file('/asked') }, key)).toBe('ACCESS_DENIED');
    expect(await server.ok('rebac_list_tuples', { subject: user(id) }, key)).toEqual([]);
    expect(await server.ok('rebac_list_tuples', { object: file('/asked') }, owner.key)).toHaveLength(1);
    expect(await server.fault('rebac_list_objects', { relation: 'read', subject: user('boss') }, key)).toBe(
      'ACCESS_DENIED',
    );
    const viewerGrants = { subject: user(id), relation: 'direct_viewer', object: file('/asked') };
    expect(await server.fault('rebac_create', viewerGrants, key)).toBe('ACCESS_DENIED');
  });

  test('an owner who may not grant is told what was tried, and nobody else is', async () => {
    const types = {
      ledger: {
        closed: { this: ['user'] },
        share: { exclusion: [{ computed: 'owner' }, { computed: 'closed' }] },
      },
    } as const;
    await server.ok('rebac_set_schema', { types }, admin);
    const owner = await person();
    const stranger = await person();
    const ledger = ['ledger', 'l1'] as const;
    await create([user(owner.id), 'direct_owner', ledger]);
    const grant = { subject: user('x'), relation: 'direct_viewer', object: ledger };
    await server.ok('rebac_create', grant, owner.key);
    const { tuple_id } = await create([user(owner.id), 'closed', ledger]);
    const denied = async (key: string) => (await server.rpc('rebac_create', grant, key)).error?.data;
    const told = await denied(owner.key);
    expect(told).toMatchObject({
      code: 'ACCESS_DENIED',
      missing: { relation: 'share', object: ledger },
      tried: {
        visited: [
          {
            object: ledger,
            relation: 'share',
            refuted: [{ rule: 'computed', children: [{ rule: 'this', tuple: { tuple_id } }] }],
          },
        ],
      },
    });
    expect(await denied(stranger.key)).not.toHaveProperty('tried');
  });

  test('a relation has its own name in an explanation, whatever it is called', async () => {
    const { types } = await server.ok('rebac_get_schema', {}, admin);
    const memo = { constructor: { this: ['user'] } };
    await server.ok('rebac_set_schema', { types: { ...types, memo } }, admin);
    const { id, key } = await person();
    const asked = { subject: user(id), permission: 'constructor', object: ['memo', 'm'] };
    expect(await server.ok('rebac_explain', asked, key)).toMatchObject({
      allowed: false,
      missing: { relation: 'constructor', object: ['memo', 'm'] },
    });
  });

  test('another zone is refused alike, whether or not it exists', async () => {
    const params = {
      subject: user('a'),
      relation: 'direct_viewer',
      object: file('/a'),
      permission: 'read',
      checks: [],
    };
    for (const method of [
      'rebac_create',
      'rebac_check',
      'rebac_check_batch',
      'rebac_list_tuples',
      'rebac_list_objects',
    ]) {
      const there = await server.rpc(method, { ...params, zone_id: 'other' }, admin);
      const missing = await server.rpc(method, { ...params, zone_id: 'ghost' }, admin);
      expect(there.error?.data.code).toBe('ACCESS_DENIED');
      expect(there.error?.message.replace('other', 'ghost')).toBe(missing.error?.message);
      expect(await server.fault(method, { ...params, zone_id: 'ghost' })).toBe('ZONE_NOT_FOUND');
    }
    const item = { subject: user('a'), permission: 'read', object: file('/a'), zone_id: 'other' };
    expect(await server.fault('rebac_check_batch', { checks: [item] }, admin)).toBe('ACCESS_DENIED');
    const { tuple_id } = await server.ok('rebac_create', { ...params, zone_id: 'other' });
    expect(await server.fault('rebac_delete', { tuple_id }, admin)).toBe('TUPLE_NOT_FOUND');
    expect(await server.ok('rebac_delete', { tuple_id })).toBe(true);
  });

  test('a tuple counts in its zone only', async () => {
    const namesake = await server.addKey({ zone_id: 'other', subject: 'ada' });
    await server.ok('write', { zone_id: 'other', path: '/a', content: 'x' });
    await create([user('ada'), 'direct_owner', file('/')]);
    expect(await server.fault('read', { path: '/a' }, namesake)).toBe('ACCESS_DENIED');
    expect(
      await server.ok('rebac_check', { subject: user('ada'), permission: 'read', object: file('/a') }, namesake),
    ).toBe(false);
    expect(await server.fault('read', { path: '/zone/corp/a' }, namesake)).toBe('ACCESS_DENIED');
  });
});

test('a NUL in any id is a fault, never an error of the database', async () => {
  const nul = 'x\u0000y';
  const calls: [string, object][] = [
    ['rebac_delete', { tuple_id: nul }],
    ['rebac_write', { deletes: [nul] }],
    ['rebac_list_tuples', { after: nul }],
    ['rebac_list_tuples', { relation: nul }],
    ['rebac_list_objects', { relation: 'read', subject: user('a'), after: nul }],
    ['revoke_share', { share_id: nul }],
    ['revoke_share', { path: '/a', user_id: 'a', user_zone_id: nul }],
    ['admin_list_keys', { user_id: nul }],
    ['zone_create', { name: nul }],
    ['zone_update', { zone_id: 'corp', description: nul }],
  ];
  for (const [method, params] of calls) expect(await server.fault(method, params)).toBe('INVALID_PARAMS');
  expect(await server.fault('zone_get', { zone_id: nul })).toBe('ZONE_NOT_FOUND');
  expect(await server.fault('admin_get_key', { key_id: nul })).toBe('KEY_NOT_FOUND');
  expect(
    await server.fault('rebac_check', { subject: user('a'), permission: 'read', object: file('/a'), zone_id: nul }),
  ).toBe('ZONE_NOT_FOUND');
});

describe('many at once', () => {
  test('rebac_write does all or nothing and names the bad item', async () => {
    const before = (await server.ok('rebac_list_tuples', { limit: 10_000 }, admin)).length;
    const good = { subject: user('many'), relation: 'direct_viewer', object: file('/many') };
    const bad = await server.rpc('rebac_write', { creates: [good, { ...good, relation: 'nope' }] }, admin);
    expect(bad.error?.data).toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'creates.1.relation' }] });
    const badPath = await server.rpc('rebac_write', { creates: [good, { ...good, object: file('/../x') }] }, admin);
    expect(badPath.error?.data).toMatchObject({ code: 'INVALID_PATH', index: 1 });
    const unknown = await server.rpc('rebac_write', { creates: [good], deletes: ['tuple-none'] }, admin);
    expect(unknown.error?.data).toMatchObject({ code: 'TUPLE_NOT_FOUND', index: 0 });
    expect((await server.ok('rebac_list_tuples', { limit: 10_000 }, admin)).length).toBe(before);
    const written = await server.ok('rebac_write', { creates: [good, { ...good, expires_at: null }] }, admin);
    expect(new Set(written.tuple_ids).size).toBe(1);
    expect(written.deleted).toBe(0);
    const [tuple_id] = written.tuple_ids;
    const swapped = await server.ok(
      'rebac_write',
      { creates: [{ ...good, relation: 'direct_editor' }], deletes: [tuple_id, tuple_id] },
      admin,
    );
    expect(swapped).toMatchObject({ deleted: 1, revision: written.revision + 1 });
    expect(await check(user('many'), 'write', file('/many'))).toBe(true);
    expect((await server.ok('zone_get', { zone_id: 'corp' })).usage.tuples).toBe(before + 1);
  });

  test('rebac_write needs the right for every item', async () => {
    const owner = await person();
    await create([user(owner.id), 'direct_owner', file('/part')]);
    const own = { subject: user('x'), relation: 'direct_viewer', object: file('/part') };
    const foreign = { ...own, object: file('/elsewhere') };
    const refused = await server.rpc('rebac_write', { creates: [own, foreign] }, owner.key);
    expect(refused.error?.data).toMatchObject({ code: 'ACCESS_DENIED', index: 1 });
    expect(await check(user('x'), 'read', file('/part'))).toBe(false);
  });

  test('each tuple is one event, and one call one audit row', async () => {
    // Refusals of the tests before become rows a second later.
    const rows = { events: 'events', audit: "audit WHERE outcome = 'allowed'" };
    const count = async (table: keyof typeof rows) =>
      (await server.sql.read((tx) =>
        tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM (SELECT * FROM ${rows[table]}) t WHERE zone_id = 'corp'`),
      ))!.n;
    const [events, audit] = [await count('events'), await count('audit')];
    const creates = ['/e1', '/e2', '/e3'].map((path) => ({
      subject: user('ev'),
      relation: 'direct_viewer',
      object: file(path),
    }));
    await server.ok('rebac_write', { creates }, admin);
    expect([await count('events'), await count('audit')]).toEqual([events + 3, audit + 1]);
    await server.ok('rebac_write', { creates }, admin);
    expect([await count('events'), await count('audit')]).toEqual([events + 3, audit + 1]);
  });

  test('a batch of checks answers in order and names the bad item', async () => {
    const yes = { subject: user('level-owner'), permission: 'share', object: file('/level/x') };
    const no = { ...yes, subject: user('level-viewer') };
    expect(await server.ok('rebac_check_batch', { checks: [yes, no, { ...yes, zone_id: null }] }, admin)).toEqual([
      true,
      false,
      true,
    ]);
    const bad = await server.rpc('rebac_check_batch', { checks: [yes, { ...yes, permission: 'fly' }] }, admin);
    expect(bad.error?.data).toMatchObject({ index: 1, issues: [{ path: 'checks.1.permission' }] });
    const shape = await server.rpc('rebac_check_batch', { checks: [yes, { ...yes, object: 5 }] }, admin);
    expect(shape.error?.data.issues[0]?.path).toBe('checks.1.object');
    const many = Array.from({ length: 1001 }, () => yes);
    expect(await server.fault('rebac_check_batch', { checks: many }, admin)).toBe('LIMIT_EXCEEDED');
    const zones = [
      { ...yes, zone_id: 'corp' },
      { ...yes, zone_id: 'other' },
      { ...yes, zone_id: 'root' },
    ];
    expect(await server.ok('rebac_check_batch', { checks: zones })).toEqual([true, false, false]);
    const badPath = { ...yes, object: file('/a/../b') };
    const ghost = { ...yes, zone_id: 'ghost' };
    for (const [item, code, key] of [
      [badPath, 'INVALID_PATH', admin],
      [ghost, 'ZONE_NOT_FOUND', ADMIN_KEY],
      [ghost, 'ACCESS_DENIED', admin],
      [no, 'ACCESS_DENIED', (await person()).key],
    ] as const) {
      const { error } = await server.rpc('rebac_check_batch', { checks: [item, item] }, key);
      expect(error?.data).toMatchObject({ code, index: 0 });
    }
  });
});

describe('lists', () => {
  test('of tuples: filters, pages in order of id, all zones for a root admin', async () => {
    for (let i = 0; i < 5; i++) await create([user('lister'), 'direct_viewer', file(`/list-${i}`)]);
    const all = await server.ok('rebac_list_tuples', { subject: user('lister') }, admin);
    expect(all).toHaveLength(5);
    expect(all[0]).toMatchObject({
      zone_id: 'corp',
      subject_zone_id: 'corp',
      object_zone_id: 'corp',
      subject_type: 'user',
      subject_id: 'lister',
      subject_relation: null,
      relation: 'direct_viewer',
      object_type: 'file',
      created_by: 'boss',
      expires_at: null,
      conditions: null,
    });
    const first = await server.ok('rebac_list_tuples', { subject: user('lister'), limit: 3 }, admin);
    const rest = await server.ok(
      'rebac_list_tuples',
      { subject: user('lister'), limit: 3, after: first[2]!.tuple_id },
      admin,
    );
    expect([...first, ...rest]).toEqual(all);
    const one = await server.ok('rebac_list_tuples', { object: file('/list-3'), relation: 'direct_viewer' }, admin);
    expect(one.map((tuple: { object_id: string }) => tuple.object_id)).toEqual(['/list-3']);
    await server.ok('rebac_create', {
      zone_id: 'other',
      subject: user('o'),
      relation: 'direct_viewer',
      object: file('/o'),
    });
    const everywhere = await server.ok('rebac_list_tuples', { limit: 10_000 });
    expect(new Set(everywhere.map((tuple: { zone_id: string }) => tuple.zone_id)).size).toBeGreaterThan(1);
  });

  test('of objects: exactly the tuples of a stored relation, whatever gives a computed name', async () => {
    const { id, key } = await person();
    await create([user(id), 'direct_viewer', file('/o1')]);
    await create([user(id), 'direct_owner', file('/o2')]);
    await create([user(id), 'member', group('objects')]);
    await create([group('objects'), 'shared-editor', file('/o3')]);
    await create([user(id), 'direct_viewer', ['workflow', 'w']]);
    const objects = (relation: string, more: object = {}) =>
      server.ok('rebac_list_objects', { relation, subject: user(id), ...more }, key);
    const own = (list: string[][]) => list.filter(([, path]) => /^\/o\d$/.test(path ?? ''));
    expect(await objects('direct_viewer')).toEqual([file('/o1')]);
    expect(own(await objects('viewer'))).toEqual([file('/o1'), file('/o2'), file('/o3')]);
    expect(own(await objects('write'))).toEqual([file('/o2'), file('/o3')]);
    expect(own(await objects('share'))).toEqual([file('/o2')]);
    expect(await objects('read', { object_type: 'workflow' })).toEqual([['workflow', 'w']]);
    expect(await objects('member', { object_type: 'group' })).toEqual([group('objects')]);
    expect(own(await objects('viewer', { limit: 1, after: '/o1' }))).toEqual([file('/o2')]);
    expect(await server.fault('rebac_list_objects', { relation: 'nope', subject: user(id) }, key)).toBe(
      'INVALID_PARAMS',
    );
  });
});
