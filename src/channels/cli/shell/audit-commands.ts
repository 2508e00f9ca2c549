/** audit list, export and verify; what they do is loaded when one of them runs. */
import type { Command } from '../command.ts';
import { loadedCommands } from '../derived.ts';
import { flag, text } from './options.ts';

const FILTERS = [
  text('actor', 'only rows of this one, user:ada'),
  text('subject-zone-id', 'only rows of those who are at home in this zone'),
  text('action', 'only rows of this operation'),
  text('outcome', 'only rows that are allowed, denied or failed'),
  text('object', 'only rows whose object begins with this'),
  text('channel', 'only rows of this channel'),
  text('since', 'only rows from this time on'),
  text('until', 'only rows before this time'),
];

const exportCommand: Command = {
  words: 'audit export',
  summary: 'Write the audit log to a file, or to standard output: all of it, newest first.',
  args: ['file?'],
  options: [...FILTERS, text('format', 'jsonl or csv; by the name of the file unless given')],
  run: async (scene, typed) => {
    const names = FILTERS.map(({ name }) => name);
    return (await import('./audit.ts')).exportLog(scene, typed, names);
  },
};

const verifyCommand: Command = {
  words: 'audit verify',
  summary: 'Check that no row of the audit log was changed, removed, inserted or moved; exit 1 if one was.',
  args: [],
  options: [
    flag('all', 'every zone, for an admin of zone root'),
    text('heads', 'file that keeps where the logs end: what it has from earlier checks must be there still'),
  ],
  run: async (scene, typed) => (await import('./audit.ts')).verifyLog(scene, typed),
};

export const auditCommands: readonly Command[] = [
  ...loadedCommands(['audit list'], async () => [(await import('./audit.ts')).auditList]),
  exportCommand,
  verifyCommand,
];
