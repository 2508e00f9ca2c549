/** The audit log as calls and doors of this process see it: what they tell beside the rows that changes leave. */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { AuditLog } from '../../core/call/audit-row.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RunStep } from '../system.ts';
import { ReadBatches } from './read-batches.ts';
import { Refusals } from './refusals.ts';

export interface AuditDeskParts {
  readonly step: RunStep;
  readonly clock: Clock;
  readonly log: Log;
  /** How long calls that changed nothing are gathered; 150 ms unless given. */
  readonly gatherMs?: number;
  readonly config: Pick<Config, 'AUDIT_READS' | 'AUDIT_READ_BYTES'>;
}

/** The rest of the 250 ms that a call may take to the log is for the commit. */
const GATHER_MS = 150;

export function openAuditDesk({ step, clock, log, config, gatherMs = GATHER_MS }: AuditDeskParts): AuditLog {
  const batches = new ReadBatches({
    step,
    clock,
    log,
    sync: config.AUDIT_READS === 'sync',
    gatherMs,
    bytes: config.AUDIT_READ_BYTES,
  });
  const refusals = new Refusals(step, log);
  return {
    now: () => clock.now(),
    refused: (zone_id, row) => refusals.note(zone_id, row),
    ended: (zone_id, row) => batches.note(zone_id, row),
    settle: async (zone_id) => {
      await Promise.all([batches.flush().catch(() => undefined), refusals.close(zone_id)]);
    },
  };
}
