/** Commands of backups: those of a server, and with `--from` of a destination without one. */
import type { Command, Option } from '../command.ts';
import { lineOf, optionsOf } from '../derived.ts';
import { DATA } from '../server/options.ts';

const FROM: Option = { name: 'from', about: 'directory or s3://bucket/prefix: without a server', takes: 'text' };

/** `create` is another word for `now`. */
const command = (verb: string, of = verb): Command => {
  const line = lineOf(`backup ${of}`);
  return {
    words: `backup ${verb}`,
    get summary() {
      return line.summary;
    },
    args: line.args,
    get options() {
      return of === 'now' ? optionsOf(line) : [...optionsOf(line), FROM, DATA];
    },
    run: async (scene, typed) => (await import('./backups.ts')).runBackup(of, scene, typed),
  };
};

export const backupCommands: readonly Command[] = [
  ...['now', 'list', 'verify', 'restore'].map((verb) => command(verb)),
  command('create', 'now'),
];
