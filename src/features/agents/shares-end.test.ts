/** What other zones share with an agent ends with it: exactly that, once, whoever sees to it, and nobody inherits it. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type AgentServer, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';
import { endNoted } from '../../roof/share-ends.ts';
import { systemSteps } from '../../roof/system.ts';

const ROOT = '/api/v2/agents';

forEachEngine('shares of agents with other zones', (engine) => {
  let at: AgentServer;
  let owner: string;
  beforeAll(async () => {
    at = await startAgentServer(engine);
    for (const zone of ['host', 'guest']) await at.server.addZone(zone);
    owner = await at.server.addKey({ zone_id: 'guest', subject: 'ada' });
    await at.server.ok('write', { zone_id: 'host', path: '/shared/a', content: 'x' });
  });
  afterAll(() => at.server.stop());

  const share = (agent: string, path: string): Promise<unknown> =>
    at.server.ok('rebac_create', {
      zone_id: 'host',
      subject: ['agent', agent],
      subject_zone_id: 'guest',
      relation: 'shared-viewer',
      object: ['file', path],
    });
  const register = async (agent_id: string, key = owner): Promise<{ status: number; key: string }> => {
    const asked = { agent_id, name: 'A', generate_api_key: true };
    const { status, body } = await at.ask('POST', ROOT, asked, { key });
    return { status, key: String(body.api_key) };
  };
  const remove = (agent_id: string): Promise<unknown> =>
    at.ask('DELETE', `${ROOT}/${agent_id}`, undefined, { key: owner });
  const reads = async (key: string): Promise<boolean> =>
    (await at.server.rpc('read', { path: '/zone/host/shared/a' }, key)).error === null;
  const used = async (): Promise<unknown> => (await at.server.ok('zone_get', { zone_id: 'host' })).usage.tuples;
  const noted = (): Promise<object[]> => at.server.sql.read((tx) => tx.all('SELECT tuple_id FROM share_ends', []));
  /** The house comes to it by itself. */
  const allEnded = (): Promise<void> =>
    vi.waitFor(async () => expect(await noted()).toEqual([]), { timeout: 30_000, interval: 50 });
  const revoked = async (): Promise<number> => {
    const rows = await at.server.sql.read((tx) =>
      tx.all("SELECT seq FROM events WHERE zone_id = 'host' AND type = 'revoke'", []),
    );
    return rows.length;
  };

  test('they end with it, in the log and the usage of the zone that shared; those of others stay', async () => {
    const [gone, stays] = [await register('gone'), await register('stays')];
    for (const agent of ['gone', 'stays']) await share(agent, '/shared');
    await share('gone', '/shared/a');
    expect([await reads(gone.key), await reads(stays.key), await used()]).toEqual([true, true, 3]);
    await remove('gone');
    await allEnded();
    expect([await used(), await revoked()]).toEqual([1, 2]);
    const again = await register('gone');
    expect([again.status, await reads(again.key), await reads(stays.key)]).toEqual([201, false, true]);
  });

  test('nobody is registered in its place while they end, admins neither; what is shared meanwhile stays', async () => {
    const { server } = at;
    await register('twice');
    await share('twice', '/shared/a');
    const [tuple] = await server.sql.read((tx) =>
      tx.all<{ tuple_id: string }>("SELECT tuple_id FROM tuples WHERE subject_id = 'twice'", []),
    );
    await remove('twice');
    await allEnded();
    await share('twice', '/shared');
    // As it is between the two: the house has not come to it yet, which it does soon.
    const [later] = await server.sql.read((tx) =>
      tx.all<{ tuple_id: string }>("SELECT tuple_id FROM tuples WHERE subject_id = 'twice'", []),
    );
    expect(later).not.toEqual(tuple);
    await server.sql.write('host', (tx) =>
      tx.run("INSERT INTO share_ends VALUES ('none', ?)", [String(later?.tuple_id)]),
    );
    const admin = await server.addKey({ zone_id: 'guest', role: 'admin' });
    expect((await register('twice', admin)).status).toBe(503);
    await server.sql.write('host', (tx) => tx.run("DELETE FROM share_ends WHERE zone_id = 'none'"));
    const { status, key } = await register('twice', admin);
    expect([status, await reads(key)]).toEqual([201, true]);
  });

  test('two passes at once, one of them broken off, end each of them once', async () => {
    await register('many');
    for (let n = 0; n < 20; n++) await share('many', `/shared/${n}`);
    const before = { used: Number(await used()), revoked: await revoked() };
    await remove('many');
    const step = systemSteps(at.server.running.server.runner);
    await endNoted({ step, signal: AbortSignal.abort() });
    await Promise.all([1, 2].map(() => endNoted({ step, signal: new AbortController().signal })));
    expect([await used(), await revoked(), await noted()]).toEqual([before.used - 20, before.revoked + 20, []]);
  });

  test('an id that another zone shares with is registered by nobody but itself and admins', async () => {
    await share('wanted', '/shared');
    expect((await register('wanted')).status).toBe(403);
    const admin = await at.server.addKey({ zone_id: 'guest', role: 'admin' });
    expect((await register('wanted', admin)).status).toBe(201);
  });
});
