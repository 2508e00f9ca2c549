/** `user:admin` of two zones are two people: what a root admin makes in a zone is not its namesake's there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

forEachEngine('a namesake from another zone', (engine) => {
  let server: TestServer;
  let namesake: string;

  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.addZone('corp');
    namesake = await server.addKey({ zone_id: 'corp', subject: 'admin', role: 'operator' });
  });
  afterAll(() => server.stop());

  const ask = async (key: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'x-tenant': 'corp', 'x-nexus-zone-id': 'corp' };
    const sent = body && { method: 'POST', body: JSON.stringify(body) };
    const json = body ? { 'content-type': 'application/json' } : {};
    const answer = await server.http(path, { ...sent, headers: { ...headers, ...json } });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const submitted = async (key: string): Promise<string> => {
    const task = { executor: 'own', task_type: 'secret', payload: { value: 1 }, idempotency_key: 'same' };
    const { body } = await ask(key, '/api/v2/scheduler/submit', task);
    return body.id;
  };

  test('sees neither tasks nor their events, nor an agent of his, and queues tasks of his own', async () => {
    const id = await submitted(ADMIN_KEY);
    const own = await submitted(namesake);
    expect(own).not.toBe(id);
    expect((await ask(namesake, `/api/v2/scheduler/task/${id}`)).status).toBe(404);
    expect((await ask(namesake, `/api/v2/scheduler/task/${own}`)).status).toBe(200);
    const listed = await ask(namesake, '/api/v2/scheduler/tasks');
    expect(listed.body.tasks.map((task: { id: string }) => task.id)).toEqual([own]);
    const { body } = await ask(namesake, '/api/v2/events?limit=100');
    const told = JSON.stringify(body.events);
    expect([told.includes(own), told.includes(id)]).toEqual([true, false]);
    expect(await server.ok('register_agent', { agent_id: 'his', name: 'x', zone_id: 'corp' }, ADMIN_KEY)).toBeTruthy();
    expect(await server.fault('update_agent', { agent_id: 'his', name: 'y' }, namesake)).toBe('ACCESS_DENIED');
  });
});
