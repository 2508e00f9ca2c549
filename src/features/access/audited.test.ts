/** What the audit log says of changes of tuples: which facts, whichever operation changed them, and no more than fit. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

forEachEngine('the audit row of a change of tuples', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('guests');
  });
  afterAll(() => server.stop());

  const docs = ['file', '/docs'];
  const newest = async (action: string) => {
    const [row] = (await server.ok('audit_list', { action, limit: 1, format: 'json' })).entries;
    return typeof row === 'object' ? row : undefined;
  };

  test('names the fact that was granted, and the one that was revoked', async () => {
    const expires_at = '2040-01-01T00:00:00.000Z';
    const subject = ['user', 'ada'];
    const relation = 'direct_viewer';
    const given = { subject, relation, object: docs, expires_at, conditions: { channel: 'rpc' } };
    const { tuple_id } = await server.ok('rebac_create', given);
    const fact = { tuple_id, subject, relation, object: docs };
    const told = { ...fact, expires_at, conditional: true };
    expect((await newest('tuple.create'))?.details).toEqual({ granted: [told], changes: 1 });
    await server.ok('rebac_delete', { tuple_id });
    expect((await newest('tuple.delete'))?.details).toEqual({ revoked: [told], changes: 1 });
  });

  test('names the share and the zone of its guest', async () => {
    const share = { path: '/docs', group_id: 'team', user_zone_id: 'guests' };
    const { tuple_id } = await server.ok('share_with_group', share);
    const fact = { tuple_id, subject: ['group', 'team'], relation: 'shared-viewer', object: docs };
    const told = { ...fact, subject_zone_id: 'guests' };
    expect((await newest('share.create-group'))?.details).toEqual({ granted: [told], changes: 1 });
    await server.ok('revoke_share', share);
    expect((await newest('share.revoke'))?.details).toEqual({ revoked: [told], changes: 1 });
  });

  test('of many names the first, says how many they were, and stays short', async () => {
    const create = (i: number) => ({ subject: ['user', `u${i}`], relation: 'direct_viewer', object: docs });
    const creates = Array.from({ length: 300 }, (_, i) => create(i));
    const { tuple_ids } = await server.ok('rebac_write', { creates });
    await server.ok('rebac_write', { creates: [create(0), create(300)], deletes: tuple_ids.slice(1) });
    const row = await newest('tuple.write');
    const revoked = expect.arrayContaining([expect.objectContaining({ tuple_id: tuple_ids[1] })]);
    const granted = [expect.objectContaining({ subject: ['user', 'u300'] })];
    expect(row?.details).toEqual({ revoked, granted, changes: 300 });
    expect(JSON.stringify(row).length).toBeLessThan(4_000);
  });
});
