/** tree_restore (files.md §11): a place of the tree becomes what it was, as new versions. */
import { z } from 'zod';
import type { Call, Operation } from '../../../core/operation.ts';
import { findState } from '../files.sql.ts';
import { branchParam, path, viewParams } from '../params.ts';
import { reachPast } from '../reach.ts';
import { fileNotFound, lookUp, type Spot } from '../tree.ts';
import { frozen, type PastView, type View } from '../view.ts';
import { apartFrom, viewOf } from '../view-of.ts';
import { carryOut, requirePlanned, requireSomeWrite } from './carry-out.ts';
import { countFiles, planRestore } from './plan.sql.ts';

const restoreInput = z.object({
  to: viewParams.as_of.unwrap().describe('revision, snapshot id or name, or time to go back to'),
  path: path.default('/').describe('only this and what is below'),
  preview: z.boolean().default(false).describe('count, and change nothing'),
  ...branchParam,
});
type RestoreInput = z.infer<typeof restoreInput>;

const restoreOutput = z.object({
  written: z.number(),
  removed: z.number(),
  unchanged: z.number(),
  directories_made: z.number(),
  directories_removed: z.number(),
  revision: z.number(),
});

export const treeRestore: Operation<RestoreInput, z.infer<typeof restoreOutput>> = {
  name: 'tree.restore',
  summary: 'Bring the tree, or a part of it, back to what it was; as new versions, so it can be undone in turn.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: restoreInput,
  output: restoreOutput,
  faults: [
    'ACCESS_DENIED',
    'BRANCH_NOT_FOUND',
    'SNAPSHOT_NOT_FOUND',
    'REVISION_GONE',
    'FILE_NOT_FOUND',
    'NOT_A_DIRECTORY',
    'QUOTA_EXCEEDED',
  ],
  rpc: { name: 'tree_restore' },
  http: { method: 'POST', path: '/api/v2/tree/restore' },
  cli: { words: 'tree restore', args: ['to', 'path'] },
  examples: [{ title: 'to the empty tree, as a preview', input: { to: 0, preview: true } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  reach: (input) => reachPast(input.path),
  object: (input) => input.path,
  run: async (call, input) => {
    await requireSomeWrite(call, input.path);
    const view = await viewOf(call, { branch: input.branch });
    const past = frozen(await viewOf(call, { branch: input.branch, as_of: input.to, by: 'to' }), call.zone.seq);
    const now = frozen(apartFrom(call, view), call.zone.seq);
    const spot = input.path === '/' ? undefined : await spotOf(call, view, { past, path: input.path });
    await planRestore(call.tx, { now, past }, input.path);
    await requirePlanned(call, input.path);
    // What he may not read is not counted either. What changes he may write, and so read.
    const shown = await call.access.readable();
    const files = await countFiles(call.tx, apartFrom(call, view), { path: input.path, shown });
    const told = { to: past.layers[0].at, ...(past.name === view.name ? {} : { from: past.name }) };
    const done = await carryOut(call, view, { ...input, spot, reason: 'restore', told });
    const { written, removed, directories_made, directories_removed, replaced, revision } = done;
    const unchanged = files - removed - replaced;
    return { written, removed, unchanged, directories_made, directories_removed, revision };
  },
};

/** What stands at the path now; FILE_NOT_FOUND where nothing does, neither now nor then. */
async function spotOf(call: Call, view: View, at: { past: PastView; path: string }): Promise<Spot> {
  const spot = await lookUp(call, view, at.path);
  if (spot.state || (await findState(call.tx, at.past, at.path))) return spot;
  throw fileNotFound(call, at.path);
}
