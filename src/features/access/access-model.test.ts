/**
 * A server against brute force over the tuples that it lists: checks, permissions of files and what lists leave out agree
 * after every change of tuples, files and time, with the cache on and off, on each engine. `NEXUS_TEST_ROUNDS` multiplies.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { ROUNDS } from '../../../test/model/access-worlds.ts';
import { type NaiveTuple, naiveHeld } from '../../../test/model/naive-access.ts';
import type { Types } from './schema/rules.ts';
import { schemaWith, typesOf } from './schema/schema.ts';

const ADDED: Types = {
  doc: {
    reader: { this: ['user', 'group', '*', 'doc#reader'] },
    blocked: { this: ['user', 'group'] },
    open: { exclusion: [{ computed: 'reader' }, { computed: 'blocked' }] },
    both: { intersection: [{ computed: 'open' }, { computed: 'viewer' }] },
  },
  file: {
    auditor: { this: ['user', 'group'] },
    audit: { intersection: [{ computed: 'viewer' }, { computed: 'auditor' }] },
  },
};
/** Between the two ends that tuples have; so is the time of the server. */
const NOW = Date.UTC(2500, 0, 1);
const TYPES = typesOf(schemaWith(1, ADDED));
const PATHS = ['/', '/x', '/x/y', '/x/y/z', '/xy', '/w', '/w/v'];
const FILES = ['/x/y/z', '/xy', '/w/v'];
const NAMES = { file: ['read', 'write', 'share', 'audit'], doc: ['open', 'both', 'viewer'], group: ['member'] };

const path = fc.constantFrom(...PATHS);
const user = fc.constantFrom('u', 'v').map((id) => ['user', id] as const);
const group = fc.constantFrom('g', 'h', 'i').map((id) => ['group', id] as const);
const file = path.map((id) => ['file', id] as const);
const doc = fc.constantFrom('1', '2').map((id) => ['doc', id] as const);
const everybody = fc.constantFrom(['user', '*'] as const, ['*', '*'] as const);
const set = doc.map(([, id]) => ['doc', id, 'reader'] as const);
const level = fc.constantFrom('direct_viewer', 'direct_editor', 'direct_owner', 'shared-viewer', 'shared-owner');

const fact = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.oneof(user, group, everybody), level, fc.oneof(file, doc)) },
  { weight: 4, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('member'), group) },
  { weight: 2, arbitrary: fc.tuple(fc.oneof(file, doc), fc.constant('parent'), fc.oneof(file, doc)) },
  { weight: 2, arbitrary: fc.tuple(fc.oneof(user, group, everybody, set), fc.constant('reader'), doc) },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('blocked'), doc) },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(user, group), fc.constant('auditor'), file) },
);
const terms = fc.constantFrom<object>(
  {},
  {},
  {},
  { expires_at: '2001-01-01T00:00:00Z' },
  { expires_at: '2999-01-01T00:00:00Z' },
  { conditions: { ip_range: '127.0.0.0/8' } },
  { conditions: { ip_range: '10.0.0.0/8' } },
  { conditions: { channel: 'rpc' } },
  { conditions: { time_window: { start: '2001-01-01T00:00:00Z', end: '2002-01-01T00:00:00Z' } } },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('grant'), fact, terms }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('revoke'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename'), from: path, to: path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), path }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

forEachEngine('the model of access', (engine) => {
  describe.each(['on', 'off'])('with the cache %s', (cache) => {
    let server: TestServer;
    let admin: string;
    const keys: Record<string, string> = {};
    let guest: string;
    beforeAll(async () => {
      server = await startTestServer({ engine, environment: { NEXUS_ACCESS_CACHE: cache } });
      for (const zone_id of ['corp', 'away']) await server.ok('zone_create', { zone_id, name: zone_id });
      admin = await server.addKey({ zone_id: 'corp', role: 'admin', subject: 'boss' });
      for (const subject of ['u', 'v']) keys[subject] = await server.addKey({ zone_id: 'corp', subject });
      guest = await server.addKey({ zone_id: 'away', subject: 'u' });
      await server.ok('rebac_set_schema', { types: ADDED }, admin);
    });
    afterAll(() => server.stop());

    async function apply(one: Step, tuples: readonly { tuple_id: string }[]): Promise<void> {
      if ('fact' in one) {
        const [subject, relation, object] = one.fact;
        await server.rpc('rebac_create', { subject, relation, object, ...one.terms }, admin);
      } else if ('pick' in one) {
        const picked = tuples[one.pick % Math.max(1, tuples.length)];
        if (picked) await server.ok('rebac_delete', { tuple_id: picked.tuple_id }, admin);
      } else if ('from' in one) await server.rpc('rename', { old_path: one.from, new_path: one.to }, admin);
      else await server.rpc('rmdir', { path: one.path, recursive: true }, admin);
    }

    const listed = async () => {
      const rows = await server.ok('rebac_list_tuples', { zone_id: 'corp', limit: 10_000 }, admin);
      return rows.map((row) => ({
        tuple_id: row.tuple_id,
        subject: [row.subject_type, row.subject_id, row.subject_relation ?? undefined] as const,
        relation: row.relation,
        object: [row.object_type, row.object_id] as const,
        expires_at: row.expires_at === null ? null : Date.parse(row.expires_at),
        conditions: row.conditions,
      }));
    };

    async function compare(tuples: readonly NaiveTuple[]): Promise<void> {
      const context = { ip: '127.0.0.1', channel: 'rpc' };
      const world = { types: TYPES, tuples, now: NOW, context };
      const things = [
        ...PATHS.map((id) => ['file', id] as const),
        ...['1', '2'].map((id) => ['doc', id] as const),
        ...['g', 'h', 'i'].map((id) => ['group', id] as const),
      ];
      const found = await server.ok('glob', { pattern: '**' }, admin);
      for (const subject of ['u', 'v']) {
        const held = naiveHeld(
          world,
          ['user', subject],
          [...things, ...found.matches.map((one) => ['file', one] as const)],
        );
        const holds = (type: string, id: string, name: string) => held.has(JSON.stringify([type, id, name]));
        const asked = things.flatMap(([type, id]) =>
          NAMES[type].map((permission) => ({ permission, object: [type, id] })),
        );
        const checks = asked.map((one) => ({ subject: ['user', subject], ...one }));
        expect(await server.ok('rebac_check_batch', { checks }, keys[subject])).toEqual(
          asked.map(({ permission, object: [type = '', id = ''] }) => holds(type, id, permission)),
        );
        for (const one of PATHS) {
          const { error } = await server.rpc('exists', { path: one }, keys[subject]);
          expect([subject, one, error?.data.code !== 'ACCESS_DENIED']).toEqual([
            subject,
            one,
            holds('file', one, 'read'),
          ]);
        }
        const seen = await server.rpc('glob', { pattern: '**' }, keys[subject]);
        const wanted = found.matches.filter((one) => holds('file', one, 'read'));
        expect((seen.error ? [] : seen.result.matches).toSorted()).toEqual(wanted.toSorted());
      }
    }

    /** No tuples, and no files but some: what the last run renamed may be a file where a folder goes. */
    async function beginAgain(): Promise<void> {
      for (const { tuple_id } of await listed()) await server.ok('rebac_delete', { tuple_id }, admin);
      const { files } = await server.ok('list', { path: '/', recursive: false, details: false }, admin);
      for (const path of files.map(String)) {
        const { error } = await server.rpc('rmdir', { path, recursive: true }, admin);
        if (error) await server.ok('delete', { path }, admin);
      }
      for (const path of FILES) await server.ok('write', { path, content: 'x' }, admin);
    }

    test('agrees with brute force after every change', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
          await beginAgain();
          for (const one of steps) {
            await apply(one, await listed());
            await compare(await listed());
          }
        }),
        { numRuns: 15 * ROUNDS },
      );
    }, 600_000);

    test('a guest reaches what its groups at home are given, until either zone takes it back', async () => {
      await beginAgain();
      const home = await server.addKey({ zone_id: 'away', role: 'admin', subject: 'chief' });
      await server.ok('write', { path: '/lent/a', content: 'x' }, admin);
      const read = async () =>
        (await server.rpc('read', { path: '/zone/corp/lent/a' }, guest)).error?.data.code ?? 'ok';
      expect(await read()).toBe('ACCESS_DENIED');
      const lend = {
        path: '/lent',
        group_id: 'friends',
        user_zone_id: 'away',
        conditions: { ip_range: '127.0.0.0/8' },
      };
      await server.ok('share_with_group', lend, admin);
      expect(await read()).toBe('ACCESS_DENIED');
      const member = { subject: ['user', 'u'], relation: 'member', object: ['group', 'friends'] };
      const joined = await server.ok('rebac_create', member, home);
      expect(await read()).toBe('ok');
      // A group of that name here is another one, and so is its member.
      await server.ok('rebac_create', { ...member, subject: ['user', 'v'] }, admin);
      expect(await server.fault('read', { path: '/lent/a' }, keys.v)).toBe('ACCESS_DENIED');
      await server.ok('share_with_group', { ...lend, conditions: { ip_range: '10.0.0.0/8' } }, admin);
      expect(await read()).toBe('ACCESS_DENIED');
      await server.ok('share_with_group', { ...lend, conditions: {} }, admin);
      expect(await read()).toBe('ok');
      await server.ok('rebac_delete', { tuple_id: joined.tuple_id }, home);
      expect(await read()).toBe('ACCESS_DENIED');
    });
  });
});
