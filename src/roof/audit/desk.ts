/** The audit log as calls and doors of this process see it: what they tell beside the rows that changes leave. */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { AuditLog } from '../../core/call/audit-row.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RunStep } from '../system.ts';
import { ReadBatches, type UnwrittenReads } from './read-batches.ts';
import { Refusals } from './refusals.ts';

export interface AuditDeskParts {
  readonly step: RunStep;
  readonly clock: Clock;
  readonly log: Log;
  /** How long calls that changed nothing are gathered; 150 ms unless given. */
  readonly gatherMs?: number;
  /** Characters of theirs that wait at most before answers wait too; 64 Mi unless given. */
  readonly waitingChars?: number;
  readonly config: Pick<Config, 'AUDIT_READS' | 'AUDIT_READ_BYTES'>;
  /** What the server before this one could not write. */
  readonly left?: UnwrittenReads | undefined;
}

export interface AuditDesk extends AuditLog {
  /** The end of it: what it could not write is for the desk that takes its place. */
  close(): Promise<UnwrittenReads>;
}

/** The rest of the 250 ms that a call may take to the log is for the commit. */
const GATHER_MS = 150;

/** Thousands of reads a second for as long as a change of 100,000 paths has the writer to itself, which is some ten seconds. */
const WAITING_CHARS = 64 * 1024 * 1024;

export function openAuditDesk(parts: AuditDeskParts): AuditDesk {
  const { step, clock, log, config, gatherMs = GATHER_MS, waitingChars = WAITING_CHARS, left } = parts;
  const batches = new ReadBatches({
    step,
    clock,
    log,
    sync: config.AUDIT_READS === 'sync',
    gatherMs,
    waitingChars,
    bytes: config.AUDIT_READ_BYTES,
    left,
  });
  const refusals = new Refusals(step, log);
  return {
    now: () => clock.now(),
    refused: (zone_id, row) => refusals.note(zone_id, row),
    ended: (zone_id, row) => batches.note(zone_id, row),
    settle: async (zone_id) => {
      await Promise.all([batches.flush().catch(() => undefined), refusals.close(zone_id)]);
    },
    close: async () => {
      const [unwritten] = await Promise.all([batches.close(), refusals.close()]);
      return unwritten;
    },
  };
}
