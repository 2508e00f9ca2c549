/**
 * From what was typed to a command and its options (workflows.md §6). Guarantees: noun and verb in either order, the
 * noun singular or plural, name the same command; an unknown word or option is a UsageError with the nearest known.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { type Command, type Option, type Typed, UsageError } from './command.ts';

export interface Found {
  readonly command: Command;
  /** What comes behind the words. */
  readonly rest: readonly string[];
}

/** `files` → `file`, `entries` → `entry`. */
const singular = (word: string): string => {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
};

/** Words are looked for before the first option; options that take a value may stand before them if written `--x=y`. */
export function findCommand(commands: ReadonlyMap<string, Command>, line: readonly string[]): Found {
  const at = line.findIndex((word) => !word.startsWith('-'));
  if (at < 0) throw new UsageError('name a command');
  const before = line.slice(0, at);
  const [first = '', second] = line.slice(at);
  if (second !== undefined && !second.startsWith('-')) {
    for (const pair of spellings(first, second)) {
      const command = commands.get(pair);
      if (command) return { command, rest: [...before, ...line.slice(at + 2)] };
    }
  }
  const alone = commands.get(first);
  if (alone) return { command: alone, rest: [...before, ...line.slice(at + 1)] };
  const typed = second === undefined || second.startsWith('-') ? first : `${first} ${second}`;
  throw new UsageError(`no command "${typed}"; the nearest is "${nearest(typed, [...commands.keys()])}"`);
}

const spellings = (first: string, second: string): string[] => [
  `${first} ${second}`,
  `${singular(first)} ${second}`,
  `${second} ${first}`,
  `${singular(second)} ${first}`,
];

const nearest = (word: string, known: readonly string[]): string =>
  known.reduce((best, name) => (distance(word, name) < distance(word, best) ? name : best), known[0] ?? '');

/** Options of every command. */
export const COMMON: readonly Option[] = [
  { name: 'url', takes: 'text', about: 'server, http://127.0.0.1:2026 unless NEXUS_URL says otherwise' },
  { name: 'key', takes: 'text', about: 'API key, else NEXUS_API_KEY, else the key file of `nexus start`' },
  { name: 'tenant', takes: 'text', about: 'zone to work in, else NEXUS_TENANT' },
  { name: 'json', takes: 'flag', about: 'answer with one JSON document' },
  { name: 'help', takes: 'flag', about: 'what this command takes', short: 'h' },
];

export function parseLine(command: Command, rest: readonly string[]): Typed {
  const options = [
    ...command.options,
    ...COMMON.filter((one) => !command.options.some((own) => own.name === one.name)),
  ];
  const spec = Object.fromEntries(
    options.map((one) => [
      one.name,
      {
        type: one.takes === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(one.short ? { short: one.short } : {}),
      },
    ]),
  );
  const parsed = parse(spec, rest);
  const values: Record<string, unknown> = {};
  for (const one of options) {
    const given = parsed.values[one.name];
    if (given !== undefined) values[one.name] = optionValue(one, given);
  }
  if (!values.help) checkArgs(command, parsed.positionals);
  return { args: parsed.positionals, options: values };
}

interface ParsedArgs {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

function parse(options: Record<string, { type: 'string' | 'boolean' }>, args: readonly string[]): ParsedArgs {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
    return { values: parsed.values as ParsedArgs['values'], positionals: parsed.positionals };
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    const unknown = /Unknown option '(--?[^' ]+)/.exec(thrown.message)?.[1];
    if (!unknown) throw new UsageError(thrown.message);
    const name = nearest(unknown.replace(/^-+/, ''), Object.keys(options));
    throw new UsageError(`no option ${unknown}; the nearest is --${name}`);
  }
}

function optionValue(option: Option, given: string | boolean): unknown {
  return typeof given === 'boolean' ? given : typedValue(option.takes, given, `--${option.name}`);
}

/** A text as what is taken there. */
export function typedValue(takes: Option['takes'], given: string, what: string): unknown {
  if (takes === 'json') return jsonValue(given, what);
  if (takes !== 'number') return given;
  const number = Number(given);
  if (given.trim() === '' || Number.isNaN(number)) throw new UsageError(`${what} takes a number, not "${given}"`);
  return number;
}

/** A JSON value, `@file`, or `-` for standard input; a mistake names its position. */
function jsonValue(given: string, what: string): unknown {
  const text =
    given === '-' ? readFileSync(0, 'utf8') : given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given;
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new UsageError(`${what} is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

function checkArgs(command: Command, args: readonly string[]): void {
  const needed = command.args.filter((name) => !/[?…]$/.test(name));
  const missing = needed[args.length];
  if (missing !== undefined)
    throw new UsageError(`nexus ${command.words} needs ${missing.toUpperCase()}; see nexus ${command.words} --help`);
  const most = command.args.some((name) => name.endsWith('…')) ? Number.POSITIVE_INFINITY : command.args.length;
  if (args.length > most) throw new UsageError(`nexus ${command.words} takes no "${args[most]}"`);
}
