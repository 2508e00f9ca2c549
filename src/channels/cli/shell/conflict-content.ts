/** The bytes of one side of a conflict, as they are. */
import type { Command } from '../command.ts';
import { writeContent } from './content.ts';

export const conflictContent: Command = {
  words: 'conflict content',
  summary: 'Write the content of one side of a conflict to standard output.',
  args: ['id'],
  options: [{ name: 'side', about: 'local or remote; remote unless given', takes: 'text' }],
  run: async (scene, { args: [id = ''], options }) => {
    const side = String(options.side ?? 'remote');
    const path = `/api/v2/sync/conflicts/${encodeURIComponent(id)}/content?side=${encodeURIComponent(side)}`;
    return writeContent(scene, path);
  },
};
