/**
 * The end of a zone. Guarantees: what is to be done stands in rows, so a pass that is broken off anywhere is carried on by
 * the next one, on this node or another; a finalizer that fails is tried again after a growing delay and keeps the others
 * from nothing.
 */
import type { Log } from '../base/log.ts';
import type { Operation } from '../core/operation.ts';
import { endGuests, hostZones, removeKeysOf, removeTuplesOf } from '../features/access/housekeeping.operations.ts';
import { removeAgentsOf } from '../features/agents/ageing.operations.ts';
import { removeAnswersOf } from '../features/answers/answers.operations.ts';
import { removeCorpusOf } from '../features/corpus/corpus.finalizers.ts';
import { removeFilesOf, removeTreeOf } from '../features/files/files.finalizers.ts';
import { removeJobsOf } from '../features/jobs/worker-steps.operations.ts';
import { removeMcpOf } from '../features/mcp/mcp.operations.ts';
import { removeMountsOf } from '../features/mounts/housekeeping.operations.ts';
import { removeSyncOf } from '../features/sync/sync.finalizers.ts';
import { FINALIZERS, type FinalizerName } from '../features/zones/finalizers.ts';
import {
  pendingFinalizers,
  removeEventsOf,
  settleFinalizer,
  terminateZone,
} from '../features/zones/sweep.operations.ts';
import { type CollectParts, collectBlobs } from './collect.ts';
import { endUploadsOf } from './uploads.ts';

export interface SweepParts extends CollectParts {
  readonly log: Log;
}

/** One pass over what is left of a zone that is ending; gives the finalizers that have still to be tried again. */
export async function sweepZone(parts: SweepParts, zone_id: string): Promise<readonly FinalizerName[]> {
  const { step, clock, signal, log } = parts;
  const pending = await step(pendingFinalizers, zone_id, {});
  const left: FinalizerName[] = [];
  for (const name of FINALIZERS) {
    const due = pending.find((one) => one.name === name);
    if (!due) continue;
    if (signal.aborted || due.next_at > clock.now()) {
      left.push(name);
      continue;
    }
    const ok = await finalize(parts, zone_id, name);
    if (signal.aborted || !ok) left.push(name);
    if (!signal.aborted) await step(settleFinalizer, zone_id, { name, ok });
  }
  const { ended } = await step(terminateZone, zone_id, {});
  if (ended) log('info', 'zone.terminated', { zone: zone_id });
  return left;
}

/** False where it failed, which is logged. */
async function finalize(parts: SweepParts, zone_id: string, name: FinalizerName): Promise<boolean> {
  try {
    while (!parts.signal.aborted && (await SLICES[name](parts, zone_id)));
    return true;
  } catch (thrown) {
    const err = thrown instanceof Error ? thrown.stack : String(thrown);
    parts.log('warn', 'sweep.finalizer-failed', { zone: zone_id, finalizer: name, err });
    return false;
  }
}

/** One slice of the work; true while more is left. */
type Slice = (parts: SweepParts, zone_id: string) => Promise<boolean>;

const rows =
  (operation: Operation<Record<string, never>, { left: boolean }>): Slice =>
  async ({ step }, zone_id) =>
    (await step(operation, zone_id, {})).left;

/** What each finalizer does: every feature that keeps something of a zone has its line here. */
const SLICES: Readonly<Record<FinalizerName, Slice>> = {
  keys: rows(removeKeysOf),
  answers: rows(removeAnswersOf),
  agents: rows(removeAgentsOf),
  jobs: rows(removeJobsOf),
  shares: endSharesWith,
  tuples: rows(removeTuplesOf),
  uploads: endUploadsOf,
  sync: rows(removeSyncOf),
  mounts: rows(removeMountsOf),
  mcp: rows(removeMcpOf),
  corpus: rows(removeCorpusOf),
  tree: rows(removeTreeOf),
  files: rows(removeFilesOf),
  events: rows(removeEventsOf),
  blobs: async (parts) => {
    await collectBlobs(parts);
    return false;
  },
};

/** Other zones no longer share with a zone that is ending; each of them notes it in its own log. */
async function endSharesWith({ step }: SweepParts, zone_id: string): Promise<boolean> {
  const hosts = await step(hostZones, 'root', { guest: zone_id });
  for (const host of hosts) await step(endGuests, host, { guest: zone_id });
  return hosts.length > 0;
}
