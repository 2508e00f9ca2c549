/** tree_merge (files.md §11): what was changed on one branch comes to another. */
import { z } from 'zod';
import { Fault, invalidParams } from '../../../base/faults.ts';
import { plural } from '../../../base/plural.ts';
import { idText, plainText } from '../../../base/texts.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { frozen, MAIN, type PastView, type View } from '../view.ts';
import { apartFrom, branchView, viewOf } from '../view-of.ts';
import { findMerge, keepMerge } from './branches.sql.ts';
import { carryOut, requirePlanned, requireSomeWrite } from './carry-out.ts';
import { listConflicts, planMerge } from './merge-plan.sql.ts';

/** Conflicts told of one merge. */
const CONFLICTS_TOLD = 1_000;

const mergeInput = z.object({
  branch: idText.describe('branch to merge'),
  into: plainText.default(MAIN).describe('branch to change'),
  strategy: z
    .enum(['fail', 'ours', 'theirs'])
    .default('fail')
    .describe('where both changed a path differently: refuse, keep what `into` has, or take what `branch` has'),
  preview: z.boolean().default(false).describe('tell what would be done, and change nothing'),
});
type MergeInput = z.infer<typeof mergeInput>;

const side = z.string().nullable().describe("an etag, 'directory', or null for nothing");
const mergeOutput = z.object({
  merged: z.boolean(),
  written: z.number(),
  removed: z.number(),
  directories_made: z.number(),
  directories_removed: z.number(),
  conflicts: z.array(z.object({ path: z.string(), base: side, ours: side, theirs: side })),
  revision: z.number(),
});
type MergeOutput = z.infer<typeof mergeOutput>;

export const treeMerge: Operation<MergeInput, MergeOutput> = {
  name: 'tree-branch.merge',
  summary: 'Merge a branch into another: three-way by content, path by path.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: mergeInput,
  output: mergeOutput,
  faults: ['ACCESS_DENIED', 'BRANCH_NOT_FOUND', 'MERGE_CONFLICT', 'QUOTA_EXCEEDED'],
  rpc: { name: 'tree_merge' },
  http: { method: 'POST', path: '/api/v2/tree/branches/:branch/merge' },
  cli: { words: 'tree-branch merge', args: ['branch', 'into'] },
  object: (input) => input.branch,
  run: async (call, input) => {
    const { branch, into, strategy, preview } = input;
    await requireSomeWrite(call, '/');
    if (branch === into) throw invalidParams({ path: 'into', message: 'is the branch itself' });
    const { seq, zone_id } = call.zone;
    const source = await viewOf(call, { branch });
    const target = await viewOf(call, { branch: into });
    const base = await baseOf(call, source, target);
    const settle = strategy === 'theirs' ? 'theirs' : 'ours';
    const theirs = frozen(apartFrom(call, source), seq);
    await planMerge(call.tx, { base, ours: frozen(target, seq), theirs, target, settle });
    await requirePlanned(call, '/');
    const { conflicts, total } = await listConflicts(call.tx, zone_id, CONFLICTS_TOLD);
    if (strategy === 'fail' && !preview && total > 0) throw mergeConflict(input, conflicts, total);
    const done = await carryOut(call, target, { reason: 'merge', path: '/', preview, told: { from: branch } });
    if (!preview) await remember(call, source, { into: target, revision: done.revision });
    const { written, removed, directories_made, directories_removed, revision } = done;
    const merged = !preview;
    return { merged, written, removed, directories_made, directories_removed, conflicts, revision };
  },
};

/**
 * What both sides came from: the merged branch as of the newest merge between the two (in the other direction: the other
 * branch as of it), or as of its creation; of a branch that `into` grew from, as of then.
 */
async function baseOf(call: Call, source: View, target: View): Promise<PastView> {
  const { zone_id } = call.zone;
  const [own, parent] = source.layers;
  const merge = await findMerge(call.tx, zone_id, [own.branch, target.layers[0].branch]);
  if (merge) {
    const { branch: key, merged_revision } = merge;
    return frozen(await branchView(call, { key }, null), merged_revision);
  }
  const grown = target.layers.find(({ branch }) => branch === own.branch);
  const at = grown ? grown.at : parent?.at;
  if (at === undefined || at === null) throw new Error(`${source.name} and ${target.name} have nothing in common`);
  return frozen(source, at);
}

/** The next merge between the two begins here. */
async function remember(call: Call, source: View, merge: { into: View; revision: number }): Promise<void> {
  await keepMerge(call.tx, call.zone.zone_id, {
    branch: source.layers[0].branch,
    into_branch: merge.into.layers[0].branch,
    merged_revision: merge.revision,
  });
}

function mergeConflict(input: MergeInput, conflicts: MergeOutput['conflicts'], total: number): Fault {
  const message =
    `Branches ${input.branch} and ${input.into} changed ${plural(total, 'path')} differently, first ${conflicts[0]?.path}; ` +
    'settle them on the branch, or merge with strategy ours or theirs';
  return new Fault('MERGE_CONFLICT', message, { conflicts, total });
}
