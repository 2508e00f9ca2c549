/** The event log on the command line: as a list, from a place on, and as it grows. One line an event, JSON for programs. */
import { type EventObject, followEvents, type ReplayQuery, replayEvents } from '../../../../client/stream.ts';
import type { Transport } from '../../../../client/transport.ts';
import type { Command, Scene, Typed } from '../command.ts';
import { altered, derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { paint, safe, type Terminal } from '../terminal.ts';

import { flag, text, textOf } from './options.ts';
import { styleOf } from './views.ts';

const TYPES = text('event-types', 'types of events: write,delete,rename,app.built …');
const AGENT = text('agent-id', 'only what was done for this agent');

type Style = Parameters<typeof paint>[1];

const STYLES: Readonly<Record<string, Style>> = {
  write: 'green',
  mkdir: 'green',
  delete: 'red',
  rmdir: 'red',
  rename: 'yellow',
};

/** `09:30:12 #41 write   /docs/a.md  ada for agent-7`. */
function eventText(terminal: Terminal, event: EventObject): string {
  const at = new Date(event.timestamp);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
  const what = event.object ? `${event.object.type} ${event.object.id}` : '';
  const where = event.old_path === undefined ? event.path || what : `${event.old_path} → ${event.path}`;
  const who = event.agent_id === undefined ? event.user_id : `${event.user_id} for ${event.agent_id}`;
  const said = saidBy(event);
  return [
    paint(terminal, 'dim', clock),
    paint(terminal, 'dim', `#${event.sequence_number}`),
    paint(
      terminal,
      STYLES[event.type] ?? styleOf(event.type.replace('job.', '')) ?? 'cyan',
      safe(event.type.padEnd(7)),
    ),
    safe(where + said),
    paint(terminal, 'dim', safe(event.branch === undefined ? who : `${who} on ${event.branch}`)),
  ].join('  ');
}

/** What a person wants to know of it beside what it is about. */
function saidBy({ type, data }: EventObject): string {
  if (type.startsWith('app.')) return ` ${JSON.stringify(data)}`;
  if (!type.startsWith('job.')) return '';
  return ` ${data.job_type}${Number(data.attempt) > 1 ? `, try ${data.attempt}` : ''}`;
}

const tell = (terminal: Terminal, event: EventObject): void =>
  terminal.out(`${terminal.json ? JSON.stringify(event) : eventText(terminal, event)}\n`);

interface EventPage {
  readonly events: readonly EventObject[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

/** The command of an operation whose answer is a page of events, with a line for each of them where people read it. */
function pages(words: string): Command {
  const derived = derivedCommand(words, (terminal, answer) => {
    const { events, has_more, next_cursor } = answer as EventPage;
    if (terminal.json) return show(terminal, answer);
    for (const event of events) tell(terminal, event);
    if (events.length === 0) terminal.err('nothing\n');
    if (has_more) terminal.err(`… more: --cursor ${next_cursor}\n`);
  });
  return altered(derived, {
    get options() {
      return derived.options.map((one) => (TYPE_LISTS.has(one.name) ? { ...one, ...AS_LIST } : one));
    },
  });
}

/** Types are typed as `write,delete`. */
const TYPE_LISTS = new Set(['operation-type', 'event-types']);
const AS_LIST = { takes: 'text', or: { boolean: false, list: true } } as const;

const replayPage = pages('event replay');

const replay = altered(replayPage, {
  get options() {
    return [...replayPage.options, flag('lines', 'all of them up to now, with --json one document a line')];
  },
  run: (scene, typed) => (typed.options.lines ? replayAll(scene, typed) : replayPage.run(scene, typed)),
});

async function replayAll({ terminal, transport }: Scene, { options }: Typed): Promise<undefined> {
  const query = {
    since_revision: options['since-revision'],
    since_timestamp: options['since-timestamp'],
    event_types: options['event-types'],
    path_pattern: options['path-pattern'],
    agent_id: options['agent-id'],
  } as ReplayQuery;
  for await (const event of replayEvents(transport(), query)) tell(terminal, event);
}

const follow: Command = {
  words: 'event follow',
  summary: 'Follow what happens, as it happens, until Ctrl-C.',
  args: ['path?'],
  options: [
    TYPES,
    AGENT,
    { name: 'tail', about: 'newest events to begin with, 10 unless given', takes: 'number' },
    text('last-event-id', 'event behind which to begin'),
    { name: 'take', about: 'end after so many events', takes: 'number' },
  ],
  run: async ({ terminal, transport }, typed) => {
    let left = typeof typed.options.take === 'number' ? typed.options.take : Number.POSITIVE_INFINITY;
    if (left <= 0) return undefined;
    for await (const event of following(transport(), terminal, typed)) {
      tell(terminal, event);
      left--;
      if (left <= 0) break;
    }
    return undefined;
  },
};

function following(transport: Transport, terminal: Terminal, typed: Typed): AsyncGenerator<EventObject> {
  const [path] = typed.args;
  const types = textOf(typed, 'event-types');
  const agent = textOf(typed, 'agent-id');
  const last = textOf(typed, 'last-event-id');
  const { tail } = typed.options;
  const query = {
    ...(path === undefined ? {} : { path }),
    ...(types === undefined ? {} : { event_types: types }),
    ...(agent === undefined ? {} : { agent_id: agent }),
    ...(typeof tail === 'number' ? { tail } : {}),
    ...(last === undefined ? {} : { last_event_id: last }),
  };
  return followEvents(transport, query, { onLost: () => terminal.err('… connection lost, trying again\n') });
}

export const eventCommands: readonly Command[] = [pages('event list'), replay, follow];
