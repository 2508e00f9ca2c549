/** The cases of agents and inboxes. What an admin of the zone registered, others of it read and do not change. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: (at: At) => Promise<Input> | Input): readonly Case[] => [{ level: 'nothing', input }];
const adminOnly = (input: (at: At) => Promise<Input>): readonly Case[] => [{ level: 'admin', input }];

/** An agent that the admin has registered. */
async function someAgent({ ok, n }: At): Promise<{ agent_id: string }> {
  const agent_id = `agent-${n}`;
  await ok('register_agent', { agent_id, name: 'A' });
  return { agent_id };
}

const SPEC = { agent_type: 'crawler', capabilities: ['read'] };

async function withSpec(at: At): Promise<{ agent_id: string }> {
  const agent = await someAgent(at);
  await at.ok('agent_spec_put', { ...agent, ...SPEC });
  return agent;
}

/** One with an inbox that holds a message. */
async function withMail(at: At): Promise<{ agent_id: string; message_id: unknown }> {
  const { agent_id } = await someAgent(at);
  await at.rest(`/api/v2/ipc/provision/${agent_id}`, {});
  const { message_id } = await at.rest('/api/v2/ipc/send', { sender: agent_id, recipient: agent_id, type: 't' });
  return { agent_id, message_id };
}

const inboxOf = async (at: At): Promise<Input> => ({ agent_id: (await withMail(at)).agent_id });

export const AGENT_CASES: Cases = {
  'agent.register': always(({ n }) => ({ agent_id: `new-${n}`, name: 'N' })),
  'agent.update': adminOnly(async (at) => ({ ...(await someAgent(at)), name: 'renamed' })),
  'agent.find': always(someAgent),
  'agent.get': always(someAgent),
  'agent.all': always(() => ({})),
  'agent.by-zone': always(({ named }) => ({ zone_id: named })),
  'agent.list': always(() => ({})),
  'agent.remove': adminOnly(someAgent),
  'agent.delete': adminOnly(someAgent),
  'agent.transition': adminOnly(async (at) => ({ ...(await someAgent(at)), target_state: 'CONNECTED' })),
  'agent.heartbeat': adminOnly(someAgent),
  'agent.spec-put': adminOnly(async (at) => ({ ...(await someAgent(at)), ...SPEC })),
  'agent.spec-get': always(withSpec),
  'agent.status': always(someAgent),
  'agent.warmup': adminOnly(withSpec),
  'inbox.provision': always(({ n }) => ({ agent_id: `box-${n}` })),
  'inbox.send': [
    {
      title: 'in the own name',
      level: 'nothing',
      input: async (at) => ({ sender: at.caller.subject, recipient: (await withMail(at)).agent_id, type: 't' }),
    },
    {
      title: "in the name of somebody else's agent",
      level: 'admin',
      input: async (at) => {
        const { agent_id } = await withMail(at);
        return { sender: agent_id, recipient: agent_id, type: 't' };
      },
    },
  ],
  'inbox.list': adminOnly(inboxOf),
  'inbox.count': adminOnly(inboxOf),
  'inbox.delete': adminOnly(withMail),
};
