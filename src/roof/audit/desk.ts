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
  readonly config: Pick<Config, 'AUDIT_READS' | 'AUDIT_READ_BYTES'>;
}

export function openAuditDesk({ step, clock, log, config }: AuditDeskParts): AuditLog {
  const batches = new ReadBatches({
    step,
    clock,
    log,
    sync: config.AUDIT_READS === 'sync',
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
