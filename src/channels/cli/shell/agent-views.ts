/** Agents and their inboxes as people read them: tables, and a status at a glance. */
import type { Result } from '../../../../client/wire.ts';
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { paint, safe, type Terminal, table, timeText } from '../terminal.ts';

type Agent = Result<'list_agents'>[number];
type Status = Result<'agent_status'>;

interface Page {
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

const more = (terminal: Terminal, { has_more, next_cursor }: Page): void => {
  if (has_more) terminal.err(`… more: --cursor ${next_cursor}\n`);
};

const orNothing = (time: string | null): string => (time === null ? '' : `${timeText(time)}${seconds(time)}`);
const seconds = (time: string): string => `:${String(new Date(time).getSeconds()).padStart(2, '0')}`;

const AGENTS = ['AGENT', 'NAME', 'STATE', 'GEN', 'HEARD', 'KEY', 'USER', 'CAN'].map((title) => ({
  title,
  right: title === 'GEN',
}));

const agentRow = (agent: Agent): string[] => [
  agent.agent_id,
  agent.name,
  agent.stale ? `${agent.state} (stale)` : agent.state,
  String(agent.generation),
  orNothing(agent.last_heartbeat),
  agent.has_api_key ? 'yes' : '',
  agent.user_id,
  agent.capabilities.join(', '),
];

const list = derivedCommand('agent list', (terminal, answer) => {
  const { agents, total, ...page } = answer as Page & { readonly agents: readonly Agent[]; readonly total: number };
  if (terminal.json) return show(terminal, answer);
  if (agents.length === 0) terminal.err('nothing\n');
  else table(terminal, AGENTS, agents.map(agentRow));
  if (agents.length < total) terminal.err(`${agents.length} of ${total}\n`);
  more(terminal, page);
});

type Style = Parameters<typeof paint>[1];
const STYLES: Readonly<Record<string, Style>> = {
  stale: 'red',
  suspended: 'yellow',
  pending: 'yellow',
  warming: 'yellow',
  ready: 'green',
  active: 'green',
  thinking: 'green',
};

const CONDITIONS = ['CONDITION', 'IS', 'SINCE', 'WHY'].map((title) => ({ title }));

const status = derivedCommand('agent status', (terminal, answer) => {
  if (terminal.json) return show(terminal, answer);
  const seen = answer as Status;
  const say = (name: string, text: string): void =>
    terminal.out(`${paint(terminal, 'dim', name.padEnd(10))}  ${text}\n`);
  const { tokens_used, storage_used_mb, context_usage_pct } = seen.resource_usage;
  say('phase', paint(terminal, STYLES[seen.phase] ?? 'cyan', seen.phase));
  say('state', `${seen.state}, generation ${seen.generation}`);
  say('spec', `${seen.observed_generation} observed, ${seen.spec_generation} wanted`);
  say('heard', orNothing(seen.last_heartbeat) || 'never');
  say('uses', `${tokens_used} tokens, ${storage_used_mb} MB, ${context_usage_pct} % of its context`);
  say('inbox', String(seen.inbox_depth));
  terminal.out('\n');
  table(
    terminal,
    CONDITIONS,
    seen.conditions.map((one) => [
      one.type,
      one.status,
      orNothing(one.last_transition),
      `${one.reason}: ${one.message}`,
    ]),
  );
});

interface Message {
  readonly message_id: string;
  readonly sender: string;
  readonly type: string;
  readonly payload: unknown;
  readonly created_at: string;
}

const MESSAGES = ['WHEN', 'FROM', 'TYPE', 'ID', 'PAYLOAD'].map((title) => ({ title }));

const inbox = derivedCommand('inbox list', (terminal, answer) => {
  const { messages, ...page } = answer as Page & { readonly messages: readonly Message[] };
  if (terminal.json) return show(terminal, answer);
  const rows = messages.map((one) => [
    orNothing(one.created_at),
    one.sender,
    one.type,
    one.message_id,
    safe(JSON.stringify(one.payload)),
  ]);
  if (rows.length === 0) terminal.err('nothing\n');
  else table(terminal, MESSAGES, rows);
  more(terminal, page);
});

export const agentViews: readonly Command[] = [list, status, inbox];
