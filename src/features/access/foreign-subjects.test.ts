/** "Change, event, usage and audit row … name the foreign subject" (access.md §8), and so does who tells who holds what. */
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';

type Words = Readonly<Record<string, string>>;
interface Told {
  readonly events: readonly { type: string; path: string; user_id: string; data: Words }[];
  readonly entries: readonly { action: string; object: string; details: Words }[];
}

forEachEngine('subjects of other zones', (engine) => {
  test('are told by their zone in events, audit rows and expansions; a namesake at home is not', async () => {
    const server = await startTestServer({ engine });
    try {
      for (const zone_id of ['host', 'guest']) await server.ok('zone_create', { zone_id, name: zone_id });
      const admin = await server.addKey({ zone_id: 'host', role: 'admin', subject: 'boss' });
      const home = await server.addKey({ zone_id: 'host', subject: 'ada', grants: [['direct_editor', '/s']] });
      const guest = await server.addKey({ zone_id: 'guest', subject: 'ada' });
      const share = { path: '/s', user_id: 'ada', user_zone_id: 'guest', relation: 'editor' };
      await server.ok('share_with_user', share, admin);
      const group = { path: '/s', group_id: 'crew', user_zone_id: 'guest', conditions: { weekday: 'sunday' } };
      await server.ok('share_with_group', group, admin);

      await server.ok('write', { path: '/s/home', content: 'x' }, home);
      await server.ok('write', { path: '/zone/host/s/guest', content: 'x' }, guest);
      await server.ok('read', { path: '/zone/host/s/guest' }, guest);
      await server.ok('write_batch', { files: [['/zone/host/s/root', 'x']] });

      const headers = { authorization: `Bearer ${admin}` };
      const get = async (path: string) => (await server.http(path, { headers })).json() as Promise<Told>;
      const { events } = await get('/api/v2/events?limit=100');
      const told = (type: string) =>
        events
          .filter((one) => one.type === type)
          .map(({ path, user_id, data }) => [path, user_id, data.user_zone_id, data.subject_zone_id]);
      expect(told('write')).toEqual([
        ['/s/root', 'admin', 'root', undefined],
        ['/s/guest', 'ada', 'guest', undefined],
        ['/s/home', 'ada', undefined, undefined],
      ]);
      expect(told('grant').filter(([, by]) => by === 'boss')).toEqual([
        ['/s', 'boss', undefined, 'guest'],
        ['/s', 'boss', undefined, 'guest'],
      ]);

      const { entries } = await get('/api/v2/audit?actor=user:ada&limit=100');
      const rows = entries.map((one) => [one.action, one.object, one.details.subject_zone_id]);
      expect(rows).toEqual(
        expect.arrayContaining([
          ['file.read', '/s/guest', 'guest'],
          ['file.write', '/s/guest', 'guest'],
          ['file.write', '/s/home', undefined],
        ]),
      );

      expect(await server.ok('rebac_expand', { permission: 'write', object: ['file', '/s/x'] }, admin)).toEqual({
        permission: 'write',
        object: ['file', '/s/x'],
        subjects: [['user', 'ada']],
        groups: [],
        everyone: false,
        conditional: [],
        foreign: [{ subject: ['user', 'ada'], zone_id: 'guest', conditional: false }],
        has_more: false,
      });
      const readers = await server.ok('rebac_expand', { permission: 'read', object: ['file', '/s'] }, admin);
      expect(readers.foreign).toEqual([
        { subject: ['group', 'crew'], zone_id: 'guest', conditional: true },
        { subject: ['user', 'ada'], zone_id: 'guest', conditional: false },
      ]);
      const page = await server.ok('rebac_expand', { permission: 'read', object: ['file', '/s'], limit: 2 }, admin);
      expect([page.subjects.length + page.foreign.length, page.has_more]).toEqual([2, true]);
    } finally {
      await server.stop();
    }
  });
});
