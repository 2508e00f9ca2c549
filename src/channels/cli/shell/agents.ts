/** Agents and their inboxes as people read them: tables, a status at a glance, and a key that is shown while it can be. */
import type { Result } from '../../../../client/wire.ts';
import { type Command, type Option, type Typed, UsageError } from '../command.ts';
import { derivedCommand, lineOf, optionsOf, paramsOf, send } from '../derived.ts';
import { show } from '../show.ts';
import { paint, safe, type Terminal, table, timeText } from '../terminal.ts';

type Agent = Result<'list_agents'>[number];
type Status = Result<'agent_status'>;
type Registered = Result<'register_agent'>;

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

const CAPABILITIES = 'capabilities';

/** A list of capabilities as people type it: `read,crawl`. */
function asList(typed: Typed): Typed {
  const given = typed.options[CAPABILITIES];
  if (typeof given !== 'string') return typed;
  const names = given.startsWith('[') ? jsonList(given) : given.split(',').filter((name) => name !== '');
  return { ...typed, options: { ...typed.options, [CAPABILITIES]: names } };
}

function jsonList(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--${CAPABILITIES} takes read,crawl or a JSON list`);
  }
}

/** The command of an operation that takes capabilities. */
function withCapabilities(words: string, shown: (terminal: Terminal, answer: unknown) => void = show): Command {
  const derived = derivedCommand(words, shown);
  const typedList = (one: Option): Option => (one.name === CAPABILITIES ? { ...one, takes: 'text' } : one);
  return {
    ...derived,
    get options() {
      return optionsOf(lineOf(words)).map(typedList);
    },
    run: async (scene, typed) => {
      const line = lineOf(words);
      shown(scene.terminal, await send(scene.transport(), line, paramsOf(line, asList(typed))));
      return undefined;
    },
  };
}

const register = withCapabilities('agent register', (terminal, answer) => {
  show(terminal, answer);
  if (terminal.json) return;
  const { api_key, already_registered } = answer as Registered;
  if (already_registered) terminal.err('it was registered already, and is as it was\n');
  if (api_key === undefined) return;
  terminal.out(`${paint(terminal, 'dim', 'key')}  ${api_key}\n`);
  terminal.err('Keep the key: it is shown this once.\n');
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

export const agentCommands: readonly Command[] = [
  register,
  withCapabilities('agent update'),
  withCapabilities('agent set-spec'),
  list,
  status,
  inbox,
];
