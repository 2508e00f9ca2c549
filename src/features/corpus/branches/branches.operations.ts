/** Branches as clients ask for them (corpus.md §14). Guarantees: one that the caller may not see is not found and not listed. */

import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { pageParams } from '../../../base/page-params.ts';
import { type Operation, ofBrick } from '../../../core/operation.ts';
import { seenThings } from '../documents/sight.ts';
import { findKept, type KeptText, readKept } from '../documents/texts.ts';
import { getBranch } from './bases.ts';
import { listBranches } from './branches.sql.ts';
import { distanceOf, PREVIEW_CHARACTERS, previewOf } from './compare.ts';
import { evolveOperations } from './evolve.operations.ts';
import { historyOperations } from './history.operations.ts';
import { mergeOperations } from './merge.operations.ts';
import {
  carryOut,
  type OnlyBranch,
  onlyBranch,
  planReplay,
  type Replay,
  type ReplayPlan,
  replayShape,
} from './replays.ts';

const VIEWER = { role: 'viewer' } as const;
const ROOT = '/api/v1/branches';

const listInput = z.object({
  ...pageParams(),
});
const listOutput = z.object({
  branches: z.array(
    z.object({
      id: z.string(),
      parent_branch_id: z.string().nullable(),
      root_document_id: z.string().nullable(),
      mode: z.string(),
      branch_version: z.number(),
      created_at: z.string(),
    }),
  ),
});
export type BranchList = z.infer<typeof listOutput>;

const list: Operation<z.infer<typeof listInput>, BranchList> = {
  name: 'branch.list',
  summary: 'List branches, newest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: ROOT, tolerant: true },
  cli: { words: 'branch list' },
  examples: [{ title: 'the newest', input: {} }],
  run: async (call, page) => {
    const where = await seenThings(call, 'branch', 'corpus_branches.branch_id');
    const rows = await listBranches(call.tx, call.zone.zone_id, { where, page });
    return {
      branches: rows.map(({ branch_id: id, created_at, ...row }) => ({ id, ...row, created_at: isoTime(created_at) })),
    };
  },
};

const replay: Operation<OnlyBranch, Replay, Replay> = {
  name: 'branch.replay',
  summary: 'Compute the text of a branch from its events.',
  effect: 'read',
  who: VIEWER,
  input: onlyBranch,
  output: replayShape,
  faults: ['NOT_FOUND', 'UNAVAILABLE'],
  http: { method: 'POST', path: `${ROOT}/:branch_id/replay`, tolerant: true },
  cli: { words: 'branch replay', args: ['branch_id'] },
  prepare: async (input, preparation) =>
    carryOut(await preparation.run<OnlyBranch, OnlyBranch, ReplayPlan>(planReplay, input), preparation),
  run: async (_call, replayed) => replayed,
};

const compareInput = onlyBranch.extend({
  other_branch_id: z.string().describe('id of the branch that it is compared with'),
});
type CompareInput = z.infer<typeof compareInput>;
const compareOutput = z.object({
  left_branch_id: z.string(),
  right_branch_id: z.string(),
  left_hash: z.string(),
  right_hash: z.string(),
  distance: z.number(),
  same: z.boolean(),
  preview_left: z.string(),
  preview_right: z.string(),
});
export type BranchComparison = z.infer<typeof compareOutput>;

interface Side {
  readonly branch_id: string;
  readonly kept: KeptText;
}

/** UTF-8 bytes that hold the characters of a preview, whatever they are. */
const PREVIEW_BYTES = 4 * PREVIEW_CHARACTERS;

const compare: Operation<CompareInput, BranchComparison, CompareInput, readonly [Side, Side]> = {
  name: 'branch.compare',
  summary: 'Compare the texts of two branches by their beginnings.',
  effect: 'read',
  who: VIEWER,
  input: compareInput,
  output: compareOutput,
  faults: ['NOT_FOUND', 'UNAVAILABLE'],
  http: { method: 'GET', path: `${ROOT}/:branch_id/compare/:other_branch_id`, tolerant: true },
  cli: { words: 'branch compare', args: ['branch_id', 'other_branch_id'] },
  run: async (call, input) => {
    const sideOf = async (id: string): Promise<Side> => {
      const { branch_id, text_hash } = await getBranch(call, id);
      const kept = await findKept(call.tx, text_hash);
      if (!kept) throw new Error(`the text ${text_hash} of branch ${branch_id} is not there`);
      return { branch_id, kept };
    };
    return [await sideOf(input.branch_id), await sideOf(input.other_branch_id)];
  },
  finish: async ([left, right], { blobs }) => {
    const beginning = async ({ kept }: Side): Promise<string> =>
      previewOf(Buffer.from(await readKept(blobs, kept, { end: PREVIEW_BYTES })).toString('utf8'));
    const [preview_left, preview_right] = [await beginning(left), await beginning(right)];
    return {
      left_branch_id: left.branch_id,
      right_branch_id: right.branch_id,
      left_hash: left.kept.sha256,
      right_hash: right.kept.sha256,
      distance: distanceOf(preview_left, preview_right),
      same: left.kept.sha256 === right.kept.sha256,
      preview_left,
      preview_right,
    };
  },
};

export const branchOperations = ofBrick<object>('corpus', [
  planReplay,
  ...evolveOperations,
  ...mergeOperations,
  list,
  replay,
  compare,
  ...historyOperations,
]);
