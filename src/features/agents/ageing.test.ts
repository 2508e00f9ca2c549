/**
 * Silence under a clock of the test's: when an agent is stale, that each lapse is told once on however many nodes, and what
 * a heartbeat costs.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUDIT_KEY, type Bare, openBare } from '../../../test/bare.ts';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';
import { localRunner } from '../../core/transact.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { ageOnce } from '../../roof/ageing.ts';
import { systemSteps } from '../../roof/system.ts';
import { SYSTEM } from '../access/credentials.ts';
import { GrantCache } from '../access/grant-cache.ts';
import { moved, newLife } from './agent.ts';
import { insertAgent } from './agents.sql.ts';

const LIMIT = 90_000;
const ALWAYS = { signal: new AbortController().signal, beating: true };

interface Agent {
  readonly state: string;
  readonly generation: number;
  readonly stale: boolean;
  readonly last_heartbeat: string | null;
}

interface EventRow {
  readonly object_id: string;
  readonly user_id: string;
  readonly agent_id: string | null;
  readonly data: string;
}

forEachEngine('agents that fall silent', (engine) => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare(engine);
  });
  afterAll(() => bare.close());

  let made = 0;
  const ada = { ...SYSTEM, subject_type: 'user', subject_id: 'ada', user_id: 'ada' };
  const pass = (ms: number): void => bare.clock.set(bare.clock.now() + ms);
  const connect = async (): Promise<string> => {
    const agent_id = `silent-${made++}`;
    await bare.call('register_agent', { agent_id, name: 'S' }, ada);
    await bare.call('agent_transition', { agent_id, target_state: 'CONNECTED' }, ada);
    return agent_id;
  };
  const get = (agent_id: string): Promise<Agent> => bare.call('get_agent', { agent_id });
  const beat = (agent_id: string): Promise<unknown> => bare.call('agent_heartbeat', { agent_id }, ada);
  /** So many nodes at once. */
  const look = (nodes = 1): Promise<unknown> =>
    Promise.all(Array.from({ length: nodes }, () => ageOnce(bare.step, ALWAYS)));
  const told = (agent_id: string): Promise<EventRow[]> =>
    bare.sql.read((tx) =>
      tx.all<EventRow>(
        "SELECT object_id, user_id, agent_id, data FROM events WHERE type = 'agent.stale' AND object_id = ?",
        [agent_id],
      ),
    );

  test('at the limit nothing is said, behind it each lapse once, however many nodes look', async () => {
    const agent_id = await connect();
    pass(LIMIT);
    await look(4);
    expect(await get(agent_id)).toMatchObject({ stale: false, state: 'CONNECTED' });
    expect(await told(agent_id)).toEqual([]);
    pass(1);
    expect(await get(agent_id)).toMatchObject({ stale: true, state: 'CONNECTED', generation: 1 });
    await look(4);
    await look(4);
    const [event, ...more] = await told(agent_id);
    expect(more).toEqual([]);
    expect(event).toMatchObject({ user_id: 'ada', agent_id });
    expect(JSON.parse(event?.data ?? '')).toMatchObject({ state: 'CONNECTED', generation: 1 });
  });

  test('a heartbeat ends it at once, and the next lapse is told again', async () => {
    const agent_id = await connect();
    pass(LIMIT + 1);
    await look();
    await beat(agent_id);
    expect(await get(agent_id)).toMatchObject({ stale: false, state: 'CONNECTED', generation: 1 });
    await look(2);
    expect(await told(agent_id)).toHaveLength(1);
    pass(LIMIT + 1);
    await look(2);
    expect(await told(agent_id)).toHaveLength(2);
  });

  test('a lapse that is over before anybody looked is told too', async () => {
    const [one, other] = [await connect(), await connect()];
    pass(LIMIT + 1);
    await beat(one);
    await bare.call('agent_transition', { agent_id: other, target_state: 'IDLE' }, ada);
    await look(2);
    expect([(await told(one)).length, (await told(other)).length]).toEqual([1, 1]);
  });

  test('heartbeats in time put the lapse off without end', async () => {
    const agent_id = await connect();
    for (let i = 0; i < 10; i++) {
      pass(LIMIT / 3);
      await beat(agent_id);
      await look(2);
    }
    expect(await told(agent_id)).toEqual([]);
    expect(await get(agent_id)).toMatchObject({ stale: false });
  });

  test('what is suspended, or never connected, cannot lapse', async () => {
    const agent_id = await connect();
    await bare.call('agent_transition', { agent_id, target_state: 'SUSPENDED' }, ada);
    await bare.call('register_agent', { agent_id: 'waits', name: 'W' }, ada);
    pass(10 * LIMIT);
    await look(2);
    expect([await told(agent_id), await told('waits')]).toEqual([[], []]);
    expect([(await get(agent_id)).stale, (await get('waits')).stale]).toEqual([false, false]);
  });

  test('hundreds that fall silent together are all told, in few transactions', async () => {
    const now = bare.clock.now();
    const life = moved(newLife(now), 'CONNECTED', { now, limit: LIMIT });
    await bare.sql.write('root', async (tx) => {
      for (let i = 0; i < 600; i++) await insertAgent(tx, { ...ROW, agent_id: `crowd-${i}` }, life);
    });
    pass(LIMIT + 1);
    const rows = async (table: string, where: string): Promise<number> =>
      (await bare.sql.read((tx) => tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table} WHERE ${where}`)))?.n ?? 0;
    await look(2);
    expect(await rows('events', "type = 'agent.stale' AND object_id LIKE 'crowd-%'")).toBe(600);
    expect(await rows('audit', "action = 'agent.age'")).toBeLessThan(20);
    await bare.sql.write('root', (tx) => tx.run("DELETE FROM agents WHERE agent_id LIKE 'crowd-%'"));
    await bare.sql.write('root', (tx) => tx.run("DELETE FROM agent_lives WHERE agent_id LIKE 'crowd-%'"));
  });

  test('a heartbeat is three statements, and leaves no event and no audit row', async () => {
    const agent_id = await connect();
    const counts = async (): Promise<unknown> =>
      bare.sql.read((tx) => tx.get('SELECT (SELECT COUNT(*) FROM events) AS e, (SELECT COUNT(*) FROM audit) AS a'));
    const before = await counts();
    const from = bare.sql.stats().statements;
    const beats = 10;
    for (let i = 0; i < beats; i++) {
      pass(1);
      await beat(agent_id);
    }
    const statements = bare.sql.stats().statements - from;
    expect(statements).toBe(beats * BEAT_STATEMENTS);
    expect(await counts()).toEqual(before);
  });

  test('a look that finds nothing is two statements', async () => {
    await look();
    const from = bare.sql.stats().statements;
    await look();
    expect(bare.sql.stats().statements - from).toBe(2 + OVERHEAD);
  });
});

forEachEngine('two nodes on one database', (engine) => {
  test('tell each lapse once', async () => {
    const server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    try {
      const { runner, blobs, limits } = server.running.server;
      const other = localRunner({
        sql: server.sql,
        blobs,
        clock: systemClock,
        limits,
        grants: new GrantCache(),
        auditKeys: [AUDIT_KEY],
      });
      const now = systemClock.now() - 10 * LIMIT;
      const life = moved(newLife(now), 'CONNECTED', { now, limit: LIMIT });
      await server.sql.write('root', async (tx) => {
        for (let i = 0; i < 50; i++) await insertAgent(tx, { ...ROW, agent_id: `lost-${i}` }, life);
      });
      const nodes = [systemSteps(runner), systemSteps(other), systemSteps(runner), systemSteps(other)];
      await Promise.all(nodes.map((step) => ageOnce(step, ALWAYS)));
      const rows = await server.sql.read((tx) =>
        tx.all(
          "SELECT object_id, COUNT(*) AS n FROM events WHERE type = 'agent.stale' GROUP BY object_id HAVING COUNT(*) = 1",
        ),
      );
      expect(rows).toHaveLength(50);
    } finally {
      await server.stop();
    }
  });
});

const ROW = {
  zone_id: 'root',
  name: 'C',
  description: null,
  owner: 'user:ada',
  user_id: 'ada',
  capabilities: '[]',
  metadata: '{}',
  agent_type: null,
  spec: null,
  spec_generation: 0,
  spec_first_at: null,
  created_at: 1,
  updated_at: 1,
} as const;

/** The zone; the agent with its life; its life again. */
const BEAT_STATEMENTS = 3;
/** The zone of the call. */
const OVERHEAD = 1;
