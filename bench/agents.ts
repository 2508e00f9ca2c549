/**
 * Agents: pages of 10,000 by what they can do (platform.md §1.5: p95 ≤ 20 ms), and heartbeats of many at once beside the
 * same number of small writes. `--calls` is the number of pages of each kind.
 */
import { newLife } from '../src/features/agents/agent.ts';
import { insertAgent, saveCapabilities } from '../src/features/agents/agents.sql.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../test/harness.ts';
import { percentile } from './lib/pairs.ts';

const AGENTS = 10_000;
const CALLS = 200;
const P95_MS = 20;
const BEATS = 5_000;
const CALLERS = 64;

const QUERIES: Readonly<Record<string, string>> = {
  'a capability of one in a hundred': 'capability=rare-7',
  'a capability of all': 'capability=common',
  'one of all and one of a hundred': 'capability=common&capability=rare-7',
  'any of three': 'capability=rare-1&capability=rare-2&capability=rare-3&match=any',
  'of all, connected, not stale': 'capability=common&state=UNKNOWN&stale=false',
};

const row = (agent_id: string) => ({
  zone_id: 'root',
  agent_id,
  name: agent_id,
  description: null,
  owner: 'user:admin',
  user_id: 'admin',
  capabilities: '[]',
  metadata: '{}',
  agent_type: null,
  spec: null,
  spec_generation: 0,
  spec_first_at: null,
  created_at: 1,
  updated_at: 1,
});

async function fill(server: TestServer): Promise<void> {
  await server.sql.write('root', async (tx) => {
    for (let n = 0; n < AGENTS; n++) {
      const names = ['common', `rare-${n % 100}`];
      const agent = { ...row(`agent-${n}`), capabilities: JSON.stringify(names) };
      await insertAgent(tx, agent, newLife(1));
      await saveCapabilities(tx, agent, names);
    }
  });
}

const ask = (server: TestServer, path: string): Promise<unknown> => server.http(path).then((answer) => answer.json());

async function p95(server: TestServer, query: string, calls: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const from = performance.now();
    await ask(server, `/api/v2/agents?${query}`);
    times.push(performance.now() - from);
  }
  return percentile(times, 0.95);
}

/** Calls a second of many callers. */
async function rate(server: TestServer, path: (n: number) => string, init: RequestInit): Promise<number> {
  const from = performance.now();
  let n = 0;
  const caller = async (): Promise<void> => {
    while (n < BEATS) {
      const answer = await server.http(path(n++), { ...init, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      if (!answer.ok) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return BEATS / ((performance.now() - from) / 1000);
}

export async function run({ calls = CALLS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const server = await startTestServer({ environment: { NEXUS_RATE_LIMIT_ENABLED: 'false' } });
  let met = true;
  try {
    await fill(server);
    for (const [what, query] of Object.entries(QUERIES)) {
      const ms = await p95(server, query, calls);
      met = met && ms <= P95_MS;
      console.log(`agents: page of ${AGENTS} by ${what}: p95 ${ms.toFixed(1)} ms (≤ ${P95_MS})`);
    }
    const beats = await rate(server, (n) => `/api/v2/agents/agent-${n % AGENTS}/heartbeat`, { method: 'POST' });
    const writes = await rate(server, (n) => `/api/v2/files/small/${n}`, { method: 'PUT', body: 'x' });
    console.log(`agents: ${Math.round(beats)} heartbeats/s, ${Math.round(writes)} writes of a byte/s`);
  } finally {
    await server.stop();
  }
  return met;
}
