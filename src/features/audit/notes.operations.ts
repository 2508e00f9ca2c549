/**
 * What the server itself writes into the audit log, beside the rows that changes leave; no door reaches it. Guarantees: a
 * refusal is on disk once its step is done; a second of equal refusals becomes one row.
 */
import { z } from 'zod';
import type { AuditRow } from '../../core/call/audit-row.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { auditKept, pruneAuditChanges, pruneAuditReads } from './prune.operations.ts';
import { pruneReads } from './prune.ts';
import { appendReads } from './reads.sql.ts';
import { countRefusals, hasOpen, type Refusal, takeRefusals, zonesWithOpen } from './refusals.sql.ts';

/** They grow the store: on a full disk the room that is kept back is for those who make room. */
const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [], grows: true } as const;

/** Milliseconds in which equal refusals are one row. */
export const FOLD_MS = 1_000;

const refusal = z.object({ fold: z.string(), row: z.custom<AuditRow>(), count: z.number() });
const refusals = z.object({ refusals: z.array(refusal) });

export const noteRefusals: Operation<{ refusals: Refusal[] }, null> = {
  ...STEP,
  name: 'audit.refuse',
  summary: 'Note refusals of a zone.',
  effect: 'write',
  input: refusals,
  output: z.null(),
  run: async (call, input) => {
    await close(call, call.now - FOLD_MS);
    await countRefusals(call.tx, call.zone.zone_id, input.refusals);
    return null;
  },
};

async function close(call: Call, until: number): Promise<void> {
  call.log(await takeRefusals(call.tx, call.zone.zone_id, until));
}

const closing = z.object({
  /** Also those whose second is not over. */
  all: z.boolean(),
});

/** True while some are still being counted. */
export const closeRefusals: Operation<z.infer<typeof closing>, boolean> = {
  ...STEP,
  name: 'audit.close',
  summary: 'Write the refusals of a zone that were counted into its log.',
  effect: 'write',
  input: closing,
  output: z.boolean(),
  run: async (call, { all }) => {
    await close(call, all ? Number.MAX_SAFE_INTEGER : call.now - FOLD_MS);
    return !all && hasOpen(call.tx, call.zone.zone_id);
  },
};

const until = z.object({ until: z.number() });
const zoneIds = z.array(z.string());

export const openZones: Operation<z.infer<typeof until>, string[]> = {
  ...STEP,
  name: 'audit.open-zones',
  summary: 'List the zones with refusals that are still being counted.',
  effect: 'read',
  input: until,
  output: zoneIds,
  run: (call, input) => zonesWithOpen(call.tx, input.until),
};

const batch = z.object({
  /** One line each, parted by line feeds. */
  lines: z.string(),
  /** That all of the zone's may have. */
  bytes: z.number(),
});

export const noteReads: Operation<z.infer<typeof batch>, null> = {
  ...STEP,
  name: 'audit.reads',
  summary: 'Note calls of a zone that changed nothing.',
  effect: 'write',
  input: batch,
  output: z.null(),
  run: async (call, { lines, bytes }) => {
    const { tx, zone, auditKeys } = call;
    const kept = await appendReads(tx, lines.split('\n'), { zone_id: zone.zone_id, key: auditKeys[0] });
    // A busy zone fills what there is in minutes, so it does not wait for the pass over all zones.
    if (kept > bytes) await pruneReads(call, { before: 0, bytes });
    return null;
  },
};

export const auditSteps = [
  noteRefusals,
  closeRefusals,
  openZones,
  noteReads,
  pruneAuditChanges,
  pruneAuditReads,
  auditKept,
] as const;
