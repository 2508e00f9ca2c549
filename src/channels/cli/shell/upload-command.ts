/** The command that uploads; what it takes is loaded when it runs. */
import type { Command } from '../command.ts';
import { show } from '../show.ts';
import { bytesText, safe } from '../terminal.ts';

export const uploadCommand: Command = {
  words: 'upload',
  summary: 'Upload a large file to a path; the same command again goes on where it was interrupted.',
  args: ['local', 'path'],
  options: [{ name: 'content-type', about: 'by the name unless given', takes: 'text' }],
  run: async (scene, typed) => {
    const { uploadShown } = await import('./upload.ts');
    const uploaded = await uploadShown(scene, typed);
    const { path, version, size, resumed_at } = uploaded;
    const resumed = resumed_at > 0 ? `, of which ${bytesText(resumed_at)} were there` : '';
    if (scene.terminal.json) show(scene.terminal, uploaded);
    else scene.terminal.err(`${safe(path)}: version ${version}, ${bytesText(size)}${resumed}\n`);
    return undefined;
  },
};
