/**
 * Carries out the plan of a restore or merge. Guarantees: one event for the whole of it; write is asked on every path
 * that changes; usage is counted, and on main the grants on what was removed end; nothing to do is no change.
 */
import { parentOf } from '../../../base/paths.ts';
import type { Call } from '../../../core/operation.ts';
import { denied } from '../../access/grants.ts';
import { endTuplesOf } from '../../access/tuples.sql.ts';
import { checkQuota } from '../../zones/quota.ts';
import { makeParents, onBranch } from '../changes.ts';
import type { Spot } from '../tree.ts';
import { frozen, MAIN, type View } from '../view.ts';
import { belowAny } from '../within.ts';
import { applyPlan, clearPlan, endedPaths, findPlanned, hideDropped, type PlanTotals, totalPlan } from './plan.sql.ts';

export interface Task {
  readonly reason: 'restore' | 'merge';
  /** Everything that changes lies at or below it. */
  readonly path: string;
  /** The same, looked up, where the folders above it may be missing. */
  readonly spot?: Spot;
  /** More of what the event tells. */
  readonly told: Readonly<Record<string, unknown>>;
  readonly preview: boolean;
}

export interface Done extends PlanTotals {
  readonly revision: number;
}

/** ACCESS_DENIED at once where the caller may write nothing at or below a path. */
export async function requireSomeWrite(call: Call, path: string): Promise<void> {
  const writable = await call.access.writable();
  if (!writable.touches(path)) throw denied({ permission: 'write', path }, call.context);
}

/** Every path of the plan is one that the caller may write, and no content comes from a file that it may not read. */
export async function requirePlanned(call: Call, path: string): Promise<void> {
  const writable = await call.access.writable();
  if (writable.everything) return;
  const readable = await call.access.readable();
  const alone = writable.roots.filter((root) => !readable.has(parentOf(root)));
  const { dialect } = call.tx;
  const found = await findPlanned(call.tx, call.zone.zone_id, {
    sql: `(NOT ${belowAny('p.path', dialect)}
      OR (p.other_file = 1 AND p.path IN (SELECT value FROM ${dialect.textsOf})))`,
    params: [JSON.stringify(writable.roots), JSON.stringify(alone)],
  });
  if (found === undefined) return;
  // What the caller may not even read is not named.
  throw denied({ permission: 'write', path: readable.has(found) ? found : path }, call.context);
}

/** What was planned is done, or with `preview` only counted; the plan is gone afterwards. */
export async function carryOut(call: Call, view: View, task: Task): Promise<Done> {
  const { tx, zone } = call;
  const totals = await totalPlan(tx, zone.zone_id);
  const changes = totals.written + totals.removed + totals.directories_made + totals.directories_removed;
  const revision = task.preview || changes === 0 ? zone.seq : await apply(call, view, { task, totals });
  await clearPlan(tx, zone.zone_id);
  return { ...totals, revision };
}

async function apply(call: Call, view: View, { task, totals }: { task: Task; totals: PlanTotals }): Promise<number> {
  const { path, reason, spot, told } = task;
  const { written, removed, bytes, files, largest } = totals;
  if (bytes > 0) checkQuota(call.zone, 'file_bytes', { used: 0, by: largest });
  call.use('storage_bytes', bytes);
  call.use('files', files);
  const data = { via: reason, subtree: true, ...told, files: written, removed };
  const revision = call.event({ type: 'write', path, ...onBranch(view), data });
  if (spot) await makeParents(call, view, { spot, revision });
  const by = call.caller.user_id;
  await applyPlan(call.tx, view, { revision, ordinals: spot?.missing.length ?? 0, reason, now: call.now, by });
  await hideDropped(call.tx, frozen(view, call.zone.seq), revision);
  if (view.name === MAIN) await endTuplesOf(call, endedPaths(call.zone.zone_id));
  return revision;
}
