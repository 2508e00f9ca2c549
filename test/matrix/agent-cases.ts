/** The cases of agents and inboxes. What an admin of the zone registered, others of it read and do not change. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: (at: At) => Promise<Input> | Input): readonly Case[] => [{ level: 'nothing', input }];
const adminOnly = (input: (at: At) => Promise<Input>): readonly Case[] => [{ level: 'admin', input }];

/** An agent that the admin has registered. */
async function newAgent({ ok, n }: At): Promise<{ agent_id: string }> {
  const agent_id = `agent-${n}`;
  await ok('register_agent', { agent_id, name: 'A' });
  return { agent_id };
}

const SPEC = { agent_type: 'crawler', capabilities: ['read'] };
const agents = new WeakMap<object, Promise<{ agent_id: string }>>();

/** One of the zone with a spec and an inbox, the same in every call: what is done to it may be done again. */
function theAgent(at: At): Promise<{ agent_id: string }> {
  const made = agents.get(at.made) ?? makeWhole(at);
  agents.set(at.made, made);
  return made;
}

async function makeWhole(at: At): Promise<{ agent_id: string }> {
  const agent = await newAgent(at);
  await at.ok('agent_spec_put', { ...agent, ...SPEC });
  await at.rest(`/api/v2/ipc/provision/${agent.agent_id}`, {});
  return agent;
}

async function newMessage(at: At): Promise<Input> {
  const { agent_id } = await theAgent(at);
  const { message_id } = await at.rest('/api/v2/ipc/send', { sender: agent_id, recipient: agent_id, type: 't' });
  return { agent_id, message_id };
}

const letterBy = async (sender: string | undefined, at: At): Promise<Input> => {
  const { agent_id } = await theAgent(at);
  return { sender: sender ?? agent_id, recipient: agent_id, type: 't' };
};

export const AGENT_CASES: Cases = {
  'agent.register': always(({ n }) => ({ agent_id: `new-${n}`, name: 'N' })),
  'agent.update': adminOnly(async (at) => ({ ...(await theAgent(at)), name: `renamed-${at.n}` })),
  'agent.find': always(theAgent),
  'agent.get': always(theAgent),
  'agent.all': always(() => ({})),
  'agent.by-zone': always(({ named }) => ({ zone_id: named })),
  'agent.list': always(() => ({})),
  'agent.remove': adminOnly(newAgent),
  'agent.delete': adminOnly(newAgent),
  'agent.transition': adminOnly(async (at) => ({ ...(await theAgent(at)), target_state: 'CONNECTED' })),
  'agent.heartbeat': adminOnly(theAgent),
  'agent.spec-put': adminOnly(async (at) => ({ ...(await theAgent(at)), ...SPEC })),
  'agent.spec-get': always(theAgent),
  'agent.status': always(theAgent),
  'agent.warmup': adminOnly(theAgent),
  'inbox.provision': always(({ n }) => ({ agent_id: `box-${n}` })),
  'inbox.send': [
    { title: 'in the own name', level: 'nothing', input: (at) => letterBy(at.caller.subject, at) },
    { title: "in the name of somebody else's agent", level: 'admin', input: (at) => letterBy(undefined, at) },
  ],
  'inbox.list': adminOnly(theAgent),
  'inbox.count': adminOnly(theAgent),
  'inbox.delete': adminOnly(newMessage),
};
