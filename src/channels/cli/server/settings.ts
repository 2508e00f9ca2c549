/** `nexus config`: every setting, and where its value comes from. */
import type { Command } from '../command.ts';
import { show } from '../show.ts';
import { table } from '../terminal.ts';
import { EXIT_CONFIG, load, sayWarnings } from './load.ts';

export const runConfig: Command['run'] = async ({ terminal }, typed) => {
  const loaded = load(terminal, typed);
  if (!loaded) return EXIT_CONFIG;
  sayWarnings(loaded, terminal);
  if (terminal.json) show(terminal, loaded.lines);
  else {
    table(
      terminal,
      ['NAME', 'VALUE', 'SOURCE', 'DEFAULT', 'MEANING'].map((title) => ({ title })),
      loaded.lines.map((line) => [
        line.name,
        line.value,
        line.source,
        // Told by the value where that is it.
        line.source === 'default' ? '' : line.default,
        line.about,
      ]),
    );
  }
  return 0;
};
