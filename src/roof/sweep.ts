/**
 * The loop that ends zones, prunes history and the audit log, and collects blobs. Guarantees: what is to be done stands in
 * rows, so a loop that is killed anywhere is carried on by the next one, on this node or another; a zone is swept by one
 * node at a time; a finalizer that fails is tried again after a growing delay and keeps the others from nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Operation } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import { endGuests, hostZones, removeKeysOf, removeTuplesOf } from '../features/access/housekeeping.operations.ts';
import { removeFilesOf, removeTreeOf } from '../features/files/files.finalizers.ts';
import { removeJobsOf } from '../features/jobs/worker-steps.operations.ts';
import { FINALIZERS, type FinalizerName } from '../features/zones/finalizers.ts';
import {
  claim,
  freeZones,
  pendingFinalizers,
  removeEventsOf,
  settleFinalizer,
  terminateZone,
  terminatingZones,
  zoneLease,
} from '../features/zones/sweep.operations.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import { type AuditKeeping, pruneAudit } from './audit/prune.ts';
import { type CollectParts, collectBlobs, finishRemovals } from './collect.ts';
import { pruneZones, trimEvents } from './prune.ts';
import { systemSteps } from './system.ts';

export interface SweepParts {
  readonly runner: Runner;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly log: Log;
  /** No other node works on this database. */
  readonly alone: boolean;
  /** What is kept of the audit log. */
  readonly audit: AuditKeeping;
  /** Days for which events are kept; undefined is for ever. */
  readonly eventDays: number | undefined;
}

export interface Sweep {
  /** Ends the loop between two steps. */
  stop(): Promise<void>;
}

/** How often zones that are to end are looked for. */
const TICK_MS = 1_000;
/** A lease is renewed when half of it is over. */
const LEASE_MS = 30_000;
/** The lease on a pass over history or blobs is not given back: when it is over, the next pass is due. */
const PASS_EVERY_MS = 600_000;
/** The audit log of a busy server grows by hundreds of megabytes in ten minutes. */
const AUDIT_EVERY_MS = 60_000;

interface Sweeping extends CollectParts {
  readonly log: Log;
  readonly holder: string;
  readonly audit: AuditKeeping;
  readonly eventDays: number | undefined;
}

export function startSweep(parts: SweepParts): Sweep {
  const stopping = new AbortController();
  const sweeping: Sweeping = {
    step: systemSteps(parts.runner),
    blobs: parts.blobs,
    clock: parts.clock,
    signal: stopping.signal,
    log: parts.log,
    holder: newId('node'),
    audit: parts.audit,
    eventDays: parts.eventDays,
  };
  const ended = run(sweeping, parts.alone);
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

async function run(sweeping: Sweeping, alone: boolean): Promise<void> {
  const { signal } = sweeping;
  let inherits = alone;
  while (!signal.aborted) {
    if (inherits) inherits = !(await attempt(sweeping, 'sweep.failed', () => inherit(sweeping)));
    await attempt(sweeping, 'sweep.failed', () => sweepZones(sweeping));
    await attempt(sweeping, 'prune.failed', () => pruneWhenDue(sweeping));
    await attempt(sweeping, 'audit.prune-failed', () => pruneAuditWhenDue(sweeping));
    await attempt(sweeping, 'collect.failed', () => collectWhenDue(sweeping));
    await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Takes over at once what the server before this one was at. */
async function inherit(sweeping: Sweeping): Promise<void> {
  await sweeping.step(freeZones, 'root', {});
  await finishRemovals(sweeping, true);
}

/** False where the work failed, which is logged and tried again later. */
async function attempt(sweeping: Sweeping, event: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    sweeping.log('warn', event, { err: thrown instanceof Error ? thrown.stack : String(thrown) });
    return false;
  }
}

/** A holder of its own for each pass: a lease that is not over is not taken again by its holder either. */
const isDue = ({ step, holder }: Sweeping, name: string, every = PASS_EVERY_MS): Promise<boolean> =>
  step(claim, 'root', { name, holder: `${holder}.${newId('pass')}`, lease_ms: every });

/** History that no zone keeps any longer goes before the blobs that only it named. */
async function pruneWhenDue(sweeping: Sweeping): Promise<void> {
  if (!(await isDue(sweeping, 'history'))) return;
  const pruned = await pruneZones(sweeping);
  if (pruned > 0) sweeping.log('info', 'history.pruned', { states: pruned });
  if (sweeping.eventDays === undefined) return;
  const events = await trimEvents(sweeping, sweeping.eventDays);
  if (events > 0) sweeping.log('info', 'events.trimmed', { events });
}

async function pruneAuditWhenDue(sweeping: Sweeping): Promise<void> {
  if (!(await isDue(sweeping, 'audit', AUDIT_EVERY_MS))) return;
  const rows = await pruneAudit(sweeping, sweeping.audit);
  if (rows > 0) sweeping.log('info', 'audit.pruned', { rows });
}

async function collectWhenDue(sweeping: Sweeping): Promise<void> {
  if (!(await isDue(sweeping, 'blobs'))) return;
  await finishRemovals(sweeping, false);
  await collectBlobs(sweeping);
}

async function sweepZones(sweeping: Sweeping): Promise<void> {
  for (const zone_id of await sweeping.step(terminatingZones, 'root', {})) {
    if (sweeping.signal.aborted) return;
    await attempt(sweeping, 'sweep.zone-failed', () => sweepZone(sweeping, zone_id));
  }
}

async function sweepZone(sweeping: Sweeping, zone_id: string): Promise<void> {
  const { step, clock, signal } = sweeping;
  if (!(await holdLease(sweeping, zone_id))) return;
  const pending = await step(pendingFinalizers, zone_id, {});
  for (const name of FINALIZERS) {
    const due = pending.find((one) => one.name === name);
    if (!due || due.next_at > clock.now() || signal.aborted) continue;
    const ok = await attempt(sweeping, 'sweep.finalizer-failed', () => finalize(sweeping, zone_id, name));
    if (signal.aborted) return;
    await step(settleFinalizer, zone_id, { name, ok });
  }
  const { ended } = await step(terminateZone, zone_id, {});
  if (ended) sweeping.log('info', 'zone.terminated', { zone_id });
}

const holdLease = (sweeping: Sweeping, zone_id: string): Promise<boolean> =>
  sweeping.step(claim, zone_id, { name: zoneLease(zone_id), holder: sweeping.holder, lease_ms: LEASE_MS });

/** One slice of the work; true while more is left. */
type Slice = (sweeping: Sweeping, zone_id: string) => Promise<boolean>;

const rows =
  (operation: Operation<Record<string, never>, { left: boolean }>): Slice =>
  async ({ step }, zone_id) =>
    (await step(operation, zone_id, {})).left;

/** What each finalizer does: every feature that keeps something of a zone has its line here. */
const SLICES: Readonly<Record<FinalizerName, Slice>> = {
  keys: rows(removeKeysOf),
  jobs: rows(removeJobsOf),
  shares: endSharesWith,
  tuples: rows(removeTuplesOf),
  tree: rows(removeTreeOf),
  files: rows(removeFilesOf),
  events: rows(removeEventsOf),
  blobs: async (sweeping) => {
    await collectBlobs(sweeping);
    return false;
  },
};

async function finalize(sweeping: Sweeping, zone_id: string, name: FinalizerName): Promise<void> {
  const { clock, signal } = sweeping;
  let renewAt = clock.now() + LEASE_MS / 2;
  while (!signal.aborted && (await SLICES[name](sweeping, zone_id))) {
    if (clock.now() < renewAt) continue;
    if (!(await holdLease(sweeping, zone_id))) throw new Error(`the sweep of zone ${zone_id} went to another node`);
    renewAt = clock.now() + LEASE_MS / 2;
  }
}

/** Other zones no longer share with a zone that is ending; each of them notes it in its own log. */
async function endSharesWith({ step }: Sweeping, zone_id: string): Promise<boolean> {
  const hosts = await step(hostZones, 'root', { guest: zone_id });
  for (const host of hosts) await step(endGuests, host, { guest: zone_id });
  return hosts.length > 0;
}
