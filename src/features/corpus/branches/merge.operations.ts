/** Merging one branch into another (corpus.md §9): a child of the left one, which stands on the documents of both. */

import { z } from 'zod';
import { jsonObject } from '../../../base/json-object.ts';
import { own } from '../../../base/own-data.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { requireMode } from '../../access/modes.ts';
import { type Base, baseOfBranch, checkLineage, getBranch } from './bases.ts';
import { badRequest } from './events/event.ts';
import { MERGE_STRATEGIES } from './events/joining.ts';
import { type Asked, FAULTS, modeParam, OPERATOR } from './evolve.operations.ts';
import { keepBranches } from './keeping.ts';
import { commonAncestor } from './lineages.sql.ts';
import { mergeBranches, type NewBranch } from './making.ts';
import type { ConflictSemantics } from './merge.ts';

const input = z.object({
  left_branch_id: z.string().describe('branch that goes on'),
  right_branch_id: z.string().describe('branch that is merged into it'),
  strategy: z.enum(MERGE_STRATEGIES).default('interleave').describe('whose words are taken'),
  mode: modeParam,
});
type Input = z.infer<typeof input>;

const output = z.object({
  new_branch_id: z.string(),
  event_id: z.string(),
  strategy: z.enum(MERGE_STRATEGIES),
  lca_branch_id: z.string().nullable(),
  conflict_semantics: jsonObject,
  diff_summary: jsonObject,
});
export type MergeOutput = z.infer<typeof output>;

interface AskedMerge extends Pick<Asked, 'mode' | 'switches'> {
  readonly left_branch_id: string;
  readonly right_branch_id: string;
}

interface Sides {
  readonly left: Base;
  readonly right: Base;
  readonly lca_branch_id: string | null;
}

const idOf = ({ parent }: Base): string => parent?.branch_id ?? '';

const lookAtSides: Operation<AskedMerge, Sides> = {
  name: 'branch.look-at-sides',
  summary: 'Find two branches that are to be merged, and what they have in common.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: own<AskedMerge>(),
  output: own<Sides>(),
  faults: [],
  run: async (call, { mode, switches, left_branch_id, right_branch_id }) => {
    await requireMode(call.tx, mode, { caller: call.caller, switches });
    const left = await baseOfBranch(call, left_branch_id);
    const right = await baseOfBranch(call, right_branch_id);
    const { zone_id } = call.zone;
    const key = (base: Base) => ({ zone_id, branch_id: idOf(base) });
    const lca_branch_id = await commonAncestor(call.tx, key(left), key(right));
    const root = left.root_document_id;
    if (lca_branch_id === null && (root === null || root !== right.root_document_id)) {
      throw badRequest('Branches do not share a common ancestor or root document');
    }
    checkLineage(left, 1, call.limits);
    return { left, right, lca_branch_id };
  },
};

interface Ready {
  readonly asked: AskedMerge;
  readonly sides: Sides;
  readonly strategy: Input['strategy'];
  readonly branch: NewBranch;
  readonly conflict_semantics: ConflictSemantics;
}

/** What was found may be seen no longer, or the mode have been closed. */
async function checkAgain(call: Call, { mode, switches, left_branch_id, right_branch_id }: AskedMerge): Promise<void> {
  await requireMode(call.tx, mode, { caller: call.caller, switches });
  await getBranch(call, left_branch_id);
  await getBranch(call, right_branch_id);
}

const merge: Operation<Input, MergeOutput, Ready> = {
  name: 'branch.merge',
  summary: 'Merge a branch into another, as a child of that.',
  effect: 'write',
  who: OPERATOR,
  input,
  output,
  faults: FAULTS,
  http: { method: 'POST', path: '/api/v1/branches/merge', tolerant: true },
  cli: { words: 'branch merge', args: ['left_branch_id', 'right_branch_id'] },
  object: ({ asked }) => asked.left_branch_id.slice(0, 64),
  prepare: async ({ strategy, ...sought }, preparation) => {
    const asked = { ...sought, switches: preparation.switches };
    const sides = await preparation.run(lookAtSides, asked);
    const { left, right, lca_branch_id } = sides;
    const names = { strategy, left_branch_id: idOf(left), right_branch_id: idOf(right), lca_branch_id };
    const merged = await mergeBranches(left, right, { names, making: preparation });
    return { asked, sides, strategy, ...merged };
  },
  run: async (call, { asked, sides, strategy, branch, conflict_semantics }) => {
    await checkAgain(call, asked);
    const { left, right, lca_branch_id } = sides;
    const right_branch_id = idOf(right);
    const { documents } = right;
    await keepBranches(call, { base: left, mode: asked.mode, branches: [branch], right_branch_id, documents });
    const { branch_id: new_branch_id, event_id, diff_summary } = branch;
    return {
      new_branch_id,
      event_id,
      strategy,
      lca_branch_id,
      conflict_semantics: { ...conflict_semantics },
      diff_summary,
    };
  },
};

export const mergeOperations = [lookAtSides, merge] as const;
