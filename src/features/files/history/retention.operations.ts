/**
 * Pruning of the history of one zone, as a step of the server itself; no door reaches it. Guarantees: each step is one
 * short transaction and can be repeated; what is current is never pruned; a revision that is no longer complete is below
 * the zone's oldest one from the same commit on.
 */
import { z } from 'zod';
import type { Call, Operation } from '../../../core/operation.ts';
import { OPEN_END } from '../../../ports/sql.ts';
import { findLastEventAt, findLastMark } from '../../events/moments.sql.ts';
import { limitsOf } from '../../zones/quota.ts';
import { historyBytes } from '../../zones/usage.sql.ts';
import { raiseOldestRevision } from '../../zones/zones.sql.ts';
import { listLinks, listMerges } from './branches.sql.ts';
import { deleteOfBranch, deletePast, listKeys, listPast } from './retention.sql.ts';
import { isDeleted, judge, type Pins, pinsOf } from './retention.ts';
import { listPinned } from './snapshots.sql.ts';

/** Newest versions of a file that are kept however old, and days for which everything is (files.md §7). */
const VERSIONS_KEPT = 100;
const HISTORY_DAYS = 90;
const DAY_MS = 86_400_000;

/** States of one step: short enough that other writes of the engine hardly wait. */
const SLICE_ROWS = 500;

const edge = z.object({ ended: z.number(), path: z.string(), branch: z.string() });
const step = z.object({
  /** Where the step before ended; null to begin. */
  after: edge.nullable(),
  /** Bytes by which history passes its limit, as the step before left them. */
  excess: z.number(),
});
const outcome = step.extend({ pruned: z.number(), done: z.boolean() });
type Step = z.infer<typeof step>;
type Outcome = z.infer<typeof outcome>;

export const pruneTree: Operation<Step, Outcome> = {
  name: 'tree.prune',
  summary: 'Prune a slice of the history of a zone.',
  effect: 'write',
  who: 'root admin',
  internal: true,
  input: step,
  output: outcome,
  faults: [],
  run: async (call, { after, excess }) => {
    const { tx } = call;
    const { zone_id } = call.zone;
    const links = await listLinks(tx, zone_id);
    if (!after) {
      const dead = (await listKeys(tx, zone_id)).find((branch) => isDeleted(branch, links));
      if (dead !== undefined) {
        const pruned = await deleteOfBranch(tx, zone_id, { branch: dead, rows: SLICE_ROWS });
        return { pruned, after, excess, done: false };
      }
    }
    const limits = limitsOf(call.zone);
    const old = call.now - (limits.history_days || HISTORY_DAYS) * DAY_MS;
    const cut = (await findLastEventAt(tx, zone_id, old)) ?? (await findLastMark(tx, zone_id, old)) ?? 0;
    const over = after ? excess : await excessOf(call);
    const until = over > 0 ? OPEN_END : cut;
    const versions_kept = limits.versions_kept || VERSIONS_KEPT;
    const past = await listPast(tx, zone_id, { after, until, rows: SLICE_ROWS, versions_kept });
    const last = past.at(-1);
    if (!last) return { pruned: 0, after: null, excess: 0, done: true };
    const verdict = judge(past, { pins: await pinsNow(call, links), cut, excess: over });
    await deletePast(tx, zone_id, verdict.pruned);
    const oldest = verdict.pruned.at(-1)?.ended;
    if (oldest !== undefined) await raiseOldestRevision(tx, zone_id, oldest);
    const { ended, path, branch } = last;
    return { pruned: verdict.pruned.length, after: { ended, path, branch }, excess: verdict.excess, done: false };
  },
};

/** Bytes of history beyond the zone's limit. */
async function excessOf(call: Call): Promise<number> {
  const { zone_id } = call.zone;
  const limit = limitsOf(call.zone).max_history_bytes ?? 0;
  return limit === 0 ? 0 : ((await historyBytes(call.tx, [zone_id])).get(zone_id) ?? 0) - limit;
}

async function pinsNow(call: Call, links: Awaited<ReturnType<typeof listLinks>>): Promise<Pins> {
  const { zone_id } = call.zone;
  const snapshots = await listPinned(call.tx, zone_id);
  const merges = await listMerges(call.tx, zone_id);
  return pinsOf([...snapshots, ...merges.map((m) => ({ branch: m.branch, revision: m.merged_revision }))], links);
}

/** Prunes a zone from the beginning to the end; `run` takes one step, in a transaction of its own. Gives the number. */
export async function pruneZone(run: (input: Step) => Promise<Outcome>, signal?: AbortSignal): Promise<number> {
  let pruned = 0;
  let input: Step = { after: null, excess: 0 };
  while (!signal?.aborted) {
    const { done, pruned: more, ...next } = await run(input);
    pruned += more;
    if (done) break;
    input = next;
  }
  return pruned;
}
