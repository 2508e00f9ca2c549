/** rm. */
import { NexusError } from '../../../../client/errors.ts';
import type { Entry } from '../../../../client/pages.ts';
import type { Command, Scene } from '../command.ts';
import { explain } from '../explain.ts';
import { show } from '../show.ts';
import { safe } from '../terminal.ts';
import { BRANCH, flag, viewOf } from './options.ts';

const RM_HINTS = { IS_A_DIRECTORY: 'nexus rm -r removes a directory with all that is in it' };

export const rm: Command = {
  words: 'rm',
  summary: 'Delete files; with -r directories and all that is in them.',
  args: ['path…'],
  options: [flag('recursive', 'directories too', 'r'), BRANCH],
  hints: RM_HINTS,
  run: async (scene, typed) => {
    const { branch } = viewOf(typed);
    const recursive = Boolean(typed.options.recursive);
    const several = typed.args.length > 1;
    const answers: unknown[] = [];
    let code: number | undefined;
    for (const path of typed.args) {
      try {
        answers.push(await removeOne(scene, { path, branch, recursive }));
      } catch (thrown) {
        // The others are removed all the same, as rm does it; without a server there is nothing to go on with.
        if (!several || !(thrown instanceof NexusError)) throw thrown;
        const exit = explain(scene.terminal, thrown, { hints: RM_HINTS });
        code ??= exit;
      }
    }
    if (scene.terminal.json) show(scene.terminal, several ? answers : answers[0]);
    return code;
  },
};

async function removeOne(scene: Scene, ask: { path: string; branch: unknown; recursive: boolean }): Promise<unknown> {
  const { path, branch } = ask;
  const transport = scene.transport();
  const stat = ask.recursive ? ((await transport.rpc('stat', { path, branch })) as Entry) : undefined;
  const answer = stat?.is_directory
    ? await transport.rpc('rmdir', { path, branch, recursive: true })
    : await transport.rpc('delete', { path, branch });
  if (!scene.terminal.json) scene.terminal.err(`removed ${safe(path)}\n`);
  return answer;
}
