/** Log lines of jobs (infrastructure.md §12), and their figures. Those of the server itself are told where they fail. */
import type { Log, LogLevel } from '../../base/log.ts';
import type { LogEvent } from '../../base/log-events.ts';
import type { JobMove, Told } from '../../core/call/told.ts';
import { traceIds } from '../../core/call/tracing.ts';
import { callFields } from '../../core/log-cause.ts';

const LINES: Readonly<Record<JobMove['move'], readonly [LogLevel, LogEvent]>> = {
  submitted: ['info', 'job.submitted'],
  started: ['info', 'job.started'],
  succeeded: ['info', 'job.succeeded'],
  cancelled: ['info', 'job.cancelled'],
  retried: ['warn', 'job.retry'],
  failed: ['error', 'job.failed'],
  recovered: ['warn', 'lease.recovered'],
};

export interface TellsOf {
  readonly log: Log;
  /** Counts; a process without metrics has none. */
  readonly counts?: (move: JobMove) => void;
}

export const tellOfJobs =
  ({ log, counts }: TellsOf): Told =>
  (moves) => {
    for (const one of moves) {
      counts?.(one);
      const [level, event] = LINES[one.move];
      if (one.house && level === 'info') continue;
      const { move: _move, house: _house, wait_ms: _wait, traceparent, request_id, zone, key_id, ...fields } = one;
      log(level, event, { ...callFields(request_id, { zone_id: zone, key_id }), ...fields, ...traceIds(traceparent) });
    }
  };
