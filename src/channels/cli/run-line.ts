/**
 * One command line, run to its end: finds the command, runs it, and explains its failure. Commands of the server load the
 * server; all others are a thin HTTP client.
 */
import { Transport } from '../../../client/transport.ts';
import type { ClientSettings } from '../../config/environment.ts';
import { type Command, type Scene, UsageError } from './command.ts';
import { allCommands } from './commands.ts';
import { explain } from './explain.ts';
import { helpAll, helpBriefly, helpNoun, helpOne } from './help.ts';
import { findKey } from './key-file.ts';
import { nodeFetch } from './node-fetch.ts';
import { findCommand, parseLine, wordAt } from './parse-line.ts';
import type { Terminal } from './terminal.ts';

export interface Start {
  readonly settings: ClientSettings;
  readonly terminal: Terminal;
}

/** The exit code. */
export async function runLine(line: readonly string[], start: Start): Promise<number> {
  try {
    return (await run(line.length === 0 ? ['start'] : line, start)) ?? 0;
  } catch (thrown) {
    return explain(start.terminal, thrown);
  }
}

async function run(line: readonly string[], { settings, terminal }: Start): Promise<number | undefined> {
  const commands: ReadonlyMap<string, Command> = new Map(allCommands.map((command) => [command.words, command]));
  const at = wordAt(line);
  const asked = line[at] === 'help' ? [...line.slice(at + 1), '--help'] : line;
  const wantsHelp = asked.some((word) => word === '--help' || word === '-h');
  const words = asked.filter((word) => !word.startsWith('-'));
  if (wantsHelp && words.length === 0) {
    helpAll(terminal, commands);
    return 0;
  }
  if (wantsHelp && words.length === 1 && helpNoun(terminal, commands, words[0] ?? '')) return 0;
  const { command, rest } = findCommand(commands, asked);
  try {
    const typed = parseLine(command, rest);
    if (typed.options.help) {
      helpOne(terminal, command);
      return 0;
    }
    const scene: Scene = { settings, terminal, transport: () => transportOf(settings, typed.options) };
    return await command.run(scene, typed);
  } catch (thrown) {
    const code = explain(terminal, thrown, command);
    if (thrown instanceof UsageError && thrown.ofForm) helpBriefly(terminal, command);
    return code;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const THIS_MACHINE = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** A key that was not given with the address goes to no address that only the working directory names. */
function keyFor(url: string, settings: ClientSettings, options: Readonly<Record<string, unknown>>): string | undefined {
  const typed = textOf(options.key);
  const own = typed ?? (settings.keyOfFolder ? undefined : settings.key);
  if (
    own !== undefined &&
    options.url === undefined &&
    settings.urlOfFolder &&
    !THIS_MACHINE.test(new URL(url).hostname)
  ) {
    const from = typed === undefined ? 'NEXUS_API_KEY of the environment' : 'The key of --key';
    throw new UsageError(`${from} is not sent to ${url}, which only .env of this folder names: add --url ${url}`);
  }
  return typed ?? settings.key ?? findKey(settings.configHome, url);
}

function transportOf(settings: ClientSettings, options: Readonly<Record<string, unknown>>): Transport {
  const url = textOf(options.url) ?? settings.url;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`"${url}" is no URL of a server: write http://host:port, with --url or in NEXUS_URL`);
  }
  const key = keyFor(url, settings, options);
  // The key is not shown, whatever it is.
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError('the key has characters that no key has; look at --key or NEXUS_API_KEY');
  }
  return new Transport({ url, key, zone: textOf(options.tenant) ?? settings.zone, fetch: nodeFetch });
}
