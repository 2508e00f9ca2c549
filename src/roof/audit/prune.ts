/**
 * Pruning of the audit log (access.md §13). Guarantees: each step is one short transaction; a zone that fails, or whose log
 * is broken, keeps no other from its turn; where the logs of calls are too much together, the largest give way, so no zone
 * crowds out another. It also writes down the refusals that a server which died had counted.
 */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { closeRefusals, openZones } from '../../features/audit/notes.operations.ts';
import { auditKept, pruneAuditChanges, pruneAuditReads } from '../../features/audit/prune.operations.ts';
import type { Pruned } from '../../features/audit/prune.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RunStep } from '../system.ts';

export interface AuditKeeping {
  readonly days: number;
  readonly readDays: number;
  readonly readBytes: number;
}

export const auditKeeping = (
  config: Pick<Config, 'AUDIT_DAYS' | 'AUDIT_READ_DAYS' | 'AUDIT_READ_BYTES'>,
): AuditKeeping => ({
  days: config.AUDIT_DAYS,
  readDays: config.AUDIT_READ_DAYS,
  readBytes: config.AUDIT_READ_BYTES,
});

export interface AuditPruneParts {
  readonly step: RunStep;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
/** Refusals that their own server has not written down by then have nobody else. */
const LEFT_AFTER_MS = 5_000;

/** One pass over all zones; gives the number of rows that went. */
export async function pruneAudit(parts: AuditPruneParts, keeping: AuditKeeping): Promise<number> {
  const { step, clock } = parts;
  const now = clock.now();
  for (const zone_id of await step(openZones, 'root', { until: now - LEFT_AFTER_MS })) {
    await inZone(parts, zone_id, () => step(closeRefusals, zone_id, { all: false }));
  }
  const before = now - keeping.days * DAY_MS;
  const readsBefore = now - keeping.readDays * DAY_MS;
  const kept = await step(auditKept, 'root', { before });
  let rows = 0;
  for (const zone_id of kept.changes) {
    rows += await allOf(parts, zone_id, () => step(pruneAuditChanges, zone_id, { before }));
  }
  const bytes = shareOf(
    kept.reads.map((zone) => zone.bytes),
    keeping.readBytes,
  );
  for (const zone of kept.reads) {
    if (zone.bytes <= bytes && (zone.oldest ?? now) >= readsBefore) continue;
    rows += await allOf(parts, zone.zone_id, () => step(pruneAuditReads, zone.zone_id, { before: readsBefore, bytes }));
  }
  return rows;
}

/** What each may have at most, so that all together have no more than there is. */
export function shareOf(sizes: readonly number[], all: number): number {
  let left = all;
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [i, size] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i));
    if (size > share) return share;
    left -= size;
  }
  return all;
}

async function allOf(parts: AuditPruneParts, zone_id: string, step: () => Promise<Pruned>): Promise<number> {
  let rows = 0;
  for (let done = false; !done && !parts.signal.aborted; ) {
    const pruned = await inZone(parts, zone_id, step);
    if (!pruned) break;
    if (pruned.broken) parts.log('error', 'audit.broken', { zone: zone_id, hint: 'nexus audit verify names the rows' });
    rows += pruned.rows;
    done = pruned.done;
  }
  return rows;
}

async function inZone<T>({ log }: AuditPruneParts, zone_id: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    log('warn', 'audit.prune-failed', { zone: zone_id, err: thrown });
    return undefined;
  }
}
