/**
 * Agents and their messages under SIGKILL: what was acknowledged is there after the restart, and nothing is there twice. Runs
 * a server process that is killed while callers register, move and send as fast as they can. NEXUS_TEST_ROUNDS says how
 * often.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServing } from '../nexus-process.ts';

const KEY = 'admin-key-for-agents-killed';
const KILLS = Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
const CALLERS = 4;
/** Acknowledged calls before a kill. */
const CALLS = 60;

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-agents-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const start = () => startServing(directory, KEY);

async function post<T>(url: string, path: string, body: object): Promise<T> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const value: unknown = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(value));
  return value as T;
}

const get = async <T>(url: string, path: string): Promise<T> =>
  (await (await fetch(url + path, { headers: { authorization: `Bearer ${KEY}` } })).json()) as T;

/** What was answered of one agent. */
interface Known {
  generation: number;
  messages: string[];
}

const sent = (known: ReadonlyMap<string, Known>): number =>
  [...known.values()].reduce((sum, { messages }) => sum + messages.length, 0);

/** Registers an agent, moves it and sends to it until the server is gone; notes what was answered. */
async function work(url: string, caller: number, known: Map<string, Known>): Promise<void> {
  for (let n = 0; ; n++) {
    const agent_id = `agent-${caller}-${n}`;
    await post(url, '/api/v2/agents', { agent_id, name: 'K' });
    const agent: Known = { generation: 0, messages: [] };
    known.set(agent_id, agent);
    await post(url, `/api/v2/ipc/provision/${agent_id}`, {});
    for (let i = 0; i < 3; i++) {
      const path = `/api/v2/agents/${agent_id}`;
      agent.generation = (await post<Known>(url, `${path}/transition`, { target_state: 'CONNECTED' })).generation;
      await post(url, `${path}/heartbeat`, { expected_generation: agent.generation });
      const letter = { sender: 'admin', recipient: agent_id, type: 't' };
      agent.messages.push((await post<{ message_id: string }>(url, '/api/v2/ipc/send', letter)).message_id);
    }
  }
}

interface Page {
  readonly agents: readonly { readonly agent_id: string; readonly generation: number }[];
}

/** Holds what is there against what was answered; what was not answered may have happened once, and is known then. */
async function compare(url: string, known: Map<string, Known>): Promise<void> {
  const { agents } = await get<Page>(url, '/api/v2/agents?limit=1000');
  const found = new Map(agents.map((agent) => [agent.agent_id, agent.generation]));
  expect([...known.keys()].filter((agent_id) => !found.has(agent_id))).toEqual([]);
  expect(found.size - known.size).toBeLessThanOrEqual(CALLERS);
  // What is only partly there would make more of the zone than there are.
  expect(await get(url, '/api/zones/root')).toMatchObject({ usage: { agents: found.size } });
  for (const [agent_id, generation] of found) {
    const { messages = [] } = await get<{ messages?: { message_id: string }[] }>(url, `/api/v2/ipc/inbox/${agent_id}`);
    const ids = messages.map(({ message_id }) => message_id);
    const answered = known.get(agent_id) ?? { generation: 0, messages: [] };
    expect([answered.generation, answered.generation + 1], agent_id).toContain(generation);
    expect(ids.slice(0, answered.messages.length)).toEqual(answered.messages);
    expect(ids.length - answered.messages.length).toBeLessThanOrEqual(1);
    known.set(agent_id, { generation, messages: ids });
  }
}

test('the registry and the inboxes are as acknowledged after each kill', async () => {
  const known = new Map<string, Known>();
  for (let kill = 0; ; kill++) {
    const { server, url } = await start();
    await compare(url, known);
    if (kill === KILLS) {
      server.child.kill('SIGTERM');
      await server.ended;
      return;
    }
    const until = sent(known) + CALLS;
    const callers = Array.from({ length: CALLERS }, (_, caller) =>
      work(url, kill * CALLERS + caller, known).catch(() => undefined),
    );
    while (sent(known) < until) await new Promise((resolve) => setTimeout(resolve, 5));
    server.child.kill('SIGKILL');
    await Promise.all([...callers, server.ended]);
  }
}, 600_000);
