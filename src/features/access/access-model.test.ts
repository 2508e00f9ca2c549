/**
 * A server against brute force over the tuples that it lists, after every change of tuples, files and time, with the cache
 * on and off, on each engine. `NEXUS_TEST_ROUNDS` multiplies; the long form is `test/model/access-server.ts`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { AccessModel, steps } from '../../../test/model/access-server.ts';
import { ROUNDS } from '../../../test/model/access-worlds.ts';

forEachEngine('the model of access', (engine) => {
  describe.each(['on', 'off'])('with the cache %s', (cache) => {
    let server: TestServer;
    let model: AccessModel;
    let admin: string;
    beforeAll(async () => {
      server = await startTestServer({ engine, environment: { NEXUS_ACCESS_CACHE: cache } });
      model = await AccessModel.open(server);
      admin = model.admin;
    });
    afterAll(() => server.stop());

    test('agrees with brute force after every change', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 14 }), async (run) => {
          await model.beginAgain();
          for (const one of run) {
            await model.apply(one);
            expect(await model.compare()).toEqual([]);
          }
        }),
        { numRuns: 10 * ROUNDS },
      );
      expect(model.steps).toBeGreaterThan(1_000);
    }, 600_000);

    test('a guest reaches what its groups at home are given, until either zone takes it back', async () => {
      await model.beginAgain();
      await server.ok('zone_create', { zone_id: 'away', name: 'away' });
      const guest = await server.addKey({ zone_id: 'away', subject: 'u' });
      const other = await server.addKey({ zone_id: 'corp', subject: 'v' });
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
      expect(await server.fault('read', { path: '/lent/a' }, other)).toBe('ACCESS_DENIED');
      await server.ok('share_with_group', { ...lend, conditions: { ip_range: '10.0.0.0/8' } }, admin);
      expect(await read()).toBe('ACCESS_DENIED');
      await server.ok('share_with_group', { ...lend, conditions: {} }, admin);
      expect(await read()).toBe('ok');
      await server.ok('rebac_delete', { tuple_id: joined.tuple_id }, home);
      expect(await read()).toBe('ACCESS_DENIED');
    });
  });
});
