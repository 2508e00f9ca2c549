/** `nexus export` and `nexus import`: what they do is loaded when they run. */
import type { Command, Option } from '../command.ts';

const OUT: Option = { name: 'out', about: 'file to write, else standard output', takes: 'text' };

const run: Command['run'] = async (scene, typed) => (await import('./zone-transfer.ts')).runExport(scene, typed);

export const zoneCommands: readonly Command[] = [
  {
    words: 'export',
    summary: 'Write all of one zone into a file, to import it elsewhere.',
    args: ['zone?'],
    options: [{ name: 'zone', about: 'id of the zone', takes: 'text' }, OUT],
    run,
  },
  { words: 'zone export', summary: 'The same as export.', args: ['zone_id'], options: [OUT], run },
  {
    words: 'import',
    summary: 'Make a zone of an exported file, all at once or not at all.',
    args: ['file'],
    options: [{ name: 'zone', about: 'id of the new zone; the one it had unless given', takes: 'text' }],
    run: async (scene, typed) => (await import('./zone-transfer.ts')).runImport(scene, typed),
  },
];
