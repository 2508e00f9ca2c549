/** The command that brings a local tree in; what it takes is loaded when it runs. */
import type { Command } from '../command.ts';

export const importCommand: Command = {
  words: 'file import',
  summary: 'Bring a local directory tree in, with progress; says what deduplication saved.',
  args: ['directory', 'path?'],
  options: [],
  run: async (scene, typed) => {
    const { importTree } = await import('./import-tree.ts');
    const [local = '.', target = '/'] = typed.args;
    await importTree(scene, local, target.startsWith('/') ? target : `/${target}`);
    return undefined;
  },
};
