/**
 * One command line, run to its end: finds the command, runs it, and turns its failure into one line and an exit code by
 * fault (workflows.md §1.2). Commands of the server load the server; all others are a thin HTTP client.
 */
import { NexusError, UnreachableError } from '../../../client/errors.ts';
import { Transport } from '../../../client/transport.ts';
import { exitCodeOf, Fault } from '../../base/faults.ts';
import type { ClientSettings } from '../../config.ts';
import { type Command, type Scene, UsageError } from './command.ts';
import { allCommands } from './commands.ts';
import { helpAll, helpNoun, helpOne } from './help.ts';
import { findKey } from './key-file.ts';
import { nodeFetch } from './node-fetch.ts';
import { findCommand, parseLine, wordAt } from './parse-line.ts';
import type { Terminal } from './terminal.ts';

/** No server at the URL (workflows.md §1.2). */
const EXIT_UNREACHABLE = 3;
const EXIT_USAGE = 2;

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
  const typed = parseLine(command, rest);
  if (typed.options.help) {
    helpOne(terminal, command);
    return 0;
  }
  const scene: Scene = { settings, terminal, transport: () => transportOf(settings, typed.options) };
  try {
    return await command.run(scene, typed);
  } catch (thrown) {
    return explain(terminal, thrown, command.hints);
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function transportOf(settings: ClientSettings, options: Readonly<Record<string, unknown>>): Transport {
  const url = textOf(options.url) ?? settings.url;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`"${url}" is no URL of a server: write http://host:port, with --url or in NEXUS_URL`);
  }
  const key = textOf(options.key) ?? settings.key ?? findKey(settings.configHome, url);
  // The key is not shown, whatever it is.
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError('the key has characters that no key has; look at --key or NEXUS_API_KEY');
  }
  return new Transport({ url, key, zone: textOf(options.tenant) ?? settings.zone, fetch: nodeFetch });
}

/** One line for a person, the whole fault for a program, and the exit code. */
function explain(terminal: Terminal, thrown: unknown, hints: Command['hints'] = {}): number {
  if (thrown instanceof UsageError) {
    terminal.err(`nexus: ${thrown.message}\n`);
    return EXIT_USAGE;
  }
  if (thrown instanceof UnreachableError) {
    terminal.err(`nexus: ${thrown.message}; start one with: nexus start\n`);
    return EXIT_UNREACHABLE;
  }
  if (thrown instanceof NexusError) {
    if (terminal.json) {
      const { code, message, retryable, data, requestId } = thrown;
      terminal.err(`${JSON.stringify({ error: { code, message, retryable, data }, request_id: requestId })}\n`);
    } else {
      terminal.err(`nexus: ${thrown.message} [${thrown.code}]\n`);
      const hint = thrown.status === 401 ? 'give a key with --key or NEXUS_API_KEY' : hints[thrown.code];
      if (hint !== undefined) terminal.err(`  ${hint}\n`);
    }
    return exitCodeOf(thrown.status);
  }
  if (thrown instanceof Fault) {
    terminal.err(`nexus: ${thrown.message} [${thrown.code}]\n`);
    return exitCodeOf(thrown.row.http);
  }
  terminal.err(`nexus: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  return 1;
}
