/** Users at the command line: made with a key, listed with their keys, gone with the last one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlace, type Place } from '../../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';
import { nexus, nexusOnTerminal } from '../../../../test/nexus-process.ts';

/** A command that does not end by itself is ended by its server after a minute, which is too late. */
const SLOW = { timeout: 50_000 };
let server: TestServer;
let place: Place;

beforeAll(async () => {
  server = await startTestServer();
  place = openPlace(server);
  await server.ok('zone_create', { zone_id: 'corp', name: 'Corp' });
});
afterAll(async () => {
  await server.stop();
  place.remove();
});

const run = (...line: string[]) => nexus(line, place.around);
const roleOf = async (key: string) =>
  (await (await server.http('/api/auth/whoami', { headers: { authorization: `Bearer ${key}` } })).json()) as object;

test('a user is made, listed and deleted, in one zone', SLOW, async () => {
  const made = JSON.parse((await run('user', 'create', 'ada', '--role', 'viewer', '--zone-id', 'corp')).out);
  expect(made).toMatchObject({ name: 'ada', user_id: 'ada', subject_type: 'user', subject_id: 'ada', zone_id: 'corp' });
  expect(await roleOf(made.key)).toMatchObject({ user: 'ada', role: 'viewer' });
  await server.ok('admin_create_key', { name: 'second', user_id: 'ada', zone_id: 'corp' });
  await server.ok('admin_create_key', { name: 'robot', subject_type: 'agent', user_id: 'ada', zone_id: 'corp' });
  const elsewhere = await server.ok('admin_create_key', { name: 'ada' });

  const listed = JSON.parse((await run('list', 'users', '--zone-id', 'corp')).out);
  expect(listed).toMatchObject({
    users: [{ user_id: 'ada', zone_id: 'corp', keys: [{ name: 'second' }, { name: 'ada' }] }],
  });
  const shown = (await nexusOnTerminal(['user', 'list'], place.around)).out;
  expect(shown).toMatch(/ada +corp +operator, viewer +2 +(never|\d{4}-)/);
  expect(shown).toMatch(/ada +root +operator +1 +never/);

  expect(await run('user', 'delete', 'ada')).toMatchObject({ code: 2, err: expect.stringContaining('corp, root') });
  const gone = await run('user', 'delete', 'ada', '--zone-id', 'corp');
  expect(JSON.parse(gone.out)).toMatchObject({ deleted: true, user_id: 'ada', zone_id: 'corp' });
  expect(await roleOf(made.key)).toEqual({ authenticated: false });
  expect(await roleOf(elsewhere.key)).toMatchObject({ user: 'ada', zone_id: 'root' });
  expect((await server.ok('zone_get', { zone_id: 'corp' })).usage.keys).toBe(1);
  expect(await run('user', 'delete', 'nobody')).toMatchObject({
    code: 4,
    err: expect.stringContaining('User not found'),
  });
});
