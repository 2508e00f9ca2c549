/** The command line as a process: its arguments, environment and streams. */
import { existsSync } from 'node:fs';
import { VERSION } from '../../base/version.ts';
import type { Environment } from '../../config/environment.ts';
import type { Terminal } from './terminal.ts';

/** One that a command of the server cannot read stops it (server/load.ts); a client may have no use for it. */
async function dotenvFor(terminal: Pick<Terminal, 'err'>): Promise<Environment> {
  const { readDotenv } = await import('../../config/dotenv.ts');
  return readDotenv((reason) => terminal.err(`warning: .env is left out: ${reason}\n`));
}

async function main(line: readonly string[]): Promise<number> {
  if (line[0] === '--version' || line[0] === 'version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const { clientSettings, readEnvironment } = await import('../../config/environment.ts');
  const { runLine } = await import('./run-line.ts');
  const { openTerminal } = await import('./terminal.ts');
  const environment = readEnvironment();
  const terminal = openTerminal({ json: line.includes('--json'), color: !environment.NO_COLOR });
  const settings = clientSettings(environment, existsSync('.env') ? await dotenvFor(terminal) : {});
  return runLine(line, { settings, terminal });
}

process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`nexus ls | head`) is no failure.
  if (failure.code === 'EPIPE') process.exit(0);
});
process.exitCode = await main(process.argv.slice(2));
