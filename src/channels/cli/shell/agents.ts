/** Agents at the command line: capabilities as people type them, a key that is shown while it can be, and views. */
import type { Result } from '../../../../client/wire.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { type Command, type Option, type Typed, UsageError } from '../command.ts';
import { altered, derivedCommand, lineOf, loadedCommands, optionsOf, paramsOf, send } from '../derived.ts';
import { show } from '../show.ts';
import { paint, type Terminal } from '../terminal.ts';

type Registered = Result<'register_agent'>;

const CAPABILITIES = 'capabilities';

/** A list of capabilities as people type it: `read,crawl`. */
function asList(typed: Typed): Typed {
  const given = typed.options[CAPABILITIES];
  if (typeof given !== 'string') return typed;
  const names = given.startsWith('[') ? jsonList(given) : given.split(',').filter((name) => name !== '');
  return { ...typed, options: { ...typed.options, [CAPABILITIES]: names } };
}

function jsonList(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new UsageError(`--${CAPABILITIES} takes read,crawl or a JSON list`);
  }
}

/** The command of an operation that takes capabilities. */
function withCapabilities(words: string, shown: (terminal: Terminal, answer: unknown) => void = show): Command {
  const typedList = (one: Option): Option => (one.name === CAPABILITIES ? { ...one, takes: 'text' } : one);
  return altered(derivedCommand(words, shown), {
    get options() {
      return optionsOf(lineOf(words)).map(typedList);
    },
    run: async (scene, typed) => {
      const line = lineOf(words);
      shown(scene.terminal, await send(scene.transport(), line, paramsOf(line, asList(typed))));
      return undefined;
    },
  });
}

const register = withCapabilities('agent register', (terminal, answer) => {
  show(terminal, answer);
  if (terminal.json) return;
  const { api_key, already_registered } = answer as Registered;
  if (already_registered) terminal.err('it was registered already, and is as it was\n');
  if (api_key === undefined) return;
  terminal.out(`${paint(terminal, 'dim', 'key')}  ${api_key}\n`);
  terminal.err('Keep the key: it is shown this once.\n');
});

export const agentCommands: readonly Command[] = [
  register,
  withCapabilities('agent update'),
  withCapabilities('agent set-spec'),
  ...loadedCommands(
    ['agent list', 'agent status', 'inbox list'],
    async () => (await import('./agent-views.ts')).agentViews,
  ),
];
