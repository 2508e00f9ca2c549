/** The configuration as the commands of the server read it: environment, `.env`, and what was typed. */
import type { Log } from '../../../base/log.ts';
import { readDotenv } from '../../../config/dotenv.ts';
import { type Environment, readEnvironment } from '../../../config/environment.ts';
import { ConfigError, type Loaded, loadConfig } from '../../../config.ts';
import type { Typed } from '../command.ts';
import type { Terminal } from '../terminal.ts';

export const EXIT_CONFIG = 2;

const dotenv = (): Environment =>
  readDotenv((reason) => {
    throw new ConfigError([`.env: cannot be read: ${reason}`]);
  });

/** What is odd about the configuration, in the log of a server; other commands have said it to whoever typed them. */
export const logWarnings = ({ warnings }: Loaded, log: Log): void => {
  for (const { event, message } of warnings) log('warn', event, { msg: message });
};

/** The same, in words. */
export const sayWarnings = ({ warnings }: Loaded, terminal: Terminal): void => {
  for (const { message } of warnings) terminal.err(`warning: ${message}\n`);
};

/** The configuration, or its mistakes on stderr. `defaults` hold where neither the environment nor `.env` says anything. */
export function load(terminal: Pick<Terminal, 'err'>, typed: Typed, defaults: Environment = {}): Loaded | undefined {
  const { port, host, data } = typed.options as Record<string, string | undefined>;
  const given = { NEXUS_PORT: port, NEXUS_HOST: host, NEXUS_DATA_DIR: data };
  try {
    return loadConfig({ environment: readEnvironment(), dotenv: { ...defaults, ...dotenv() }, given });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const line of thrown.lines) terminal.err(`${line}\n`);
    return undefined;
  }
}
