/** Inboxes: who sends and reads, in which order, what is refused, what expires, and that nothing is lost in a crowd. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, type Answered, type By, startAgentServer } from '../../../test/agent-server.ts';
import { type Bare, openBare } from '../../../test/bare.ts';
import { forEachEngine } from '../../../test/harness.ts';
import { ageOnce } from '../../roof/ageing.ts';

const ROOT = '/api/v2/ipc';

interface Message {
  readonly message_id: string;
  readonly filename: string;
  readonly sender: string;
  readonly payload: { readonly n?: number };
}

forEachEngine('inboxes', (engine) => {
  let at: AgentServer;
  let ada: string;
  let eve: string;
  beforeAll(async () => {
    const environment = {
      NEXUS_LIMIT_MAILBOX_MESSAGES: '30',
      NEXUS_LIMIT_MESSAGE_BYTES: '1000',
      NEXUS_LIMIT_AGENTS: '12',
    };
    at = await startAgentServer(engine, environment);
    ada = await at.server.addKey({ subject: 'ada' });
    eve = await at.server.addKey({ subject: 'eve' });
  });
  afterAll(() => at.server.stop());

  const provision = (agent: string, by: By = { key: ada }): Promise<Answered> =>
    at.ask('POST', `${ROOT}/provision/${agent}`, undefined, by);
  const send = (sender: string, recipient: string, more: object = {}, by: By = { key: ada }): Promise<Answered> =>
    at.ask('POST', `${ROOT}/send`, { sender, recipient, type: 'note', payload: {}, ...more }, by);
  const inbox = (agent: string, query = '', by: By = { key: ada }): Promise<Answered> =>
    at.ask('GET', `${ROOT}/inbox/${agent}${query}`, undefined, by);
  const count = async (agent: string): Promise<unknown> => (await inbox(agent, '/count')).body.count;
  const code = ({ status, body }: Answered): unknown => [status, body.error?.code];

  test('is made once, for an agent that need not be registered', async () => {
    const first = await provision('made');
    expect([first.status, first.body]).toEqual([201, { agent_id: 'made', provisioned: true, created: true }]);
    const again = await provision('made');
    expect([again.status, again.body]).toMatchObject([200, { agent_id: 'made', provisioned: true }]);
    expect(code(await send('ada', 'not-made'))).toEqual([404, 'AGENT_NOT_FOUND']);
    expect(code(await inbox('not-made', '', {}))).toEqual([404, 'AGENT_NOT_FOUND']);
  });

  test('has its messages oldest first, and counts them', async () => {
    await provision('ordered');
    for (const n of [0, 1, 2]) {
      const { status, body } = await send('ada', 'ordered', { payload: { n }, correlation_id: 'c', unknown: 1 });
      expect([status, body]).toEqual([200, { message_id: expect.any(String), status: 'sent' }]);
    }
    const { body } = await inbox('ordered');
    const messages = body.messages as Message[];
    expect(messages.map(({ payload }) => payload.n)).toEqual([0, 1, 2]);
    expect(body).toMatchObject({ agent_id: 'ordered', total: 3, has_more: false });
    const [first] = messages;
    expect(first).toMatchObject({ sender: 'ada', type: 'note', correlation_id: 'c', created_at: expect.any(String) });
    expect(first?.filename).toBe(`${first?.message_id}.json`);
    expect((await inbox('ordered', '/count')).body).toEqual({ agent_id: 'ordered', count: 3 });
    const path = `${ROOT}/inbox/ordered/${first?.message_id}`;
    expect((await at.ask('DELETE', path, undefined, { key: ada })).status).toBe(204);
    expect(code(await at.ask('DELETE', path, undefined, { key: ada }))).toEqual([404, 'NOT_FOUND']);
    expect(await count('ordered')).toBe(2);
    const page = (await inbox('ordered', '?limit=1')).body;
    expect(page).toMatchObject({ total: 2, has_more: true });
    const rest = (await inbox('ordered', `?limit=1&cursor=${String(page.next_cursor)}`)).body;
    expect((rest.messages as Message[]).map(({ payload }) => payload.n)).toEqual([2]);
    expect(rest.has_more).toBe(false);
  });

  test('is open to its agent, its user and admins; before it is registered, to whoever made it', async () => {
    await provision('shut');
    await send('eve', 'shut', {}, { key: eve });
    expect(code(await inbox('shut', '', { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await inbox('shut', '/count', { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await inbox('shut')).body.total).toBe(1);
    expect((await inbox('shut', '', {})).body.total).toBe(1);
    const { body } = await at.ask(
      'POST',
      '/api/v2/agents',
      { agent_id: 'shut', name: 'S', generate_api_key: true },
      {},
    );
    // Registered by the admin, it is no longer that of whoever made its inbox.
    expect(code(await inbox('shut'))).toEqual([403, 'ACCESS_DENIED']);
    expect((await inbox('shut', '', { key: String(body.api_key) })).body.total).toBe(1);
    expect((await at.ask('GET', '/api/v2/agents/shut/status')).body.inbox_depth).toBe(1);
    await at.ask('DELETE', '/api/v2/agents/shut');
    expect(code(await inbox('shut', '', {}))).toEqual([404, 'AGENT_NOT_FOUND']);
  });

  test('takes nothing in the name of another', async () => {
    await provision('named');
    const { body } = await at.ask(
      'POST',
      '/api/v2/agents',
      { agent_id: 'adas', name: 'A', generate_api_key: true },
      { key: ada },
    );
    const own = String(body.api_key);
    for (const sender of ['ada', 'adas', 'nobody-yet']) expect((await send(sender, 'named')).status, sender).toBe(200);
    expect((await send('adas', 'named', {}, { key: own })).status).toBe(200);
    expect((await send('anybody', 'named', {}, {})).status).toBe(200);
    expect(code(await send('adas', 'named', {}, { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await send('ada', 'named', {}, { key: own }))).toEqual([403, 'ACCESS_DENIED']);
    // Nor of somebody who is no agent, by his name or by an agent of that name.
    expect(code(await send('eve', 'named'))).toEqual([403, 'ACCESS_DENIED']);
    const eves = { agent_id: 'eve', name: 'E' };
    expect(code(await at.ask('POST', '/api/v2/agents', eves, { key: ada }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await at.ask('POST', '/api/v2/agents', eves, { key: eve })).status).toBe(201);
    expect((await send('eve', 'named', {}, { key: eve })).status).toBe(200);
    expect((await send('eve', 'named', {}, {})).status).toBe(200);
  });

  test('there are no more of them, nor of agents, than there may be', async () => {
    await at.server.ok('zone_create', { zone_id: 'tiny', name: 'T' });
    const by = { key: await at.server.addKey({ zone_id: 'tiny', role: 'admin' }) };
    const ids = Array.from({ length: 14 }, (_, n) => `t${n}`);
    const boxes = await Promise.all(ids.map((id) => provision(id, by)));
    const agents = await Promise.all(
      ids.map((id) => at.ask('POST', '/api/v2/agents', { agent_id: id, name: 'T' }, by)),
    );
    for (const all of [boxes, agents]) {
      expect(all.filter(({ status }) => status === 201)).toHaveLength(12);
      const refused = { code: 'TOO_MANY', data: { limit: 'AGENTS', maximum: 12 } };
      expect(all.filter(({ status }) => status === 429).map(({ body }) => body.error)).toMatchObject([
        refused,
        refused,
      ]);
    }
  });

  test('holds no more and nothing larger than it may, however many send at once', async () => {
    await provision('full');
    const all = await Promise.all(Array.from({ length: 40 }, (_, n) => send('ada', 'full', { payload: { n } })));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(30);
    const refused = all.find(({ status }) => status !== 200);
    expect(refused).toMatchObject({
      status: 429,
      body: { error: { code: 'TOO_MANY', data: { limit: 'MAILBOX_MESSAGES', maximum: 30 } } },
    });
    expect(await count('full')).toBe(30);
    const big = await send('ada', 'full', { payload: { text: 'x'.repeat(1000) } });
    expect([big.status, big.body.error?.data?.limit]).toEqual([400, 'MESSAGE_BYTES']);
    expect(code(await send('ada', 'full', { payload: [1] }))).toEqual([422, 'INVALID_PARAMS']);
  });
});

forEachEngine('messages under a clock', (engine) => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare(engine);
  });
  afterAll(() => bare.close());

  test('one whose time is over is gone from list and count at once, and its row soon', async () => {
    const agent_id = 'brief';
    await bare.call('inbox.provision', { agent_id });
    const letter = { sender: 'nexus', recipient: agent_id, type: 't' };
    await bare.call('inbox.send', { ...letter, ttl_seconds: 10 });
    await bare.call('inbox.send', letter);
    bare.clock.set(bare.clock.now() + 9_999);
    expect(await bare.call('inbox.count', { agent_id })).toMatchObject({ count: 2 });
    bare.clock.set(bare.clock.now() + 1);
    expect(await bare.call('inbox.count', { agent_id })).toMatchObject({ count: 1 });
    expect(await bare.call('inbox.list', { agent_id })).toMatchObject({ total: 1, messages: [{ expires_at: null }] });
    const rows = () => bare.sql.read((tx) => tx.get('SELECT COUNT(*) AS n FROM messages'));
    expect(await rows()).toEqual({ n: 2 });
    await Promise.all([1, 2].map(() => ageOnce(bare.step, { signal: new AbortController().signal, beating: true })));
    expect(await rows()).toEqual({ n: 1 });
  });
});
