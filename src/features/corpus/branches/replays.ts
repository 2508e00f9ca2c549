/**
 * Replays of branches (corpus.md §9): the events behind the last checkpoint applied again. Guarantees: what is told is computed,
 * not looked up; a replay reads the lineage in one query and one text in another, however long the lineage is.
 */

import { z } from 'zod';
import { own } from '../../../base/own-data.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Computing } from '../../../core/call/computing.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import type { Operation } from '../../../core/operation.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import { findKept, type KeptText, readKept } from '../documents/texts.ts';
import { getBranch } from './bases.ts';
import { type BranchEvent, eventNameOf } from './events/apply.ts';
import type { Payload } from './events/event.ts';
import { type Replaying, replay, replayTask } from './evolving.ts';
import { type ReplayRow, replayRows } from './lineages.sql.ts';

const snapshotShape = z.object({
  text_hash: z.string(),
  preview: z.string(),
  event_count: z.number(),
  verified: z.boolean(),
});
export const replayShape = z.object({
  branch_id: z.string(),
  event_count: z.number(),
  text_hash: z.string(),
  preview: z.string(),
  replay_snapshot: snapshotShape,
});
export type Replay = z.infer<typeof replayShape>;

export interface ReplayPlan {
  readonly branch_id: string;
  /** Of the lineage. */
  readonly event_count: number;
  /** As it is kept. */
  readonly text_hash: string;
  readonly base: KeptText;
  readonly events: readonly Pick<ReplayRow, 'event_type' | 'payload'>[];
}

export const onlyBranch = z.object({ branch_id: z.string().describe('id of the branch') });
export type OnlyBranch = z.infer<typeof onlyBranch>;

/** Where to begin: with the last text that came with its event, with the checkpoint, or with what the lineage began with. */
function beginningOf(rows: readonly ReplayRow[]): { readonly hash: string; readonly events: readonly ReplayRow[] } {
  const carrier = rows.findLastIndex(({ carried }) => carried !== null);
  const carrying = rows[carrier];
  if (carrying) return { hash: carrying.text_hash, events: rows.slice(carrier + 1) };
  const [first] = rows;
  if (!first) throw new Error('a branch without a lineage');
  return first.root_hash === null
    ? { hash: first.text_hash, events: rows.slice(1) }
    : { hash: first.root_hash, events: rows };
}

export const planReplay: Operation<OnlyBranch, ReplayPlan> = {
  name: 'branch.plan-replay',
  summary: 'Find what the text of a branch is to be computed from.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  input: onlyBranch,
  output: own<ReplayPlan>(),
  faults: [],
  run: async (call, input) => {
    const { zone_id, branch_id, branch_version, text_hash } = await getBranch(call, input.branch_id);
    const { hash, events } = beginningOf(await replayRows(call.tx, { zone_id, branch_id }));
    const base = await findKept(call.tx, hash);
    if (!base) throw new Error(`the text ${hash} of branch ${branch_id} is not there`);
    const needed = events.map(({ event_type, payload }) => ({ event_type, payload }));
    return { branch_id, event_count: branch_version, text_hash, base, events: needed };
  },
};

const toEvent = ({ event_type, payload }: ReplayPlan['events'][number]): BranchEvent => ({
  event_type: eventNameOf(event_type),
  payload: parseJson(payload) as Payload,
});

interface Replayer {
  readonly blobs: Blobs;
  readonly computing: Computing;
  readonly signal?: AbortSignal;
}

/** Carries out what was planned, outside any transaction. */
export async function carryOut(plan: ReplayPlan, { blobs, computing, signal }: Replayer): Promise<Replay> {
  const { branch_id, event_count } = plan;
  const base = { bytes: await readKept(blobs, plan.base), text_hash: plan.base.sha256 };
  const replaying: Replaying = { base, events: plan.events.map(toEvent) };
  const weight = plan.base.size * (plan.events.length + 1);
  const { text_hash, preview } =
    weight <= AT_ONCE_BYTES ? replay(replaying) : await computing.run(replayTask, replaying, signal);
  const verified = text_hash === plan.text_hash;
  return { branch_id, event_count, text_hash, preview, replay_snapshot: { text_hash, preview, event_count, verified } };
}
