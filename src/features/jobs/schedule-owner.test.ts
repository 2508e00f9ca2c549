/** As whom a schedule runs, after others than its owner have changed it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, type By, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';

const ROOT = '/api/v2/scheduler/schedules';
const LINE = { name: 's', cron: '@yearly', executor: 'nexus', task_type: 'echo', payload: { value: 1 } };
const WORK = [{ payload: { value: 2 } }, { task_type: 'ingest_batch', payload: {} }, { executor: 'outside' }];

forEachEngine('what a schedule does', (engine) => {
  let at: AgentServer;
  const keys = { boss: '', low: '', ada: '', admin: '', agent: '' };
  beforeAll(async () => {
    at = await startAgentServer(engine);
    await at.server.addZone('zone-a');
    const add = (subject: string, role: 'admin' | 'operator', zone_id = 'zone-a') =>
      at.server.addKey({ subject, role, zone_id });
    keys.boss = await add('boss', 'admin');
    keys.low = await add('boss', 'operator');
    keys.admin = await add('other', 'admin');
    keys.ada = await add('ada', 'operator');
    const form = { agent_id: 'helper', name: 'H', generate_api_key: true };
    const { body } = await at.ask('POST', '/api/v2/agents', form, { key: keys.ada });
    keys.agent = String(body.api_key);
  });
  afterAll(() => at.server.stop());

  const create = async (by: By): Promise<string> => String((await at.ask('POST', ROOT, LINE, by)).body.id);
  const patch = (id: string, body: object, by: By) => at.ask('PATCH', `${ROOT}/${id}`, body, by);
  /** Subject and zone of the key that its tasks run by. */
  const runsAs = async (id: string): Promise<unknown> => {
    const { body } = await at.ask('POST', `${ROOT}/${id}/run`, undefined, { headers: { 'x-nexus-zone-id': 'zone-a' } });
    return at.server.sql.read((tx) =>
      tx.get(
        'SELECT k.subject_id AS who, k.role, k.zone_id FROM jobs j JOIN keys k ON k.key_id = j.key_id WHERE j.job_id = ?',
        [String(body.id)],
      ),
    );
  };

  test('is changed by no agent that it was made for, and by nobody else who only sees it', async () => {
    const mine = await create({ key: keys.ada, agent: 'helper' });
    const boss = await create({ key: keys.boss, agent: 'helper' });
    for (const id of [mine, boss]) {
      for (const work of WORK) {
        const { status, body } = await patch(id, work, { key: keys.agent });
        expect([status, body.error?.code]).toEqual([403, 'ACCESS_DENIED']);
      }
      expect((await patch(id, { ...LINE, name: 'renamed' }, { key: keys.agent })).body.name).toBe('renamed');
    }
    expect(await runsAs(mine)).toMatchObject({ who: 'ada' });
    expect((await patch(mine, WORK[0]!, { key: keys.ada })).status).toBe(200);
  });

  test('is seen with all others of the zone by an admin whose subject is an agent', async () => {
    const form = { name: 'chief', subject_type: 'agent', role: 'admin', zone_id: 'zone-a' };
    const { key } = await at.server.ok('admin_create_key', form);
    const mine = await create({ key: keys.ada });
    expect((await at.ask('GET', `${ROOT}/${mine}`, undefined, { key })).status).toBe(200);
    expect((await at.ask('GET', `${ROOT}/${mine}`, undefined, { key: keys.agent })).status).toBe(404);
  });

  test('is done by the key of whoever of its owners said it last', async () => {
    const id = await create({ key: keys.boss });
    expect((await patch(id, { name: 'renamed' }, { key: keys.low })).status).toBe(200);
    expect(await runsAs(id)).toMatchObject({ who: 'boss', role: 'admin' });
    expect((await patch(id, { payload: { value: 2 } }, { key: keys.low })).status).toBe(200);
    expect(await runsAs(id)).toMatchObject({ who: 'boss', role: 'operator' });
  });

  test('is changed by admins, and stays its owner’s; not what an admin of root has it do', async () => {
    const id = await create({ key: keys.ada });
    expect((await patch(id, { payload: { value: 2 } }, { key: keys.admin })).status).toBe(200);
    expect(await runsAs(id)).toMatchObject({ who: 'ada', role: 'operator' });
    const above = await create({ headers: { 'x-nexus-zone-id': 'zone-a' } });
    expect((await patch(above, WORK[0]!, { key: keys.admin })).status).toBe(403);
    expect(await runsAs(above)).toMatchObject({ zone_id: 'root' });
  });
});
