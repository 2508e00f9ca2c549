/** rename (files.md §7). */
import { z } from 'zod';
import { refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { moveEntry, refuseInto } from './moves.ts';
import { branchParam, etagParam, path } from './params.ts';
import { reachMoves } from './reach.ts';
import { viewOf } from './view-of.ts';

const renameInput = z.object({
  old_path: path,
  new_path: path,
  overwrite: z.boolean().default(false).describe('a file may take the place of a file'),
  if_match: etagParam.optional(),
  ...branchParam,
});
const renameOutput = z.object({ renamed: z.boolean(), old_path: z.string(), path: z.string(), revision: z.number() });

export const rename: Operation<z.infer<typeof renameInput>, z.infer<typeof renameOutput>> = {
  name: 'file.rename',
  tool: 'move_file',
  summary: 'Rename or move a file or directory; history, metadata and grants move along.',
  effect: 'write',
  who: { role: 'operator' },
  input: renameInput,
  output: renameOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'NOT_A_DIRECTORY', 'ALREADY_EXISTS', 'ETAG_MISMATCH'],
  rpc: { name: 'rename', aliases: ['rename_file'] },
  cli: { words: 'file move', args: ['old_path', 'new_path'] },
  mapPaths: (input, map) => {
    const shown = input.new_path;
    const old_path = refuseRoot(map(input.old_path));
    const new_path = refuseRoot(map(input.new_path));
    refuseInto(old_path, new_path, shown);
    return { ...input, old_path, new_path };
  },
  needs: ({ old_path, new_path }) => [
    { permission: 'write', path: old_path },
    { permission: 'write', path: new_path },
  ],
  reach: (input) => reachMoves([[input.old_path, input.new_path]], input),
  object: (input) => input.old_path,
  run: async (call, input) => {
    const { old_path, new_path } = input;
    const view = await viewOf(call, input);
    const moved = await moveEntry(call, view, { ...input, from: old_path, to: new_path });
    return { ...moved, old_path: call.shown(old_path), path: call.shown(new_path) };
  },
};
