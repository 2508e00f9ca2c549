/** Tuples through JSON-RPC: what may be stored, what gives what, and that files obey at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

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

describe('granting', () => {
  test('holds with the next call, for files below too, and ends with the next call', async () => {
    const { id, key } = await person();
    await server.ok('write', { path: '/g/deep/a', content: 'x' }, admin);
    expect(await server.fault('read', { path: '/g/deep/a' }, key)).toBe('ACCESS_DENIED');
    const granted = await create([user(id), 'direct_viewer', file('/g')]);
    expect(granted).toMatchObject({ created: true });
    expect(granted.tuple_id).toMatch(/^tuple-/);
    expect(await server.ok('read', { path: '/g/deep/a', encoding: 'utf-8' }, key)).toBe('x');
    expect(await server.fault('write', { path: '/g/deep/a', content: 'y' }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('read', { path: '/gg' }, key)).toBe('ACCESS_DENIED');
    expect(await server.ok('rebac_delete', { tuple_id: granted.tuple_id }, admin)).toBe(true);
    expect(await server.fault('read', { path: '/g/deep/a' }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('rebac_delete', { tuple_id: granted.tuple_id }, admin)).toBe('TUPLE_NOT_FOUND');
  });

  test('the same fact again keeps its id, and a given expiry replaces the old', async () => {
    const tuple: Tuple = [user('again'), 'direct_editor', file('/again')];
    const first = await create(tuple);
    const same = await create(tuple);
    expect(same).toMatchObject({ tuple_id: first.tuple_id, created: false, revision: first.revision });
    const ending = await create(tuple, { expires_at: '2001-01-01T00:00:00Z' });
    expect(ending).toMatchObject({ tuple_id: first.tuple_id, created: false });
    expect(ending.revision).toBeGreaterThan(first.revision);
    expect(await check(user('again'), 'write', file('/again'))).toBe(false);
    // Granted anew without an end, it has none.
    await create(tuple);
    expect(await check(user('again'), 'write', file('/again'))).toBe(true);
    expect(await server.ok('rebac_list_tuples', { subject: user('again') }, admin)).toHaveLength(1);
  });

  test('a file id is kept as it was given, and compared by the path it means', async () => {
    await create([user('slash'), 'direct_viewer', file('/docs/')]);
    expect(await check(user('slash'), 'read', file('/docs'))).toBe(true);
    expect(await check(user('slash'), 'read', file('docs//a/'))).toBe(true);
    expect(await check(user('slash'), 'read', file('/zone/corp/docs/a'))).toBe(true);
    const [listed] = await server.ok('rebac_list_tuples', { object: file('/docs'), subject: user('slash') }, admin);
    expect(listed?.object_id).toBe('/docs/');
    expect((await create([user('slash'), 'direct_viewer', file('/docs')])).created).toBe(false);
    await server.ok('write', { path: '/docs/a', content: 'x' }, admin);
    await server.ok('rename', { old_path: '/docs', new_path: '/papers' }, admin);
    const [moved] = await server.ok('rebac_list_tuples', { subject: user('slash') }, admin);
    expect(moved?.object_id).toBe('/papers');
    expect(await check(user('slash'), 'read', file('/docs'))).toBe(false);
  });

  test('tuples have a limit, which racing calls do not pass', async () => {
    await server.ok('zone_create', { zone_id: 'few-tuples', name: 'F', limits: { tuples: 4 } });
    const calls = Array.from({ length: 12 }, (_, i) =>
      server.rpc('rebac_create', {
        zone_id: 'few-tuples',
        subject: user(`u${i}`),
        relation: 'direct_viewer',
        object: file('/a'),
      }),
    );
    const outcomes = (await Promise.all(calls)).map(({ error }) => error?.data.code ?? 'ok');
    expect(outcomes.filter((one) => one === 'ok')).toHaveLength(4);
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'QUOTA_EXCEEDED']));
    const tuples = await server.ok('rebac_list_tuples', { zone_id: 'few-tuples' });
    await server.ok('rebac_delete', { tuple_id: tuples[0]!.tuple_id });
    expect((await server.ok('zone_get', { zone_id: 'few-tuples' })).usage.tuples).toBe(3);
  });

  test.each<[Tuple, object, string]>([
    [[['person', 'a'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a', 'b', 'c'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', ''], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'x'.repeat(4097)], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['*', 'a'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['group', '*'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a', 'friend'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['group', 'a', 'direct_owner'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'read', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'member', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['group', 'g'], 'parent', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['*', '*'], 'parent', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['file', '/b'], 'folder', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['group', 'g']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['*', '*']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/a/../b']], {}, 'INVALID_PATH'],
    [[['user', 'a'], 'direct_viewer', ['file', '/zone/other/b']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/./zone/other/b']], {}, 'INVALID_PARAMS'],
    [[['user', 'a\u0000b'], 'direct_viewer', ['file', '/a']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['workflow', '\ud800']], {}, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/a']], { conditions: { ip_range: '10.0.0.0/33' } }, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/a']], { conditions: [] }, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/a']], { expires_at: 5 }, 'INVALID_PARAMS'],
    [[['user', 'a'], 'direct_viewer', ['file', '/a']], { subject_zone_id: 'other' }, 'INVALID_PARAMS'],
    [[['user', 'a'], 'shared-viewer', ['file', '/a']], { subject_zone_id: 'NO' }, 'INVALID_PARAMS'],
  ])('%j with %j is %s and stores nothing', async ([subject, relation, object], more, code) => {
    const before = (await server.ok('rebac_list_tuples', { limit: 10_000 }, admin)).length;
    expect(await server.fault('rebac_create', { subject, relation, object, ...more }, admin)).toBe(code);
    expect((await server.ok('rebac_list_tuples', { limit: 10_000 }, admin)).length).toBe(before);
  });
});

describe('what gives what', () => {
  test('owners may all, editors write, viewers read', async () => {
    const may = async (relation: string) => {
      const id = `level-${relation}`;
      await create([user(id), relation, file('/level')]);
      const held: string[] = [];
      for (const name of ['read', 'write', 'execute', 'share', 'viewer', 'editor', 'owner']) {
        if (await check(user(id), name, file('/level/x'))) held.push(name);
      }
      return held;
    };
    const [viewer, editor] = [
      ['read', 'viewer'],
      ['read', 'write', 'viewer', 'editor'],
    ];
    const owner = ['read', 'write', 'execute', 'share', 'viewer', 'editor', 'owner'];
    expect(await may('direct_viewer')).toEqual(viewer);
    expect(await may('shared-viewer')).toEqual(viewer);
    expect(await may('direct_editor')).toEqual(editor);
    expect(await may('shared-editor')).toEqual(editor);
    expect(await may('direct_owner')).toEqual(owner);
    expect(await may('shared-owner')).toEqual(owner);
  });

  test('a stored relation is that of the object itself, not of a folder above', async () => {
    await create([user('stored'), 'direct_viewer', file('/stored')]);
    expect(await check(user('stored'), 'direct_viewer', file('/stored'))).toBe(true);
    expect(await check(user('stored'), 'direct_viewer', file('/stored/x'))).toBe(false);
    expect(await check(user('stored'), 'direct_editor', file('/stored'))).toBe(false);
  });

  test('groups nest, cycles are harmless, and who leaves has nothing', async () => {
    const { id, key } = await person();
    await server.ok('write', { path: '/team/a', content: 'x' }, admin);
    const joined = await create([user(id), 'member', group('g1')]);
    await create([group('g1'), 'member', group('g2')]);
    await create([['group', 'g2', 'member'], 'member', group('g3')]);
    await create([group('g3'), 'member', group('g1')]);
    await create([group('g3'), 'member', group('g3')]);
    await create([['group', 'g3', 'member'], 'direct_editor', file('/team')]);
    expect(await server.ok('read', { path: '/team/a', encoding: 'utf-8' }, key)).toBe('x');
    expect(await check(user(id), 'member', group('g3'))).toBe(true);
    expect(await check(group('g1'), 'write', file('/team/a'))).toBe(true);
    expect(await check(user('nobody'), 'member', group('g3'))).toBe(false);
    await server.ok('rebac_delete', { tuple_id: joined.tuple_id }, admin);
    expect(await server.fault('read', { path: '/team/a' }, key)).toBe('ACCESS_DENIED');
  });

  test('everybody, and every user', async () => {
    const { id, key } = await person();
    await server.ok('write', { path: '/open/a', content: 'x' }, admin);
    await create([['*', '*'], 'direct_viewer', file('/open')]);
    await create([['user', '*'], 'direct_editor', file('/users')]);
    expect(await server.ok('read', { path: '/open/a', encoding: 'utf-8' }, key)).toBe('x');
    expect(await check(user(id), 'write', file('/users/x'))).toBe(true);
    expect(await check(['agent', 'bot'], 'write', file('/users/x'))).toBe(false);
    expect(await check(['agent', 'bot'], 'read', file('/open/x'))).toBe(true);
    const stranger = await server.addKey({ zone_id: 'other', role: 'operator' });
    expect(await server.fault('read', { path: '/zone/corp/open/a' }, stranger)).toBe('ACCESS_DENIED');
  });

  test('other types have the same model without folders', async () => {
    await create([user('w'), 'direct_editor', ['workflow', 'a']]);
    expect(await check(user('w'), 'write', ['workflow', 'a'])).toBe(true);
    expect(await check(user('w'), 'share', ['workflow', 'a'])).toBe(false);
    expect(await check(user('w'), 'read', ['workflow', 'a/b'])).toBe(false);
    expect(await check(user('w'), 'read', ['document', 'a'])).toBe(false);
  });

  test('a role is no tuple', async () => {
    expect(await check(user('boss'), 'read', file('/anything'))).toBe(false);
  });

  test.each([
    [['user', 'a'], 'fly', ['file', '/a']],
    [['user', 'a'], 'read', ['group', 'g']],
    [['user', 'a'], 'member', ['file', '/a']],
    [['user', 'a'], 'folder', ['file', '/a']],
    [['user', 'a'], 'constructor', ['file', '/a']],
    [['robot', 'a'], 'read', ['file', '/a']],
    [['user', 'a'], 'read', ['files', '/a']],
    ['user:a', 'read', ['file', '/a']],
  ])('the check of %j %s %j is INVALID_PARAMS', async (subject, permission, object) => {
    expect(await server.fault('rebac_check', { subject, permission, object }, admin)).toBe('INVALID_PARAMS');
  });

  test('every word of consistency gives the same answer, others are refused', async () => {
    const question = { subject: user('level-direct_owner'), permission: 'read', object: file('/level') };
    for (const more of [
      { consistency_mode: 'minimize_latency' },
      { consistency_mode: 'at_least_as_fresh', min_revision: 10 ** 9 },
      { consistency_mode: 'fully_consistent', consistency_token: 'never issued' },
    ]) {
      expect(await server.ok('rebac_check', { ...question, ...more }, admin)).toBe(true);
    }
    expect(await server.fault('rebac_check', { ...question, consistency_mode: 'soon' }, admin)).toBe('INVALID_PARAMS');
  });
});
