/** `nexus dump`: the state of the database as lines of JSON, and their hash. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Command } from '../command.ts';
import { show } from '../show.ts';
import { EXIT_CONFIG, load, sayWarnings } from './load.ts';

export const runDump: Command['run'] = async ({ terminal }, typed) => {
  const loaded = load(terminal, typed);
  if (!loaded) return EXIT_CONFIG;
  sayWarnings(loaded, terminal);
  const { dumpDatabase } = await import('../../../roof/backups/offline.ts');
  const { absence } = await import('../../../roof/offline.ts');
  const absent = absence(loaded.config);
  if (absent) throw new Error(absent);
  const { out, figures: only } = typed.options as { out?: string; figures?: boolean };
  if (only) {
    show(terminal, await dumpDatabase(loaded.config, () => undefined));
    return 0;
  }
  if (out === undefined) {
    const { sha256, rows } = await dumpDatabase(loaded.config, (text) => terminal.bytes(Buffer.from(text)));
    terminal.err(`sha256=${sha256} rows=${rows}\n`);
    return 0;
  }
  const file = createWriteStream(out, { mode: 0o600 });
  await once(file, 'open');
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => file.write(text, (failure) => (failure ? reject(failure) : resolve())));
  const figures = await dumpDatabase(loaded.config, write);
  await new Promise<void>((resolve) => file.end(resolve));
  show(terminal, figures);
  return 0;
};
