/** Help at every level: all commands, those of a noun, one command. */
import type { Command, Option } from './command.ts';
import { COMMON } from './parse-line.ts';
import { paint, type Terminal } from './terminal.ts';

/** Short commands for files come first, then nouns in order. */
export function helpAll(terminal: Terminal, commands: ReadonlyMap<string, Command>): void {
  terminal.out('nexus — files, access and events for agents, on your own server\n\n');
  const single = [...commands.values()].filter((command) => !command.words.includes(' '));
  lines(
    terminal,
    'Commands',
    single.map((command) => [usage(command), command.summary]),
  );
  const nouns = Map.groupBy(
    [...commands.values()].filter((command) => command.words.includes(' ')),
    (command) => command.words.split(' ')[0] ?? '',
  );
  lines(
    terminal,
    'Nouns (nexus NOUN --help)',
    [...nouns].map(([noun, own]) => [noun, own.map((command) => command.words.slice(noun.length + 1)).join(', ')]),
  );
  optionLines(terminal, 'Options everywhere', COMMON);
}

/** The commands of one noun; false where there is no such noun. */
export function helpNoun(terminal: Terminal, commands: ReadonlyMap<string, Command>, noun: string): boolean {
  const own = [...commands.values()].filter((command) =>
    [noun, noun.replace(/s$/, '')].includes(command.words.split(' ')[0] ?? ''),
  );
  if (own.length === 0) return false;
  lines(
    terminal,
    noun,
    own.map((command) => [usage(command), command.summary]),
  );
  return true;
}

export function helpOne(terminal: Terminal, command: Command): void {
  terminal.out(`nexus ${usage(command)}\n\n${command.summary}\n\n`);
  if (command.options.length > 0) optionLines(terminal, 'Options', command.options);
  optionLines(terminal, 'Options everywhere', COMMON);
}

const usage = (command: Command): string =>
  [
    command.words,
    ...command.args.map((name) => (name.endsWith('?') ? `[${name.slice(0, -1).toUpperCase()}]` : name.toUpperCase())),
  ].join(' ');

function optionLines(terminal: Terminal, title: string, options: readonly Option[]): void {
  lines(
    terminal,
    title,
    options.map((one) => [
      `--${one.name}${one.takes === 'flag' ? '' : ` ${one.takes.toUpperCase()}`}${one.short ? `, -${one.short}` : ''}`,
      one.about,
    ]),
  );
}

function lines(
  terminal: Terminal,
  title: string,
  rows: readonly (readonly [string, string] | readonly string[])[],
): void {
  if (rows.length === 0) return;
  terminal.out(`${paint(terminal, 'bold', title)}\n`);
  const wide = Math.min(34, Math.max(...rows.map(([left = '']) => left.length)));
  for (const [left = '', right = ''] of rows) terminal.out(`  ${left.padEnd(wide)}  ${right}\n`);
  terminal.out('\n');
}
