/** The event log on the command line: as a list, from a place on, and as it grows. One line an event, JSON for programs. */
import { type EventObject, followEvents, type ReplayQuery, replayEvents } from '../../../../client/stream.ts';
import type { Transport } from '../../../../client/transport.ts';
import type { Command, Scene, Typed } from '../command.ts';
import { altered } from '../derived.ts';
import { paint, safe, type Terminal } from '../terminal.ts';
import { textOf } from './options.ts';
import { shownBy, styleOf } from './views.ts';

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
const pages = (words: string): Command =>
  shownBy(words, (terminal, { events, has_more, next_cursor }: EventPage) => {
    for (const event of events) tell(terminal, event);
    if (events.length === 0) terminal.err('nothing\n');
    if (has_more) terminal.err(`… more: --cursor ${next_cursor}\n`);
  });

const replayPage = pages('event replay');

const replay = altered(replayPage, {
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

export async function follow({ terminal, transport }: Scene, typed: Typed): Promise<undefined> {
  let left = typeof typed.options.take === 'number' ? typed.options.take : Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  for await (const event of following(transport(), terminal, typed)) {
    tell(terminal, event);
    left--;
    if (left <= 0) break;
  }
}

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

export const eventPages: readonly Command[] = [pages('event list'), replay];
