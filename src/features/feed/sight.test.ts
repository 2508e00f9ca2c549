/** Whose events are seen by keys that have one user and stand for several subjects. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentServer, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine } from '../../../test/harness.ts';

forEachEngine('events of subjects', (engine) => {
  let at: AgentServer;
  const keys = new Map<string, string>();
  beforeAll(async () => {
    at = await startAgentServer(engine);
    keys.set('user:ada', await at.server.addKey({ subject: 'ada' }));
    const form = { agent_id: 'bot', name: 'B', generate_api_key: true };
    const { body } = await at.ask('POST', '/api/v2/agents', form, { key: keys.get('user:ada')! });
    keys.set('agent:bot', String(body.api_key));
    for (const [subject_type, subject_id] of [
      ['user', 'svc'],
      ['app', 'svc'],
      ['app', 'ada'],
    ] as const) {
      const params = { name: subject_id, user_id: 'ada', subject_type, subject_id, role: 'operator' };
      const { key } = await at.server.ok('admin_create_key', params);
      keys.set(`${subject_type}:${subject_id}`, key);
    }
    for (const [who, key] of keys) {
      const data = { who, user_subject: 'app:svc' };
      await at.ask('POST', '/api/v2/events', { type: 'app.built', data: who === 'user:ada' ? { who } : data }, { key });
      await at.ask('POST', '/api/v2/scheduler/submit', { executor: who, task_type: 't' }, { key });
    }
  });
  afterAll(() => at.server.stop());

  /** Whose events a key is shown. */
  const seen = async (who: string): Promise<[string[], string[]]> => {
    const { body } = await at.ask('GET', '/api/v2/events?limit=1000', undefined, { key: keys.get(who)! });
    const events = body.events as { type: string; data: { who: string; executor: string } }[];
    const of = (type: string) => events.filter((event) => event.type === type);
    return [
      of('app.built')
        .map(({ data }) => data.who)
        .sort(),
      of('job.queued')
        .map(({ data }) => data.executor)
        .sort(),
    ];
  };

  test('a user sees what is told of him; any other subject its own', async () => {
    const all = [...keys.keys()].sort();
    expect(await seen('user:ada')).toEqual([all, all]);
    for (const who of ['user:svc', 'app:ada', 'agent:bot']) expect(await seen(who)).toEqual([[who], [who]]);
    // An agent of the same user said of its own event that it was of this one.
    expect(await seen('app:svc')).toEqual([['agent:bot', 'app:svc'], ['app:svc']]);
  });
});
