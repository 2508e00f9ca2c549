/** What the counts of a zone's jobs change by. Guarantees: they are exact; the server's own jobs are in none of them. */
import { Fault } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';
import type { Statement } from '../../ports/sql.ts';
import { checkQuota, limitsOf } from '../zones/quota.ts';
import { CLASSES, isWaiting, type JobStatus } from './job.ts';
import { addCounts, type Counted, hasRoomFor, type JobCounts, type JobRow, readCounts } from './jobs.sql.ts';

/** In one transaction. */
export class Tally {
  private readonly by = new Map<Counted, number>();
  private readonly call: Call;

  constructor(call: Call) {
    this.call = call;
  }

  /** A job is in another status than before; undefined is none. */
  moved(after: JobRow | undefined, before: JobRow | undefined): void {
    if ((after ?? before)?.door === 'house') return;
    if (before) this.add(before, -1);
    if (after) this.add(after, 1);
  }

  private add(job: JobRow, by: number): void {
    const counted = countedAs(job.status, job.class);
    this.by.set(counted, (this.by.get(counted) ?? 0) + by);
    if (job.status === 'retry_wait') this.by.set('retry_wait', (this.by.get('retry_wait') ?? 0) + by);
  }

  /** How much room there is, by counts that may have been asked for; `check` throws QUOTA_EXCEEDED or TOO_MANY where one more job does not fit. */
  async room(asked?: Promise<JobCounts>): Promise<{ check(): void }> {
    const { tx, zone, limits } = this.call;
    const counts = await (asked ?? readCounts(tx, zone.zone_id));
    const used = counts.interactive + counts.batch + counts.background + counts.running;
    const maximum = limits.TASKS_QUEUED;
    return {
      check: () => {
        checkQuota(zone, 'jobs_queued', { used, by: 1 });
        if (used < maximum) return;
        throw new Fault(
          'TOO_MANY',
          `Zone ${zone.zone_id} has ${used} jobs that have not finished, the most it may; try later`,
          { limit: 'TASKS_QUEUED', maximum },
        );
      },
    };
  }

  /** The same in a call that supposes: that one more job fits, and what else is to hold. */
  supposeRoom(also?: Statement): void {
    const { tx, zone, limits } = this.call;
    const most = Math.min(limits.TASKS_QUEUED, limitsOf(zone).max_jobs_queued || limits.TASKS_QUEUED);
    const { sql, params } = hasRoomFor(zone.zone_id, most);
    tx.suppose(also ? `${sql} AND ${also.sql}` : sql, [...params, ...(also?.params ?? [])]);
  }

  async keep(): Promise<void> {
    if (![...this.by.values()].some((by) => by !== 0)) return;
    const { tx, zone } = this.call;
    await addCounts(tx, zone.zone_id, this.by);
  }
}

function countedAs(status: JobStatus, job_class: number): Counted {
  if (isWaiting(status)) return CLASSES[job_class] ?? 'batch';
  return status as Exclude<JobStatus, 'queued' | 'retry_wait' | 'blocked'>;
}
