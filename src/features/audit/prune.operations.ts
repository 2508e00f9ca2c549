/** Pruning of the audit log, as steps of the server itself; no door reaches them. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { pruneChanges, pruneReads } from './prune.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;

const pruned = z.object({ rows: z.number(), done: z.boolean(), broken: z.boolean() });
type Pruned = z.infer<typeof pruned>;

const changesKept = z.object({ before: z.number() });

export const pruneAuditChanges: Operation<z.infer<typeof changesKept>, Pruned> = {
  ...STEP,
  name: 'audit.prune-changes',
  summary: 'Prune a slice of the audit log of a zone.',
  effect: 'write',
  input: changesKept,
  output: pruned,
  run: (call, { before }) => pruneChanges(call, before),
};

const readsKept = z.object({ before: z.number(), bytes: z.number() });

export const pruneAuditReads: Operation<z.infer<typeof readsKept>, Pruned> = {
  ...STEP,
  name: 'audit.prune-reads',
  summary: 'Prune a slice of what a zone keeps of calls that changed nothing.',
  effect: 'write',
  input: readsKept,
  output: pruned,
  run: pruneReads,
};

const times = z.object({ before: z.number() });
const due = z.object({
  /** Zones with changes from before the time. */
  changes: z.array(z.string()),
  /** What each zone keeps of calls, and since when. */
  reads: z.array(z.object({ zone_id: z.string(), bytes: z.number(), oldest: z.number().nullable() })),
});

export const auditKept: Operation<z.infer<typeof times>, z.infer<typeof due>> = {
  ...STEP,
  name: 'audit.kept',
  summary: 'List what the audit logs of all zones keep.',
  effect: 'read',
  input: times,
  output: due,
  run: async ({ tx }, { before }) => {
    const changes = await tx.all<{ zone_id: string }>(
      'SELECT zone_id FROM zones z WHERE (SELECT at FROM audit a WHERE a.zone_id = z.zone_id ORDER BY n LIMIT 1) < ?',
      [before],
    );
    const reads = await tx.all<{ zone_id: string; bytes: number; oldest: number | null }>(
      `SELECT zone_id, bytes, (SELECT last_at FROM audit_reads r WHERE r.zone_id = h.zone_id ORDER BY n LIMIT 1) AS oldest
       FROM audit_heads h WHERE bytes > 0`,
    );
    return { changes: changes.map(({ zone_id }) => zone_id), reads };
  },
};
