/** Relations through JSON-RPC, and files that obey them: conditions, parents, ends, added types, explanations. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type Explanation, verifyExplanation } from '../../../client/index.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import type { RowsInsert } from '../../ports/sql.ts';
import { type Context, conditionsHold } from './conditions/conditions.ts';

const TUPLES: RowsInsert = {
  into: 'tuples',
  columns: `tuple_id, zone_id, subject_zone_id, subject_type, subject_id, subject_relation, relation, object_type,
    object_id, created_at, created_by, revision`.split(/,\s*/),
};

forEachEngine('relations', (engine) => {
  describe.each(['on', 'off'])('with the cache %s', (cache) => {
    let server: TestServer;
    let admin: string;
    beforeAll(async () => {
      server = await startTestServer({ engine, environment: { NEXUS_ACCESS_CACHE: cache } });
      await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
      admin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
    });
    afterAll(() => server.stop());

    const create = (subject: readonly string[], relation: string, object: readonly string[], more: object = {}) =>
      server.ok('rebac_create', { subject, relation, object, ...more }, admin);
    const check = (subject: readonly string[], permission: string, object: readonly string[], more: object = {}) =>
      server.ok('rebac_check', { subject, permission, object, ...more }, admin);
    const file = (path: string) => ['file', path];
    const user = (id: string) => ['user', id];
    let people = 0;
    const person = async () => {
      const id = `p${++people}`;
      return { id, key: await server.addKey({ zone_id: 'corp', subject: id }) };
    };

    test('an address range holds for the address of the call', async () => {
      const { id, key } = await person();
      await server.ok('write', { path: '/range/a', content: 'x' }, admin);
      const near = { conditions: { ip_range: ['10.0.0.0/8', '127.0.0.0/8', '::1/128'] } };
      const given = await create(user(id), 'direct_viewer', file('/range'), near);
      expect(await server.ok('read', { path: '/range/a', encoding: 'utf-8' }, key)).toBe('x');
      const [listed] = await server.ok('rebac_list_tuples', { subject: user(id) }, admin);
      expect(listed?.conditions).toEqual(near.conditions);
      const far = { conditions: { ip_range: '10.0.0.0/8' } };
      expect((await create(user(id), 'direct_viewer', file('/range'), far)).tuple_id).toBe(given.tuple_id);
      expect(await server.fault('read', { path: '/range/a' }, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('list', { path: '/' }, key)).toBe('ACCESS_DENIED');
      const asked = { subject: user(id), permission: 'read', object: file('/range/a') };
      for (const [ip, held] of [
        ['10.1.2.3', true],
        ['::ffff:10.1.2.3', true],
        ['11.0.0.1', false],
        ['ten', false],
      ] as const) {
        expect([ip, await check(user(id), 'read', file('/range/a'), { context: { ip } })]).toEqual([ip, held]);
      }
      // Who asks about itself cannot say that it is elsewhere.
      const elsewhere = await server.rpc('rebac_check', { ...asked, context: { ip: '10.1.2.3' } }, key);
      expect(elsewhere.error).toMatchObject({
        message: expect.stringContaining('Leave it out'),
        data: { code: 'ACCESS_DENIED', permission: 'share', missing: { relation: 'owner', object: asked.object } },
      });
      expect(await server.ok('rebac_check', asked, key)).toBe(false);
    });

    test('every key of a condition counts and comes back, whatever its name', async () => {
      const conditions: object = JSON.parse('{"__proto__":1,"constructor":{"__proto__":[2]}}');
      await create(user('k'), 'direct_viewer', file('/k'), { conditions });
      expect(await check(user('k'), 'read', file('/k'))).toBe(false);
      expect(await check(user('k'), 'read', file('/k'), { context: conditions })).toBe(true);
      const [stored] = await server.ok('rebac_list_tuples', { subject: user('k') });
      expect(JSON.stringify(stored?.conditions)).toBe(JSON.stringify(conditions));
    });

    test('windows open and close, tuples end, other keys compare as JSON', async () => {
      const at = (ms: number) => new Date(systemClock.now() + ms).toISOString();
      await create(user('w'), 'direct_viewer', file('/w1'), {
        conditions: { time_window: { start: at(-5000), end: at(60_000) } },
      });
      await create(user('w'), 'direct_viewer', file('/w2'), { conditions: { time_window: { start: at(60_000) } } });
      await create(user('w'), 'direct_viewer', file('/w4'), { conditions: { team: { a: 1, b: [null] } } });
      expect(await check(user('w'), 'read', file('/w1'))).toBe(true);
      expect(await check(user('w'), 'read', file('/w2'))).toBe(false);
      expect(await check(user('w'), 'read', file('/w2'), { context: { now: at(61_000) } })).toBe(true);
      expect(await check(user('w'), 'read', file('/w4'))).toBe(false);
      expect(await check(user('w'), 'read', file('/w4'), { context: { team: { b: [null], a: 1 } } })).toBe(true);
      // Long enough for the next call of a busy machine.
      const ends = systemClock.now() + 1_500;
      await create(user('w'), 'direct_viewer', file('/w3'), { expires_at: new Date(ends).toISOString() });
      expect(await check(user('w'), 'read', file('/w3'))).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, ends - systemClock.now() + 20));
      expect(await check(user('w'), 'read', file('/w3'))).toBe(false);
    });

    test('rights on a parent reach the child and its files, only the owner of both gives it one', async () => {
      const { id, key } = await person();
      for (const path of ['/team/a', '/lost/b', '/lost/c/d']) await server.ok('write', { path, content: path }, admin);
      await create(user(id), 'direct_owner', file('/team'));
      const parent = { subject: file('/lost'), relation: 'parent', object: file('/team/a') };
      expect(await server.fault('rebac_create', parent, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('read', { path: '/lost/b' }, key)).toBe('ACCESS_DENIED');
      await server.ok('rebac_create', parent, admin);
      expect(await server.ok('read', { path: '/lost/c/d', encoding: 'utf-8' }, key)).toBe('/lost/c/d');
      expect(await server.ok('glob', { pattern: '/lost/**' }, key)).toMatchObject({
        matches: expect.arrayContaining(['/lost/b']),
      });
      expect(await check(user(id), 'write', file('/team/a'))).toBe(true);
      const objects = await server.ok('rebac_list_objects', { relation: 'owner', subject: user(id) }, admin);
      expect(objects).toEqual([file('/lost'), file('/team')]);
      await server.ok('rename', { old_path: '/lost', new_path: '/found' }, admin);
      expect(await server.ok('read', { path: '/found/b', encoding: 'utf-8' }, key)).toBe('/lost/b');
      await server.ok('rmdir', { path: '/found', recursive: true }, admin);
      await server.ok('write', { path: '/found/b', content: 'another' }, admin);
      expect(await server.fault('read', { path: '/found/b' }, key)).toBe('ACCESS_DENIED');
    });

    test('a type that the zone adds is evaluated by its rules', async () => {
      const types = {
        report: {
          reader: { this: ['user', 'group'] },
          blocked: { this: ['user'] },
          signed: { this: ['user'] },
          org: { this: ['group'] },
          open: {
            exclusion: [{ union: [{ computed: 'reader' }, { from: ['org', 'member'] }] }, { computed: 'blocked' }],
          },
          sealed: { intersection: [{ computed: 'open' }, { computed: 'signed' }] },
        },
      };
      const dry = await server.ok('rebac_set_schema', { types, dry_run: true }, admin);
      expect((await server.ok('rebac_get_schema', {}, admin)).types.report).toBeUndefined();
      const set = await server.ok('rebac_set_schema', { types }, admin);
      expect(set).toEqual(dry);
      expect((await server.ok('rebac_get_schema', {}, admin)).types.report).toMatchObject(types.report);
      const report = ['report', 'r1'];
      await create(user('rita'), 'reader', report);
      await create(user('mo'), 'member', ['group', 'press']);
      await create(['group', 'press'], 'org', report);
      expect(await check(user('rita'), 'open', report)).toBe(true);
      expect(await check(user('mo'), 'open', report)).toBe(true);
      expect(await check(user('mo'), 'sealed', report)).toBe(false);
      await create(user('mo'), 'signed', report);
      expect(await check(user('mo'), 'sealed', report)).toBe(true);
      await create(user('rita'), 'blocked', report);
      expect(await check(user('rita'), 'open', report)).toBe(false);
      expect(await server.ok('rebac_expand', { relation: 'open', object: report }, admin)).toMatchObject({
        subjects: [['user', 'mo']],
        groups: [],
        everyone: false,
        conditional: [],
        has_more: false,
      });
      const dropped = await server.rpc('rebac_set_schema', { types: {} }, admin);
      expect(dropped.error?.message).toContain('report');
      expect(await server.fault('rebac_set_schema', { types: { file: { viewer: { this: ['user'] } } } }, admin)).toBe(
        'INVALID_PARAMS',
      );
      const cycle = {
        loop: {
          a: { exclusion: [{ this: ['user'] }, { computed: 'b' }] },
          b: { union: [{ this: ['user'] }, { computed: 'a' }] },
        },
      };
      expect((await server.rpc('rebac_set_schema', { types: { ...types, ...cycle } }, admin)).error?.message).toContain(
        'loop.a',
      );
      const unknown = { odd: { a: { computed: 'nothing' } } };
      expect(
        (await server.rpc('rebac_set_schema', { types: { ...types, ...unknown } }, admin)).error?.message,
      ).toContain('nothing');
      const operator = await person();
      expect(await server.fault('rebac_set_schema', { types }, operator.key)).toBe('ACCESS_DENIED');
    });

    test('an explanation is accepted by the checker, to those who may see it whole', async () => {
      const { id, key } = await person();
      await create(user(id), 'member', ['group', 'inner']);
      await create(['group', 'inner'], 'member', ['group', 'outer']);
      await create(['group', 'outer', 'member'], 'direct_editor', file('/deep/x'));
      await create(['user', 'other'], 'direct_viewer', file('/deep/x/y'));
      await create(file('/side'), 'parent', file('/deep/x'));
      for (const [path, permission, allowed] of [
        ['/deep/x/y/z', 'write', true],
        ['/side/s', 'read', true],
        ['/deep', 'read', false],
      ] as const) {
        const asked = { subject: user(id), permission, object: file(path) };
        const told = await server.ok('rebac_explain', asked, admin);
        expect([path, told.allowed, await check(user(id), permission, file(path))]).toEqual([path, allowed, allowed]);
        const context: Context = JSON.parse(JSON.stringify(told.context));
        const question = { ...asked, zone_id: 'corp' };
        const holds = (conditions: Parameters<typeof conditionsHold>[0]) => conditionsHold(conditions, context);
        const world = await createClient({ url: server.url, key: admin }).proofWorld(told, { question, holds });
        const explanation: Explanation = told;
        expect(verifyExplanation(explanation, world)).toBe(true);
        expect(verifyExplanation({ ...explanation, allowed: !allowed }, world)).toBe(false);
        const other = await createClient({ url: server.url, key: admin }).proofWorld(told, {
          question: { ...question, permission: 'share' },
          holds,
        });
        expect(verifyExplanation(explanation, other)).toBe(false);
        const own = await server.ok('rebac_explain', asked, key);
        expect(own.allowed).toBe(allowed);
        // The parent names nobody: neither the subject nor a group of it.
        expect(JSON.stringify(own)).not.toContain('"relation":"parent"');
        expect(JSON.stringify(own)).not.toContain('"other"');
        if (path === '/deep')
          expect(own).toMatchObject({ missing: { relation: 'viewer', object: file(path) }, proof: null });
      }
      const others = { subject: user('other'), permission: 'read', object: file('/deep/x') };
      expect(await server.fault('rebac_explain', others, key)).toBe('ACCESS_DENIED');
    });

    test('groups deeper than a check may go are refused by it, and denied by files', async () => {
      const { id, key } = await person();
      await create(user(id), 'member', ['group', 'chain-0']);
      await server.sql.write('corp', async (tx) => {
        await tx.run("UPDATE zones SET access_revision = access_revision + 1 WHERE zone_id = 'corp'");
        const zone = await tx.get<{ n: number }>("SELECT access_revision AS n FROM zones WHERE zone_id = 'corp'");
        const rows = Array.from({ length: 100_100 }, (_, i) => [
          ...[`chain-${i}`, 'corp', 'corp', 'group', `chain-${i}`, '', 'member', 'group', `chain-${i + 1}`],
          ...[1, 'test', zone?.n ?? 0],
        ]);
        await tx.insert(TUPLES, rows);
      });
      await create(['group', 'chain-3'], 'direct_viewer', file('/near'));
      expect(
        await server.fault('rebac_check', { subject: user(id), permission: 'read', object: file('/near') }, key),
      ).toBe('LIMIT_EXCEEDED');
      expect(await server.fault('read', { path: '/near' }, key)).toBe('ACCESS_DENIED');
      expect(await server.fault('list', { path: '/' }, key)).toBe('ACCESS_DENIED');
    }, 120_000);
  });
});
