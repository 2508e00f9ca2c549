/**
 * The mounts of a zone, as a call's snapshot has them. Guarantees: a zone without mounts costs no statement and no memory; one
 * with mounts is read once in a thread until they change, since the zone's row tells the revision of their last change.
 */
import type { MountPoint } from '../../core/call/outside.ts';
import type { Thread, ZoneRow } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { listMounts, toMountPoint } from './mounts.sql.ts';

interface Known {
  readonly revision: number;
  readonly mounts: readonly MountPoint[];
}

/** Zones that a thread keeps; all are forgotten where there are more. */
const KEPT_MOST = 1_000;
export const NO_MOUNTS: readonly MountPoint[] = [];
const ofThreads = new WeakMap<Thread, Map<string, Known>>();

export async function mountsOf(tx: Tx, zone: ZoneRow, thread: Thread): Promise<readonly MountPoint[]> {
  const revision = zone.mounts_revision;
  const kept = ofThreads.get(thread) ?? new Map<string, Known>();
  ofThreads.set(thread, kept);
  const known = kept.get(zone.zone_id);
  if (known?.revision === revision) return known.mounts;
  const mounts = (await listMounts(tx, zone.zone_id)).map(toMountPoint);
  if (kept.size >= KEPT_MOST) kept.clear();
  // An older snapshot than the kept one is read each time.
  if (!known || known.revision < revision) kept.set(zone.zone_id, { revision, mounts });
  return mounts;
}
