/**
 * Commands derived from the operations: one for each `cli` binding, with the options its parameters are. A command is a
 * call over HTTP; what the server checks is checked there.
 */
import type { Transport } from '../../../client/transport.ts';
import { type Command, type Option, type Typed, UsageError } from './command.ts';
import { usage } from './help.ts';
import { type OperationLine, operationLines, type Parameter } from './operation-lines.ts';
import { checkMost, nameOf, optionName, placesOf, typedValue } from './parse-line.ts';
import { show } from './show.ts';
import type { Terminal } from './terminal.ts';

/** `asked`: what was sent. */
type Show = (terminal: Terminal, answer: unknown, asked: Readonly<Record<string, unknown>>) => void;

export const optionsOf = (line: OperationLine): Option[] =>
  line.parameters.map((one) => ({
    name: optionName(line, one.name),
    takes: one.takes,
    ...(one.or ? { or: one.or } : {}),
    ...(one.group ? { group: one.group } : {}),
    get about() {
      return one.about;
    },
    get words() {
      return one.words;
    },
  }));

/** The exit code of a command whose answer may say that something is wrong. */
type CodeOf = (answer: unknown) => number;

const showing =
  (line: OperationLine, shown: Show, codeOf?: CodeOf): Command['run'] =>
  async (scene, typed) => {
    const asked = paramsOf(line, typed);
    const answer = await send(scene.transport(), line, asked);
    shown(scene.terminal, answer, asked);
    return codeOf?.(answer);
  };

function commandOf(line: OperationLine, run = showing(line, show)): Command {
  const { words, args } = line;
  return {
    words,
    // The published package reads texts from a file when they are asked for.
    get summary() {
      return line.summary;
    },
    args,
    hints: { INVALID_PARAMS: `nexus ${usage(line)} [OPTIONS]; nexus ${words} --help names them` },
    get options() {
      return optionsOf(line);
    },
    run,
  };
}

/** What was typed, under the names of the operation's parameters. */
export function paramsOf(line: OperationLine, typed: Typed): Record<string, unknown> {
  const { parameters } = line;
  const places = placesOf(line, typed);
  checkMost(line, places, typed.args);
  const names = places.map(nameOf);
  const given = parameters.flatMap((one): [string, unknown][] => {
    const option = typed.options[optionName(line, one.name)];
    if (option !== undefined) return [[one.name, option]];
    const at = names.indexOf(one.name);
    const text = typed.args[at];
    if (text === undefined) return [];
    const all = places[at]?.includes('…') ? typed.args.slice(at) : [];
    return [[one.name, isList(all) ? itemsOf(all, one) : typedValue(one, text, one.name.toUpperCase())]];
  });
  return Object.fromEntries(given);
}

/** The items that words given one by one are: each its own, or some of them together. */
function itemsOf(words: readonly string[], { name, group = 1 }: Parameter): readonly unknown[] {
  if (group === 1) return words;
  const over = words.length % group;
  if (over > 0) {
    const left = words.slice(-over).join(' ');
    throw new UsageError(`${name.toUpperCase()} are ${group} words each: "${left}" is left over`, { ofForm: true });
  }
  return words.flatMap((_, at) => (at % group === 0 ? [words.slice(at, at + group)] : []));
}

/** Texts one by one; of a single one, whether it is not the whole list in JSON, a file with that, or standard input. */
const isList = (texts: readonly string[]): boolean => texts.length > 1 || /^[^[@-]/.test(texts[0] ?? '');

/** Calls by JSON-RPC where the operation has a method, else by its REST route. */
export async function send(
  transport: Transport,
  line: OperationLine,
  params: Record<string, unknown>,
): Promise<unknown> {
  if (line.rpc !== undefined) return transport.rpc(line.rpc, params);
  const { method, path } = line.http ?? { method: 'POST', path: '' };
  const rest = { ...params };
  const filled = path.replace(/:(\w+)/g, (_all, name: string) => {
    const value = rest[name];
    delete rest[name];
    // Of a place in the tree, the root unless it is given.
    return encodeURIComponent(String(value ?? '/'));
  });
  if (method !== 'GET' && method !== 'DELETE') return transport.rest({ method, path: filled, body: rest });
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  return transport.rest({ method, path: query.size > 0 ? `${filled}?${query}` : filled });
}

export const derivedCommands: readonly Command[] = operationLines.map((line) => commandOf(line));

export function lineOf(words: string): OperationLine {
  const line = operationLines.find((one) => one.words === words);
  if (!line) throw new Error(`no operation has the words ${words}`);
  return line;
}

/** The command of an operation, whose answer people are shown in another way. */
export function derivedCommand(words: string, shown: Show, codeOf?: CodeOf): Command {
  const line = lineOf(words);
  return commandOf(line, showing(line, shown, codeOf));
}

/** A command with some of it in another way. What it says of itself is asked for where it is shown, as before. */
export const altered = (command: Command, other: Partial<Command>): Command =>
  Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(command),
    ...Object.getOwnPropertyDescriptors(other),
  });

/** Commands that take what their operations take, of a module that is loaded when one of them runs. */
export const loadedCommands = (words: readonly string[], load: () => Promise<readonly Command[]>): readonly Command[] =>
  words.map((one) =>
    commandOf(lineOf(one), async (scene, typed) => {
      const command = (await load()).find((loaded) => loaded.words === one);
      if (!command) throw new Error(`the module of ${one} has no such command`);
      return command.run(scene, typed);
    }),
  );
