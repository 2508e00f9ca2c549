/** Commands of the event log; what they do is loaded when one of them runs. */
import type { Command } from '../command.ts';
import { altered, loadedCommands } from '../derived.ts';
import { flag, text } from './options.ts';

/** Types are typed as `write,delete`. */
const TYPE_LISTS = new Set(['operation-type', 'event-types']);
const AS_LIST = { takes: 'text', or: { boolean: false, list: true } } as const;
const MORE: Readonly<Record<string, Command['options']>> = {
  'event replay': [flag('lines', 'all of them up to now, with --json one document a line')],
};

const pages = loadedCommands(['event list', 'event replay'], async () => (await import('./events.ts')).eventPages).map(
  (command) =>
    altered(command, {
      get options() {
        const own = command.options.map((one) => (TYPE_LISTS.has(one.name) ? { ...one, ...AS_LIST } : one));
        return [...own, ...(MORE[command.words] ?? [])];
      },
    }),
);

const follow: Command = {
  words: 'event follow',
  summary: 'Follow what happens, as it happens, until Ctrl-C.',
  args: ['path?'],
  options: [
    text('event-types', 'types of events: write,delete,rename,app.built …'),
    text('agent-id', 'only what was done for this agent'),
    { name: 'tail', about: 'newest events to begin with, 10 unless given', takes: 'number' },
    text('last-event-id', 'event behind which to begin'),
    { name: 'take', about: 'end after so many events', takes: 'number' },
  ],
  run: async (scene, typed) => (await import('./events.ts')).follow(scene, typed),
};

export const eventCommands: readonly Command[] = [...pages, follow];
