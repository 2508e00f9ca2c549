/** What is wanted of an agent, what is observed, warmup, and finding agents by what they can do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, type Answered, type Body, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';

const ROOT = '/api/v2/agents';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly last_transition: string;
  readonly observed_generation: number;
}

forEachEngine('specs and status of agents', (engine) => {
  let at: AgentServer;
  beforeAll(async () => {
    at = await startAgentServer(engine);
  });
  afterAll(() => at.server.stop());

  const register = (agent_id: string, more: object = {}): Promise<Answered> =>
    at.ask('POST', ROOT, { agent_id, name: 'A', ...more });
  const put = (agent_id: string, more: object = {}, headers: Record<string, string> = {}): Promise<Answered> =>
    at.ask('PUT', `${ROOT}/${agent_id}/spec`, { agent_type: 't', capabilities: [], ...more }, { headers });
  const status = async (agent_id: string): Promise<Body> => (await at.ask('GET', `${ROOT}/${agent_id}/status`)).body;
  const warmup = (agent_id: string, body?: object): Promise<Answered> =>
    at.ask('POST', `${ROOT}/${agent_id}/warmup`, body);
  const condition = async (agent_id: string, type: string): Promise<Condition | undefined> =>
    ((await status(agent_id)).conditions as Condition[]).find((one) => one.type === type);
  const move = (agent_id: string, target_state: string): Promise<Answered> =>
    at.ask('POST', `${ROOT}/${agent_id}/transition`, { target_state });

  test('each accepted spec is a generation, an equal one too, and what it can do is sorted', async () => {
    await register('specced', { capabilities: ['registered'] });
    expect((await at.ask('GET', `${ROOT}/specced/spec`)).status).toBe(404);
    const spec = { agent_type: 'crawler', capabilities: ['b', 'a', 'b'], resource_requests: { any: 1 }, unknown: true };
    const whole = {
      agent_id: 'specced',
      zone_id: 'root',
      spec_generation: 1,
      agent_type: 'crawler',
      capabilities: ['a', 'b'],
      resource_requests: { any: 1 },
      resource_limits: {},
      qos_class: 'standard',
      zone_affinity: null,
    };
    const first = await put('specced', spec);
    expect([first.status, first.body]).toEqual([200, whole]);
    expect((await put('specced', spec)).body).toEqual({ ...whole, spec_generation: 2 });
    expect((await at.ask('GET', `${ROOT}/specced/spec`)).body).toEqual({ ...whole, spec_generation: 2 });
    expect((await at.ask('GET', `${ROOT}/specced`)).body).toMatchObject({
      capabilities: ['a', 'b'],
      spec_generation: 2,
    });
    expect(await at.eventsOf('specced')).toEqual(['agent.registered', 'agent.spec', 'agent.spec']);
  });

  test('what is no spec is refused and none registers an agent', async () => {
    await register('picky');
    for (const wrong of [
      { qos_class: 'gold' },
      { resource_requests: { cpu: 3 }, resource_limits: { cpu: 2 } },
      { resource_limits: { cpu: -1 } },
      { capabilities: ['a b'] },
      { capabilities: undefined },
      { agent_type: undefined },
    ]) {
      expect((await put('picky', wrong)).status, JSON.stringify(wrong)).toBe(422);
    }
    expect((await put('picky', { resource_requests: { cpu: 2 }, resource_limits: { cpu: 2 } })).status).toBe(200);
    expect((await put('never-registered')).status).toBe(404);
    expect((await at.ask('GET', `${ROOT}/never-registered`)).status).toBe(404);
  });

  test('If-Match lets a spec through only where it is the one that was read', async () => {
    await register('matched');
    expect((await put('matched', {}, { 'if-match': '"1"' })).status).toBe(412);
    expect((await put('matched', {}, { 'if-match': '"0"' })).body.spec_generation).toBe(1);
    const both = await Promise.all([1, 2].map(() => put('matched', {}, { 'if-match': '"1"' })));
    expect(both.map((one) => one.status).toSorted()).toEqual([200, 412]);
    expect((await at.ask('GET', `${ROOT}/matched/spec`)).body.spec_generation).toBe(2);
  });

  test('status is there before any warmup, with zeros until they are reported', async () => {
    await register('observed');
    const first = await status('observed');
    expect(first).toMatchObject({
      agent_id: 'observed',
      phase: 'pending',
      status: 'pending',
      state: 'UNKNOWN',
      generation: 0,
      observed_generation: 0,
      spec_generation: 0,
      resource_usage: { tokens_used: 0, storage_used_mb: 0, context_usage_pct: 0 },
      context_usage_pct: 0,
      inbox_depth: 0,
      last_heartbeat: null,
      last_activity: null,
      stale: false,
    });
    await move('observed', 'CONNECTED');
    expect((await status('observed')).phase).toBe('active');
    const usage = { tokens_used: 5, context_usage_pct: 12.5 };
    const report = { activity: 'thinking', observed_generation: 0, resource_usage: usage };
    await at.ask('POST', `${ROOT}/observed/heartbeat`, report);
    await at.ask('POST', `${ROOT}/observed/heartbeat`, { resource_usage: { storage_used_mb: 2 } });
    expect(await status('observed')).toMatchObject({
      phase: 'thinking',
      resource_usage: { ...usage, storage_used_mb: 2 },
      context_usage_pct: 12.5,
      last_heartbeat: expect.any(String),
      last_activity: expect.any(String),
    });
    await move('observed', 'IDLE');
    expect((await status('observed')).phase).toBe('idle');
    await move('observed', 'SUSPENDED');
    expect((await status('observed')).phase).toBe('suspended');
  });

  test('warmup finds what is missing, notes it, and is for the spec that it saw', async () => {
    await register('cold');
    const failed = await warmup('cold');
    expect(failed.status).toBe(422);
    expect(failed.body).toMatchObject({
      success: false,
      agent_id: 'cold',
      steps_completed: [],
      failed_step: 'load_spec',
      code: 'validation_error',
      error: { code: 'WARMUP_FAILED', data: { failed_step: 'load_spec', error: 'no spec was given yet; put one' } },
    });
    const rpc = await at.server.rpc('agent_warmup', { agent_id: 'cold' });
    expect(rpc.error).toMatchObject({ code: -422, data: { success: false, failed_step: 'load_spec' } });
    expect(await condition('cold', 'Warm')).toMatchObject({ status: 'False', reason: 'StepFailed' });
    expect(await condition('cold', 'SpecAccepted')).toMatchObject({ status: 'Unknown' });
    await put('cold');
    expect(await condition('cold', 'Warm')).toMatchObject({ status: 'Unknown', reason: 'SpecChanged' });
    const { status: answered, body } = await warmup('cold');
    expect(answered).toBe(200);
    expect(body).toEqual({
      success: true,
      agent_id: 'cold',
      steps_completed: ['load_spec', 'check_quota', 'warm_access'],
      steps_skipped: ['check_key'],
      failed_step: null,
      error: null,
      duration_ms: expect.any(Number),
    });
    expect(await status('cold')).toMatchObject({ phase: 'ready', observed_generation: 1 });
    const warm = await condition('cold', 'Warm');
    expect(warm).toMatchObject({ status: 'True', observed_generation: 1 });
    await warmup('cold');
    expect((await condition('cold', 'Warm'))?.last_transition).toBe(warm?.last_transition);
    await put('cold');
    expect(await status('cold')).toMatchObject({ phase: 'pending', observed_generation: 1, spec_generation: 2 });
    const events = await at.eventsOf('cold');
    expect(events).toEqual(['agent.registered', 'agent.spec', 'agent.warmed', 'agent.warmed', 'agent.spec']);
  });

  test('its checks are real: room in the zone, a working key', async () => {
    const { server } = at;
    await server.ok('zone_create', { zone_id: 'narrow', name: 'N', limits: { max_storage_bytes: 2 * 1024 * 1024 } });
    const key = await server.addKey({ zone_id: 'narrow', role: 'admin' });
    const rpc = (method: string, params: object) => server.rpc(method, params, key);
    await rpc('register_agent', { agent_id: 'fat', name: 'F', generate_api_key: true });
    const spec = { agent_id: 'fat', agent_type: 't', capabilities: [] };
    await rpc('agent_spec_put', { ...spec, resource_requests: { storage_limit_mb: 2 } });
    expect((await rpc('agent_warmup', { agent_id: 'fat' })).result).toMatchObject({
      steps_completed: ['load_spec', 'check_quota', 'warm_access', 'check_key'],
    });
    await rpc('write', { path: '/a', content: 'x' });
    expect((await rpc('agent_warmup', { agent_id: 'fat' })).error?.data).toMatchObject({ failed_step: 'check_quota' });
    const steps = [{ name: 'check_quota', required: false }, { name: 'check_key' }];
    const optional = await rpc('agent_warmup', { agent_id: 'fat', steps });
    expect(optional.result).toMatchObject({ steps_completed: ['check_key'], steps_skipped: ['check_quota'] });
    const { keys } = await server.ok('admin_list_keys', { zone_id: 'narrow' }, key);
    const own = keys.find(({ subject_type }) => subject_type === 'agent');
    await rpc('admin_revoke_key', { key_id: own?.key_id });
    const refused = await rpc('agent_warmup', { agent_id: 'fat', steps: [{ name: 'check_key' }] });
    expect(refused.error?.data).toMatchObject({ code: 'WARMUP_FAILED', failed_step: 'check_key' });
    expect(await server.ok('get_agent', { agent_id: 'fat' }, key)).toMatchObject({ has_api_key: false });
  });

  test('a step that does not exist is refused before anything is noted', async () => {
    await register('hasty');
    const unknown = await warmup('hasty', { steps: [{ name: 'check_weather' }] });
    expect([unknown.status, unknown.body.error?.code]).toEqual([422, 'INVALID_PARAMS']);
    expect((await warmup('hasty', { steps: [] })).status).toBe(422);
    expect(await condition('hasty', 'Warm')).toMatchObject({ reason: 'NeverWarmed' });
  });

  test('each filter finds exactly those that have what it asks for', async () => {
    const { server } = at;
    await server.ok('zone_create', { zone_id: 'able', name: 'A' });
    const key = await server.addKey({ zone_id: 'able', role: 'admin' });
    const ok = (method: string, params: object) => server.rpc(method, params, key);
    for (const [agent_id, capabilities] of [
      ['reader', ['read', 'Shared']],
      ['writer', ['write', 'Shared']],
      ['plain', []],
    ] as const) {
      await ok('register_agent', { agent_id, name: agent_id, capabilities });
    }
    const found = async (query: string): Promise<unknown[]> => {
      const { body } = await at.ask('GET', `${ROOT}?${query}`, undefined, { key });
      const agents = body.agents as { agent_id: string }[];
      expect(body.total, query).toBe(agents.length);
      return agents.map(({ agent_id }) => agent_id);
    };
    expect(await found('capability=read')).toEqual(['reader']);
    expect(await found('capability=write')).toEqual(['writer']);
    expect(await found('capability=shared')).toEqual([]);
    expect(await found('capability=Shared')).toEqual(['reader', 'writer']);
    expect(await found('capability=Shared&capability=read')).toEqual(['reader']);
    expect(await found('capability=write&capability=read')).toEqual([]);
    expect(await found('capability=write&capability=read&match=any')).toEqual(['reader', 'writer']);
    await ok('agent_spec_put', { agent_id: 'plain', agent_type: 'scribe', capabilities: ['write'] });
    await ok('update_agent', { agent_id: 'plain', capabilities: ['read'] });
    await ok('agent_transition', { agent_id: 'plain', target_state: 'CONNECTED' });
    expect(await found('capability=write')).toEqual(['plain', 'writer']);
    expect(await found('capability=read')).toEqual(['reader']);
    expect(await found('capability=write&state=CONNECTED&agent_type=scribe&stale=false')).toEqual(['plain']);
    expect(await found('stale=true')).toEqual([]);
    expect(await found('agent_type=other')).toEqual([]);
    const all = await server.ok('list_agents', { capability: ['read', 'write'], match: 'any' }, key);
    expect(all.map(({ agent_id }) => agent_id)).toEqual(['plain', 'reader', 'writer']);
    await ok('delete_agent', { agent_id: 'writer' });
    expect(await found('capability=write')).toEqual(['plain']);
  });

  test('pages go on where they ended, and a foreign cursor is none', async () => {
    const { server } = at;
    await server.ok('zone_create', { zone_id: 'paged', name: 'P' });
    const key = await server.addKey({ zone_id: 'paged', role: 'admin' });
    for (const n of [0, 1, 2, 3, 4]) await server.ok('register_agent', { agent_id: `p${n}`, name: 'P' }, key);
    const ids: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await at.ask('GET', `${ROOT}?limit=2${cursor}`, undefined, { key });
      ids.push(...(body.agents as { agent_id: string }[]).map(({ agent_id }) => agent_id));
      expect(body.total).toBe(5);
      if (!body.has_more) break;
      cursor = `&cursor=${String(body.next_cursor)}`;
    }
    expect(ids).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    const foreign = await at.ask('GET', `${ROOT}?cursor=x`, undefined, { key });
    expect([foreign.status, foreign.body.error?.code]).toEqual([400, 'INVALID_CURSOR']);
    expect((await at.ask('GET', `${ROOT}?limit=0`, undefined, { key })).status).toBe(422);
    expect((await at.ask('GET', `${ROOT}?limit=100000`, undefined, { key })).status).toBe(200);
  });
});
