/** "Change, event, usage and audit row … name the foreign subject" (access.md §8), and so does who tells who holds what. */
import { expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

type Words = Readonly<Record<string, string>>;
interface Told {
  readonly events: readonly { type: string; path: string; user_id: string; data: Words }[];
  readonly operations?: Told['events'];
  readonly total?: number;
  readonly entries: readonly { action: string; object: string; details: Words }[];
}

/** A zone in which two do the same who have one name, one of them from elsewhere, and an admin of zone root. */
async function hosting(server: TestServer): Promise<{ admin: string; get(path: string): Promise<Told> }> {
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
  return { admin, get: async (path) => (await server.http(path, { headers })).json() as Promise<Told> };
}

forEachEngine('subjects of other zones', (engine) => {
  test('are told by their zone in events, audit rows and expansions; a namesake at home is not', async () => {
    const server = await startTestServer({ engine });
    try {
      const { admin, get } = await hosting(server);
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

  test('are found by their zone, and namesakes are not', async () => {
    const server = await startTestServer({ engine });
    try {
      const { get } = await hosting(server);
      const rows = async (filter: string) => {
        const { entries } = await get(`/api/v2/audit?object=/s/&${filter}`);
        return entries.map((one) => [one.action, one.object, one.details.subject_zone_id]);
      };
      const atHome = [['file.write', '/s/home', undefined]];
      const away = [
        ['file.read', '/s/guest', 'guest'],
        ['file.write', '/s/guest', 'guest'],
      ];
      expect(await rows('actor=user:ada')).toEqual(atHome);
      expect(await rows('actor=user:ada&subject_zone_id=host&limit=1')).toEqual(atHome);
      expect(await rows('actor=user:ada&subject_zone_id=guest')).toEqual(away);
      expect(await rows('subject_zone_id=guest')).toEqual(away);
      expect(await rows('actor=user:ada&subject_zone_id=root')).toEqual([]);

      const by = async (filter: string, at = '/api/v2/events') => {
        const { events = [], operations = events, total } = await get(`${at}?operation_type=write&${filter}`);
        expect(total ?? operations.length).toBe(operations.length);
        return operations.map((one) => one.path);
      };
      for (const at of ['/api/v2/events', '/api/v2/operations']) {
        expect(await by('user_id=ada', at)).toEqual(['/s/home']);
        expect(await by('user_id=ada&user_zone_id=host', at)).toEqual(['/s/home']);
        expect(await by('user_id=ada&user_zone_id=guest', at)).toEqual(['/s/guest']);
        expect(await by('user_zone_id=root', at)).toEqual(['/s/root']);
        expect(await by('user_id=ada&user_zone_id=gues_', at)).toEqual([]);
      }
      const everywhere = await server.http('/api/v2/events?zone_id=*&user_id=ada&operation_type=write');
      expect(((await everywhere.json()) as Told).events.map(({ path }) => path)).toEqual(['/s/home']);
    } finally {
      await server.stop();
    }
  });
});
