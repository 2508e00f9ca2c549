/** The registry and the lifecycle by its doors: who may what, what is answered, told and counted, and many callers at once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, type Answered, type By, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';

const ROOT = '/api/v2/agents';

forEachEngine('agents', (engine) => {
  let at: AgentServer;
  let ada: string;
  let eve: string;
  let viewer: string;
  beforeAll(async () => {
    at = await startAgentServer(engine);
    ada = await at.server.addKey({ subject: 'ada' });
    eve = await at.server.addKey({ subject: 'eve' });
    viewer = await at.server.addKey({ subject: 'vera', role: 'viewer' });
  });
  afterAll(() => at.server.stop());

  const register = (agent_id: string, more: object = {}, by: By = { key: ada }): Promise<Answered> =>
    at.ask('POST', ROOT, { agent_id, name: 'A', ...more }, by);
  const move = (agent_id: string, target_state: string, more: object = {}, by: By = { key: ada }): Promise<Answered> =>
    at.ask('POST', `${ROOT}/${agent_id}/transition`, { target_state, ...more }, by);
  const beat = (agent_id: string, more: object = {}, by: By = { key: ada }): Promise<Answered> =>
    at.ask('POST', `${ROOT}/${agent_id}/heartbeat`, more, by);
  const code = ({ status, body }: Answered): unknown => [status, body.error?.code];

  test('one is registered once; again with equal fields changes nothing, with other ones is refused', async () => {
    const given = { description: 'd', capabilities: ['b', 'a', 'b'], metadata: { x: 1, y: [2] } };
    const first = await register('once', given);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      agent_id: 'once',
      id: 'once',
      name: 'A',
      description: 'd',
      user_id: 'ada',
      zone_id: 'root',
      state: 'UNKNOWN',
      generation: 0,
      capabilities: ['a', 'b'],
      metadata: { x: 1, y: [2] },
      spec_generation: 0,
      last_heartbeat: null,
      stale: false,
      has_api_key: false,
    });
    const again = await register('once', { ...given, metadata: { y: [2], x: 1 } });
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, already_registered: true });
    const message = 'Agent once is already registered; use update_agent';
    for (const other of [{ name: 'B' }, { description: 'e' }, { metadata: {} }, { generate_api_key: true }]) {
      const refused = await register('once', { ...given, ...other });
      expect([refused.status, refused.body.detail]).toEqual([409, message]);
    }
    expect(await at.eventsOf('once')).toEqual(['agent.registered']);
  });

  test.each(['', '-a', 'a b', 'a/b', 'x'.repeat(129), 7])('%j is no id', async (agent_id) => {
    expect(code(await at.ask('POST', ROOT, { agent_id, name: 'A' }))).toEqual([422, 'INVALID_PARAMS']);
  });

  test('ids take all that may stand in one, and unknown fields are nothing', async () => {
    const agent_id = '_Az9.:,@-';
    expect((await register(agent_id, { nonsense: 1 })).status).toBe(201);
    const path = `${ROOT}/${encodeURIComponent(agent_id)}`;
    expect((await at.ask('GET', path)).body).toMatchObject({ agent_id });
    expect((await at.ask('PATCH', `${path}/`, { name: 'B', more: 1 }, { key: ada })).body).toMatchObject({ name: 'B' });
  });

  test('a field that is given is replaced whole, and an equal one is no change', async () => {
    await register('updated', { metadata: { a: 1, b: 2 }, capabilities: ['x'] });
    const change = { metadata: { b: 3 }, description: 'now' };
    const { body } = await at.ask('PATCH', `${ROOT}/updated`, change, { key: ada });
    expect(body).toMatchObject({ name: 'A', metadata: { b: 3 }, description: 'now', capabilities: ['x'] });
    expect((await at.ask('PATCH', `${ROOT}/updated`, change, { key: ada })).body).toEqual(body);
    expect(await at.eventsOf('updated')).toEqual(['agent.registered', 'agent.updated']);
  });

  test('the bare answers of JSON-RPC, and 404 by route', async () => {
    const { server } = at;
    expect(await server.ok('get_agent', { agent_id: 'nobody' })).toBeNull();
    expect(await server.ok('delete_agent', { agent_id: 'nobody' })).toBe(false);
    expect(code(await at.ask('GET', `${ROOT}/nobody`))).toEqual([404, 'AGENT_NOT_FOUND']);
    expect(code(await at.ask('DELETE', `${ROOT}/nobody`))).toEqual([404, 'AGENT_NOT_FOUND']);
    await server.ok('register_agent', { agent_id: 'bare', name: 'B' });
    expect(await server.ok('delete_agent', { agent_id: 'bare' })).toBe(true);
    for (const method of ['update_agent', 'agent_heartbeat', 'agent_status', 'agent_spec_get', 'agent_warmup']) {
      expect(await server.fault(method, { agent_id: 'bare' })).toBe('AGENT_NOT_FOUND');
    }
    expect(await server.fault('agent_transition', { agent_id: 'bare', target_state: 'IDLE' })).toBe('AGENT_NOT_FOUND');
    expect(await server.fault('agent_transition', { agent_id: 'bare', target_state: 'idle' })).toBe('INVALID_PARAMS');
  });

  test('everybody of the zone reads; who registered it, itself and admins change; itself may not delete', async () => {
    const { body } = await register('mine', { generate_api_key: true });
    const own = String(body.api_key);
    for (const key of [viewer, eve, own])
      expect((await at.ask('GET', `${ROOT}/mine`, undefined, { key })).status).toBe(200);
    expect(code(await register('of-viewer', {}, { key: viewer }))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await beat('mine', {}, { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await move('mine', 'CONNECTED', {}, { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await at.ask('PATCH', `${ROOT}/mine`, { name: 'E' }, { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    for (const by of [{ key: ada }, { key: own }, {}])
      expect((await move('mine', 'CONNECTED', {}, by)).status).toBe(200);
    expect(code(await at.ask('DELETE', `${ROOT}/mine`, undefined, { key: own }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await at.ask('DELETE', `${ROOT}/mine`, undefined, { key: ada })).status).toBe(204);
    expect((await at.ask('GET', ROOT, undefined, { key: own })).status).toBe(401);
  });

  test('a generated key is the agent, an operator without grants, and goes with it, as do its tuples', async () => {
    const { server } = at;
    const { body } = await register('keyed', { generate_api_key: true });
    const key = String(body.api_key);
    expect(body).toMatchObject({ has_api_key: true, key_id: expect.stringMatching(/^key-/) });
    expect((await at.ask('GET', `${ROOT}/keyed`)).body).not.toHaveProperty('api_key');
    expect(await server.ok('whoami', {}, key)).toMatchObject({
      subject_type: 'agent',
      subject_id: 'keyed',
      role: 'operator',
      agent_id: 'keyed',
      inherit_permissions: false,
    });
    await server.ok('write', { path: '/agents/a', content: 'a' });
    expect(await server.fault('read', { path: '/agents/a' }, key)).toBe('ACCESS_DENIED');
    const agent = ['agent', 'keyed'] as const;
    await server.ok('rebac_create', { subject: agent, relation: 'direct_viewer', object: ['file', '/agents'] });
    await server.ok('read', { path: '/agents/a' }, key);
    await server.ok('delete_agent', { agent_id: 'keyed' });
    expect((await server.rpc('read', { path: '/agents/a' }, key)).status).toBe(401);
    expect(await server.ok('rebac_list_tuples', { subject: agent })).toEqual([]);
    const check = { subject: agent, permission: 'read', object: ['file', '/agents/a'] } as const;
    expect(await server.ok('rebac_check', check)).toBe(false);
    expect(await at.eventsOf('keyed')).toEqual(['agent.registered', 'agent.deleted']);
  });

  test('whoever comes first takes over nothing that others gave to an id', async () => {
    const { server } = at;
    await server.ok('rebac_create', {
      subject: ['agent', 'granted'],
      relation: 'direct_viewer',
      object: ['file', '/agents'],
    });
    const { key } = await server.ok('admin_create_key', { name: 'k', subject_type: 'agent', subject_id: 'with-key' });
    await at.ask('POST', '/api/v2/ipc/provision/with-inbox', {}, { key: ada });
    for (const id of ['granted', 'with-key', 'with-inbox']) {
      expect(code(await register(id, { generate_api_key: true }, { key: eve })), id).toEqual([403, 'ACCESS_DENIED']);
    }
    expect((await register('with-key', {}, { key })).status).toBe(201);
    expect((await register('with-inbox')).status).toBe(201);
    expect((await register('granted', {}, {})).status).toBe(201);
  });

  test('nor any work that others submitted for it, or for the executor by its name', async () => {
    const root = '/api/v2/scheduler';
    const post = async (path: string, body: object, by: By): Promise<string> => {
      const answer = await at.ask('POST', `${root}${path}`, body, by);
      expect(answer.status, path).toBeLessThan(300);
      return String(answer.body.id);
    };
    const task = (executor: string, by: By): Promise<string> => post('/submit', { executor, task_type: 't' }, by);
    const line = { name: 's', cron: '@yearly', task_type: 't' };
    const claim = (executor: string) => post('/claim', { executor, lease_seconds: 3600 }, {});

    await task('some', { key: ada, agent: 'waiting' });
    const done = await task('some-other', { key: ada, agent: 'done' });
    await claim('some-other');
    await post(`/task/${done}/complete`, { fencing_token: 1 }, {});
    await post('/schedules', { ...line, executor: 'some' }, { key: ada, agent: 'planned' });
    await task('farm', { key: ada });
    await task('busy-farm', { key: ada });
    await claim('busy-farm');
    await post('/schedules', { ...line, executor: 'planned-farm' }, { key: ada });
    for (const id of ['waiting', 'done', 'planned', 'farm', 'busy-farm', 'planned-farm']) {
      expect(code(await register(id, { generate_api_key: true }, { key: eve })), id).toEqual([403, 'ACCESS_DENIED']);
      expect((await register(id)).status, id).toBe(201);
    }
    // What is over is no more to be had by the name of an executor.
    const over = await task('old-farm', { key: ada });
    await claim('old-farm');
    await post(`/task/${over}/complete`, { fencing_token: 1 }, {});
    expect((await register('old-farm', {}, { key: eve })).status).toBe(201);
  });

  test('an agent that left work behind is registered again by whose it was', async () => {
    const { body } = await register('again', { generate_api_key: true });
    const task = { executor: 'some', task_type: 't' };
    expect((await at.ask('POST', '/api/v2/scheduler/submit', task, { key: String(body.api_key) })).status).toBe(201);
    await at.ask('DELETE', `${ROOT}/again`, undefined, { key: ada });
    expect(code(await register('again', {}, { key: eve }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await register('again')).status).toBe(201);
  });

  test('each entry into CONNECTED is a generation; forbidden moves name what is allowed', async () => {
    await register('mover');
    const wrong = await move('mover', 'IDLE');
    expect([wrong.status, wrong.body.detail]).toEqual([409, 'Invalid transition: UNKNOWN → IDLE']);
    expect(wrong.body.error?.data).toEqual({
      reason: 'INVALID_TRANSITION',
      from: 'UNKNOWN',
      to: 'IDLE',
      allowed: ['CONNECTED'],
    });
    const generations: unknown[] = [];
    for (const state of [
      'CONNECTED',
      'CONNECTED',
      'IDLE',
      'CONNECTED',
      'SUSPENDED',
      'CONNECTED',
      'IDLE',
      'SUSPENDED',
    ]) {
      const { status, body } = await move('mover', state);
      expect([status, body.state]).toEqual([200, state]);
      generations.push(body.generation);
    }
    expect(generations).toEqual([1, 2, 2, 3, 3, 4, 4, 4]);
    for (const state of ['IDLE', 'SUSPENDED', 'UNKNOWN']) expect((await move('mover', state)).status).toBe(409);
  });

  test('an older incarnation neither moves nor keeps alive', async () => {
    await register('old');
    await move('old', 'CONNECTED');
    await move('old', 'CONNECTED', { expected_generation: 1 });
    // Before the move is looked at.
    for (const refused of [
      await move('old', 'UNKNOWN', { expected_generation: 1 }),
      await beat('old', { expected_generation: 1 }),
    ]) {
      expect([refused.status, refused.body.detail]).toEqual([409, 'Stale generation: expected 1, current 2']);
      expect(refused.body.error?.data).toMatchObject({ reason: 'STALE_GENERATION', expected: 1, current: 2 });
    }
    expect((await at.ask('GET', `${ROOT}/old`)).body.last_heartbeat).toBeNull();
    const { status, body } = await beat('old', { expected_generation: 2 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: true, agent_id: 'old', state: 'CONNECTED', generation: 2, stale: false });
    expect(body.heartbeat_seconds).toBe(30);
    expect((await at.ask('GET', `${ROOT}/old`)).body.last_heartbeat).toBe(body.last_heartbeat);
  });

  test('of 100 moves at once that expect the same generation one wins', async () => {
    await register('raced');
    const all = await Promise.all(
      Array.from({ length: 100 }, () => move('raced', 'CONNECTED', { expected_generation: 0 })),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(all.filter(({ body }) => body.error?.data?.reason === 'STALE_GENERATION')).toHaveLength(99);
    expect((await at.ask('GET', `${ROOT}/raced`)).body.generation).toBe(1);
    expect(await at.eventsOf('raced')).toEqual(['agent.registered', 'agent.transition']);
  });

  test('of many that register the same at once one does, and the others are told', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => register('crowd', { capabilities: ['c'] })));
    expect(all.map(({ status }) => status).toSorted()).toEqual([...Array(19).fill(200), 201]);
    expect(await at.eventsOf('crowd')).toEqual(['agent.registered']);
  });

  test('heartbeats, moves and updates at once lose nothing of each other', async () => {
    await register('busy');
    await move('busy', 'CONNECTED');
    await Promise.all([
      ...Array.from({ length: 10 }, (_, n) => beat('busy', { resource_usage: { tokens_used: n } })),
      ...Array.from({ length: 10 }, (_, n) => at.ask('PATCH', `${ROOT}/busy`, { description: `d${n}` }, { key: ada })),
      ...Array.from({ length: 10 }, () => move('busy', 'CONNECTED')),
      at.ask('PUT', `${ROOT}/busy/spec`, { agent_type: 't', capabilities: ['c'] }, { key: ada }),
    ]);
    expect((await at.ask('GET', `${ROOT}/busy`)).body).toMatchObject({
      generation: 11,
      capabilities: ['c'],
      spec_generation: 1,
      description: expect.stringMatching(/^d\d$/),
      last_heartbeat: expect.any(String),
    });
  });

  test('the limits of zone and server, and what counts', async () => {
    const { server } = at;
    await server.ok('zone_create', { zone_id: 'few', name: 'F', limits: { agents: 2 } });
    const key = await server.addKey({ zone_id: 'few', role: 'admin' });
    const all = await Promise.all(Array.from({ length: 5 }, (_, n) => register(`a${n}`, {}, { key })));
    expect(all.filter(({ status }) => status === 201)).toHaveLength(2);
    expect(all.filter((one) => one.status === 507 && one.body.error?.data?.quota === 'max_agents')).toHaveLength(3);
    expect(await server.ok('zone_get', { zone_id: 'few' })).toMatchObject({ usage: { agents: 2 } });
    const big = await register('big', { metadata: { x: 'x'.repeat(17_000) } });
    expect([big.status, big.body.error?.data?.limit]).toEqual([400, 'AGENT_METADATA_BYTES']);
    const tokens = Array.from({ length: 65 }, (_, n) => `c${n}`);
    expect(code(await register('able', { capabilities: tokens }))).toEqual([422, 'INVALID_PARAMS']);
    expect(code(await register('able', { capabilities: ['a b'] }))).toEqual([422, 'INVALID_PARAMS']);
  });

  test('of another zone nothing is seen, and one that never was is an empty list to a root admin', async () => {
    const { server } = at;
    await server.ok('zone_create', { zone_id: 'other', name: 'O' });
    const key = await server.addKey({ zone_id: 'other', role: 'admin' });
    await register('same-id');
    expect(await server.ok('get_agent', { agent_id: 'same-id' }, key)).toBeNull();
    expect((await register('same-id', {}, { key })).status).toBe(201);
    expect(await server.ok('agent_list_by_zone', { zone_id: 'other' })).toHaveLength(1);
    expect(await server.ok('agent_list_by_zone', { zone_id: 'other', state: 'IDLE' })).toEqual([]);
    expect(await server.ok('agent_list_by_zone', { zone_id: 'never-was' })).toEqual([]);
    expect(await server.fault('agent_list_by_zone', { zone_id: 'root' }, key)).toBe('ACCESS_DENIED');
    expect(await server.fault('agent_list_by_zone', { zone_id: 'root', state: 'idle' })).toBe('INVALID_PARAMS');
  });

  test('a call is made for an own agent or one that nobody registered, and for any by an admin', async () => {
    await register('acting');
    const asks = (key: string | undefined, agent: string): Promise<Answered> =>
      at.ask('GET', '/api/auth/whoami', undefined, { ...(key ? { key } : {}), agent });
    expect((await asks(ada, 'acting')).body).toMatchObject({ agent_id: 'acting' });
    expect((await asks(eve, 'nobody-yet')).body).toMatchObject({ agent_id: 'nobody-yet' });
    expect((await asks(undefined, 'acting')).body).toMatchObject({ agent_id: 'acting' });
    expect(code(await asks(eve, 'acting'))).toEqual([403, 'ACCESS_DENIED']);
    const put = await at.ask('POST', ROOT, { agent_id: 'by-eve', name: 'E' }, { key: eve, agent: 'acting' });
    expect(code(put)).toEqual([403, 'ACCESS_DENIED']);
  });

  test('all tasks of an executor are for its agent, its user, and whoever may execute it', async () => {
    const { server } = at;
    const { body } = await register('runner', { generate_api_key: true });
    const own = String(body.api_key);
    const submit = async (): Promise<unknown> => {
      const task = { executor: 'runner', task_type: 't' };
      return (await at.ask('POST', '/api/v2/scheduler/submit', task, {})).body.id;
    };
    const claim = async (key: string, agent?: string): Promise<unknown[]> => {
      const by = agent === undefined ? { key } : { key, agent };
      const { body: got } = await at.ask('POST', '/api/v2/scheduler/claim', { executors: ['runner', 'x'] }, by);
      return (got.tasks as { id: string }[]).map(({ id }) => id);
    };
    const tasks = [await submit(), await submit(), await submit()];
    expect(await claim(eve)).toEqual([]);
    expect(await claim(own)).toEqual([tasks[0]]);
    expect(await claim(ada)).toEqual([tasks[1]]);
    await server.ok('rebac_create', {
      subject: ['user', 'eve'],
      relation: 'direct_owner',
      object: ['agent', 'runner'],
    });
    expect(await claim(eve)).toEqual([tasks[2]]);
  });

  test('an owner sees what the server told of his agents, others do not', async () => {
    await register('watched');
    await move('watched', 'CONNECTED');
    const seen = async (key: string): Promise<number> => {
      const { body } = await at.ask('GET', '/api/v2/events?operation_type=agent.transition&limit=1000', undefined, {
        key,
      });
      return (body.events as { object: { id: string } }[]).filter(({ object }) => object.id === 'watched').length;
    };
    expect([await seen(ada), await seen(eve)]).toEqual([1, 0]);
  });
});
