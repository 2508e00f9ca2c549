/**
 * From what was typed to a command and its options (workflows.md §6). Guarantees: noun and verb in either order, the
 * noun singular or plural, name the same command; an unknown word or option is a UsageError with the nearest known.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { parseJson } from '../../base/parse-json.ts';
import { codeOf } from '../../base/system-error.ts';
import { type Command, type Option, type Takes, type Typed, UsageError } from './command.ts';

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
  const at = wordAt(line);
  if (at < 0) throw new UsageError('name a command');
  const before = line.slice(0, at);
  const [first = '', second] = line.slice(at);
  if (second !== undefined && !second.startsWith('-')) {
    for (const pair of spellings(first, second)) {
      const command = commands.get(pair) ?? commands.get(SYNONYMS.get(pair) ?? '');
      if (command) return { command, rest: [...before, ...line.slice(at + 2)] };
    }
  }
  const alone = commands.get(first);
  if (alone) return { command: alone, rest: [...before, ...line.slice(at + 1)] };
  const verbs = [...commands.keys()].filter((words) => words.startsWith(`${nounOf(first)} `));
  const typed = second === undefined || second.startsWith('-') ? first : `${first} ${second}`;
  if (typed === first && verbs.length > 0) {
    const known = verbs.map((words) => words.split(' ')[1]).join(', ');
    throw new UsageError(`${first} needs a verb: ${known}; see nexus ${first} --help`);
  }
  const meant = second === undefined ? [first] : spellings(first, second);
  const known = verbs.length > 0 ? verbs : [...commands.keys()];
  const near = nearestOf(meant, known).map((words) => `"${words}"`);
  const [last] = near.slice(-1);
  const named = near.length > 1 ? `are ${near.slice(0, -1).join(', ')} and ${last}` : `is ${last}`;
  throw new UsageError(`no command "${typed}"; the nearest ${named}`);
}

/** Where the first word stands that is neither an option nor the value of one; -1 where there is none. */
export function wordAt(line: readonly string[]): number {
  const takesValue = (word: string | undefined): boolean =>
    COMMON.some((one) => one.takes !== 'flag' && word === `--${one.name}`);
  return line.findIndex((word, i) => !word.startsWith('-') && !takesValue(line[i - 1]));
}

/** What hands know from other programs, and its name here. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['event tail', 'event follow'],
  ['job show', 'job get'],
]);

/** The same for nouns. */
const NOUNS: ReadonlyMap<string, string> = new Map([['snapshot', 'tree-snapshot']]);

/** The noun that a word means, singular or plural. */
export const nounOf = (word: string): string => NOUNS.get(singular(word)) ?? singular(word);

const spellings = (first: string, second: string): string[] => [
  `${first} ${second}`,
  `${nounOf(first)} ${second}`,
  `${second} ${first}`,
  `${nounOf(second)} ${first}`,
];

const NEAREST_MAX = 3;

/** The known names that are nearest, and equally near, to any way the typed one may be spelled. */
export function nearestOf(spelled: readonly string[], known: readonly string[]): string[] {
  const far = (name: string): number => Math.min(...spelled.map((word) => distance(word, name)));
  const least = Math.min(...known.map(far));
  return known.filter((name) => far(name) === least).slice(0, NEAREST_MAX);
}

/** Options of every command. */
export const COMMON: readonly Option[] = [
  { name: 'url', takes: 'text', about: 'server, http://127.0.0.1:2026 unless NEXUS_URL says otherwise' },
  { name: 'key', takes: 'text', about: 'API key, else NEXUS_API_KEY, else the key file of `nexus start`' },
  { name: 'tenant', takes: 'text', about: 'zone to work in, else NEXUS_TENANT' },
  { name: 'json', takes: 'flag', about: 'answer with one JSON document' },
  { name: 'help', takes: 'flag', about: 'what this command takes', short: 'h' },
];

/** Names that mean the same whatever the command: those options, and what workflows.md §6 sets apart beside them. */
export const FOR_EVERYTHING: ReadonlySet<string> = new Set([...COMMON.map(({ name }) => name), 'session', 'env']);

/**
 * The option of a parameter. One that would have the name of an option of every command says whose it is: `--url` is the
 * server that is asked, with the caller's key, whatever else has an address.
 */
export function optionName({ words }: Pick<Command, 'words'>, parameter: string): string {
  const name = parameter.replaceAll('_', '-');
  if (!FOR_EVERYTHING.has(name)) return name;
  const [noun = ''] = words.split(' ');
  return `${noun.slice(noun.lastIndexOf('-') + 1)}-${name}`;
}

/** The parameter that is given by position. */
export const nameOf = (arg: string): string => arg.replace(/…?\??$/, '');

/** What the words by position are, in their order: what was given as an option is none of them. */
export const placesOf = (command: Pick<Command, 'words' | 'args'>, { options }: Pick<Typed, 'options'>): string[] =>
  command.args.filter((arg) => options[optionName(command, nameOf(arg))] === undefined);

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
        ...(one.many ? { multiple: true } : {}),
      },
    ]),
  );
  const parsed = parse(spec, rest);
  const values: Record<string, unknown> = {};
  for (const one of options) {
    const given = parsed.values[one.name];
    if (given !== undefined) values[one.name] = optionValue(one, given);
  }
  const typed = { args: parsed.positionals, options: values };
  if (!values.help) checkArgs(command, typed);
  return typed;
}

type Given = string | boolean | readonly (string | boolean)[];

interface ParsedArgs {
  readonly values: Readonly<Record<string, Given | undefined>>;
  readonly positionals: readonly string[];
}

function parse(
  options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean }>,
  args: readonly string[],
): ParsedArgs {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
    return { values: parsed.values as ParsedArgs['values'], positionals: parsed.positionals };
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    const unknown = /Unknown option '(--?[^' ]+)/.exec(thrown.message)?.[1];
    if (!unknown) throw new UsageError(valueMistake(thrown.message), { ofForm: true });
    const typed = unknown.replace(/^-+/, '');
    const [name] = nearestOf([typed], Object.keys(options));
    // A name of which hardly a letter is the same is no help.
    const isNear = name !== undefined && distance(typed, name) <= Math.max(1, typed.length / 2);
    throw new UsageError(`no option ${unknown}${isNear ? `; the nearest is --${name}` : ''}`, { ofForm: true });
  }
}

/** What Node says of an option with a value that it does not take, or without the one that it does, in our words. */
function valueMistake(said: string): string {
  const option = /'(?:-., )?(--[^' ]+)/.exec(said)?.[1];
  if (option === undefined) return said;
  if (said.includes('does not take')) return `${option} takes no value`;
  return `${option} needs a value${said.includes('ambiguous') ? `; one that begins with - is written ${option}=-…` : ''}`;
}

function optionValue(option: Option, given: Given): unknown {
  if (typeof given === 'object') return given.flatMap((one) => listIn(String(one)) ?? splitAtCommas(String(one)));
  if (typeof given === 'boolean') return given;
  const what = `--${option.name}`;
  const value = typedValue(option, given, what);
  if (option.least !== undefined && !(Number.isInteger(value) && Number(value) >= option.least)) {
    throw new UsageError(`${what} takes a whole number from ${option.least} up, not "${given}"`, { ofForm: true });
  }
  return value;
}

/** A text as what is taken there. */
export function typedValue({ takes, or }: Takes, given: string, what: string): unknown {
  if (takes === 'json') return jsonValue(given, what);
  if (takes === 'object' || takes === 'subject') return thingIn(given, takes) ?? thingOfJson(given, { takes, what });
  if (or?.boolean && (given === 'true' || given === 'false')) return given === 'true';
  if (or?.list) return listIn(given) ?? given;
  if (takes !== 'number') return given;
  const number = Number(given);
  if (given.trim() !== '' && !Number.isNaN(number)) return number;
  throw new UsageError(`${what} takes a number, not "${given}"`, { ofForm: true });
}

const splitAtCommas = (text: string): string[] => text.split(',').map((part) => part.trim());

/** The list that a text is in JSON; a glob may begin with a bracket too, and is none. */
function listIn(text: string): unknown {
  try {
    return text.startsWith('[') ? parseJson(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * `user:ada` as `["user", "ada"]`, and of a subject `group:team#member` with its relation; undefined where it is no such
 * words. An id may hold a colon, and a `#` with what can be no relation behind it.
 */
function thingIn(given: string, takes: 'object' | 'subject'): readonly string[] | undefined {
  const [, type, id] = /^([a-z][\w-]*|\*):(.+)$/su.exec(given) ?? [];
  if (type === undefined || id === undefined) return undefined;
  const [, base, relation] = (takes === 'subject' && /^(.+)#([a-z][\w-]*)$/su.exec(id)) || [];
  return base === undefined || relation === undefined ? [type, id] : [type, base, relation];
}

/** The words of a thing. */
export const THINGS = { object: 'type:id', subject: 'type:id or type:id#relation' } as const;

function thingOfJson(given: string, { takes, what }: { takes: keyof typeof THINGS; what: string }): unknown {
  if (/^[[@]|^-$/.test(given)) return jsonValue(given, what);
  throw new UsageError(`${what} takes ${THINGS[takes]}, not "${given}"`, { ofForm: true });
}

/** A JSON value, `@file`, or `-` for standard input; a mistake names its position. */
function jsonValue(given: string, what: string): unknown {
  const text = given === '-' ? readFileSync(0, 'utf8') : given.startsWith('@') ? textOf(given.slice(1)) : given;
  try {
    return parseJson(text);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    const at = mistakeIn(text);
    const before = text.slice(0, at).split('\n');
    const where = `position ${at} (line ${before.length} column ${(before.at(-1) ?? '').length + 1})`;
    throw new UsageError(
      `${what} is not JSON at ${where}: ${thrown.message.replace(/ at position .*| \(line .*/, '')}`,
    );
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw codeOf(thrown) === undefined ? thrown : new UsageError(`cannot read ${file}: ${codeOf(thrown)}`);
  }
}

/** Where a text stops being JSON: the end of its longest beginning that could still become JSON. */
function mistakeIn(text: string): number {
  let fine = 0;
  let broken = text.length + 1;
  while (broken - fine > 1) {
    const middle = (fine + broken) >> 1;
    if (couldGoOn(text.slice(0, middle))) fine = middle;
    else broken = middle;
  }
  return fine;
}

function couldGoOn(start: string): boolean {
  try {
    parseJson(start);
    return true;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : '';
    const at = / at position (\d+)/.exec(said)?.[1];
    return said.includes('end of JSON input') || (at !== undefined && Number(at) >= start.length);
  }
}

function checkArgs(command: Command, typed: Typed): void {
  const { args } = typed;
  const missing = placesOf(command, typed).filter((name) => !name.endsWith('?'))[args.length];
  if (missing !== undefined) {
    throw new UsageError(`${command.words} needs ${missing.replace('…', '').toUpperCase()}`, { ofForm: true });
  }
  checkMost(command, command.args, args);
}

/** A UsageError where there are more words by position than places. */
export function checkMost({ words }: Pick<Command, 'words'>, places: readonly string[], args: readonly string[]): void {
  const most = places.some((name) => name.includes('…')) ? Number.POSITIVE_INFINITY : places.length;
  if (args.length > most) throw new UsageError(`${words} takes no "${args[most]}"`, { ofForm: true });
}
