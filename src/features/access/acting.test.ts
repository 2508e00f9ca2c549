/** The header X-Agent-ID: what it is noted in, and that it opens nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

interface Answer {
  readonly agent_id?: string | null;
  readonly error?: { readonly code: string };
}

forEachEngine('the acting agent', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const ask = async (key: string, agent: string, path = '/api/auth/whoami', init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${key}`, 'x-agent-id': agent };
    const answer = await server.http(path, { ...init, headers });
    return { status: answer.status, body: (await answer.json()) as Answer };
  };
  const botKey = async () =>
    (await server.ok('admin_create_key', { name: 'b', subject_type: 'agent', subject_id: 'bot', role: 'admin' })).key;

  test('is named in the event and the audit row of a change', async () => {
    const put = await ask(ADMIN_KEY, 'Scout.1:a,b@c-d', '/api/v2/files/noted', { method: 'PUT', body: 'x' });
    expect(put.status).toBe(201);
    const named = async (table: string) =>
      server.sql.read((tx) => tx.all(`SELECT agent_id FROM ${table} WHERE agent_id IS NOT NULL`));
    expect(await named('events')).toEqual([{ agent_id: 'Scout.1:a,b@c-d' }]);
    expect(await named('audit')).toEqual([{ agent_id: 'Scout.1:a,b@c-d' }]);
  });

  test('is told, and is the key itself where that is of an agent', async () => {
    expect((await ask(ADMIN_KEY, 'scout')).body).toMatchObject({ agent_id: 'scout', subject_id: 'admin' });
    expect((await ask(ADMIN_KEY, '')).body).toMatchObject({ agent_id: null });
    expect((await ask(await botKey(), 'bot')).body).toMatchObject({ agent_id: 'bot' });
  });

  test('is not another than the agent of the key', async () => {
    const refused = await ask(await botKey(), 'scout');
    expect([refused.status, refused.body.error?.code]).toEqual([403, 'ACCESS_DENIED']);
  });

  test.each(['-scout', 'a b', 'a/b', 'x'.repeat(129)])('%j is no id', async (agent) => {
    const refused = await ask(ADMIN_KEY, agent);
    expect([refused.status, refused.body.error?.code]).toEqual([422, 'INVALID_PARAMS']);
  });

  test('grants nothing that the agent has', async () => {
    await server.ok('write', { path: '/agents/a', content: '' });
    await server.ok('rebac_create', {
      subject: ['agent', 'bot'],
      relation: 'direct_owner',
      object: ['file', '/agents'],
    });
    const key = await server.addKey({ subject: 'ina' });
    expect((await ask(key, 'bot', '/api/v2/files/agents/a')).status).toBe(403);
  });

  test('counts for nothing without a credential', async () => {
    const headers = { 'x-agent-id': 'bot' };
    expect(await (await fetch(`${server.url}/api/auth/whoami`, { headers })).json()).toEqual({ authenticated: false });
    expect((await fetch(`${server.url}/api/zones`, { headers })).status).toBe(401);
  });
});
