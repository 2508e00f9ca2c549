/** Help at every level: all commands, those of a noun, one command. */
import type { Command, Option } from './command.ts';
import { COMMON, nameOf, nounOf, optionName, THINGS } from './parse-line.ts';
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

/** The commands of one noun, and the command of that one word if there is one; false where there is no such noun. */
export function helpNoun(terminal: Terminal, commands: ReadonlyMap<string, Command>, noun: string): boolean {
  const names = [noun, nounOf(noun)];
  const own = [...commands.values()].filter((command) => names.some((name) => command.words.startsWith(`${name} `)));
  if (own.length === 0) return false;
  const alone = commands.get(noun);
  if (alone) helpOne(terminal, alone);
  lines(
    terminal,
    noun,
    own.map((command) => [usage(command), command.summary]),
  );
  return true;
}

export function helpOne(terminal: Terminal, command: Command): void {
  terminal.out(`nexus ${usage(command)}\n\n${command.summary}\n\n`);
  const { args, options } = partsOf(command);
  lines(terminal, 'Arguments', args);
  optionLines(terminal, 'Options', options);
  optionLines(terminal, 'Options everywhere', COMMON);
}

/** What is given by position is told once, though as an option it is taken too. */
function partsOf(command: Command): {
  readonly args: readonly (readonly [string, string])[];
  readonly options: readonly Option[];
} {
  const { args, options } = command;
  const names = args.map((arg) => [arg, optionName(command, nameOf(arg))] as const);
  const told = names.flatMap(([arg, name]) =>
    options.filter((one) => one.name === name).map((one) => [nameOf(arg).toUpperCase(), aboutArg(arg, one)] as const),
  );
  return { args: told, options: options.filter((one) => !names.some(([, name]) => name === one.name)) };
}

const aboutArg = (arg: string, { about, takes, group = 1 }: Option): string => {
  if (takes === 'object' || takes === 'subject') return `${about}; typed ${THINGS[takes]}, or as JSON`;
  if (takes !== 'json') return about;
  const words = group > 1 ? `${group} words each` : 'one by one';
  return arg.includes('…') ? `${about}, ${words} or as a JSON list` : `${about}, as JSON`;
};

/** What a command takes, beside a line that has not the form of it. */
export function helpBriefly(terminal: Terminal, command: Command): void {
  const options = partsOf(command).options.map((one) => `[--${one.name}${valueName(one)}]`);
  const [first = '', ...more] = wrap(
    // No option is parted from its value.
    [`nexus ${usage(command)}`, ...options].map((part) => part.replaceAll(' ', NO_BREAK)).join(' '),
    Math.max(MEANING_MIN, (terminal.columns ?? COLUMNS) - USAGE.length),
  );
  const rows = [USAGE + first, ...more.map((row) => ' '.repeat(USAGE.length) + row)];
  terminal.err(`${rows.join('\n').replaceAll(NO_BREAK, ' ')}\nSee nexus ${command.words} --help\n`);
}

const USAGE = 'Usage: ';
const NO_BREAK = '\u00a0';

/** Its words, and what is given by position. */
export const usage = (command: Pick<Command, 'words' | 'args'>): string =>
  [
    command.words,
    ...command.args.map((name) => (name.endsWith('?') ? `[${name.slice(0, -1).toUpperCase()}]` : name.toUpperCase())),
  ].join(' ');

const valueName = ({ takes, many }: Option): string => {
  if (takes === 'flag') return '';
  const name = takes === 'object' || takes === 'subject' ? 'TYPE:ID' : takes.toUpperCase();
  return ` ${name}${many ? ',…' : ''}`;
};

function optionLines(terminal: Terminal, title: string, options: readonly Option[]): void {
  lines(
    terminal,
    title,
    options.map((one) => [`--${one.name}${valueName(one)}${one.short ? `, -${one.short}` : ''}`, one.about]),
  );
}

/** Characters of a line where nothing says how many there are. */
const COLUMNS = 100;
/** Columns for the right side, however narrow the terminal is. */
const MEANING_MIN = 40;

/** A text in lines of at most `columns`, broken at blanks. */
function wrap(text: string, columns: number): string[] {
  const rows: string[] = [''];
  for (const word of text.split(' ')) {
    const row = rows.at(-1) ?? '';
    if (row !== '' && row.length + 1 + word.length > columns) rows.push(word);
    else rows[rows.length - 1] = row === '' ? word : `${row} ${word}`;
  }
  return rows;
}

/** Under a title: names, and beside each what is said of it, in as many lines as that takes. */
export function lines(
  terminal: Terminal,
  title: string,
  rows: readonly (readonly [string, string] | readonly string[])[],
): void {
  if (rows.length === 0) return;
  terminal.out(`${paint(terminal, 'bold', title)}\n`);
  const wide = Math.min(34, Math.max(...rows.map(([left = '']) => left.length)));
  for (const [left = '', right = ''] of rows) {
    const meaning = wrap(right, Math.max(MEANING_MIN, (terminal.columns ?? COLUMNS) - wide - 4));
    // What is too long for its column has a line of its own.
    const beside = left.length > wide ? '' : (meaning.shift() ?? '');
    terminal.out(`  ${left.padEnd(wide)}  ${beside}`.trimEnd().concat('\n'));
    for (const line of meaning) terminal.out(`  ${' '.repeat(wide)}  ${line}\n`);
  }
  terminal.out('\n');
}
