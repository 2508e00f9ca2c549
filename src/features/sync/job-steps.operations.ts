/**
 * Turns and totals of pushes and pulls, as steps of the server itself. Guarantees: whoever has the turn of a mount runs at the
 * attempt that took it, or has lost it; of many that want the same push, one job is made.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { isFinal, NEXUS, TIERS } from '../jobs/job.ts';
import { findJob } from '../jobs/jobs.sql.ts';
import { enqueue } from '../jobs/queue.ts';
import { WAITING } from '../jobs/topics.ts';
import { countPending } from '../mounts/known.sql.ts';
import { findMount, type MountRow } from '../mounts/mounts.sql.ts';
import { countOpen, dropOldContents } from './conflicts.sql.ts';
import { findSync, listDue, type SyncRow, saveSync } from './sync.sql.ts';
import { metricsShape, type SyncMetrics } from './sync-shapes.ts';

const STEP = { who: 'root admin', internal: true, ungated: true, faults: [] } as const;

const turn = z.object({ mount_point: z.string(), job_id: z.string(), attempt: z.number() });

/** False while another job is at the same mount. */
export const startSync: Operation<z.infer<typeof turn>, boolean> = {
  ...STEP,
  name: 'sync.start',
  summary: 'Take the turn of a mount.',
  effect: 'write',
  input: turn,
  output: z.boolean(),
  run: async ({ tx, zone }, { mount_point, job_id, attempt }) => {
    const mount = await findMount(tx, zone.zone_id, mount_point);
    if (!mount) return true;
    const sync = await findSync(tx, zone.zone_id, mount.mount_id);
    if (sync.running_job !== null && sync.running_job !== job_id) {
      const other = await findJob(tx, zone.zone_id, sync.running_job);
      if (other?.status === 'running' && other.attempt === sync.running_attempt) return false;
    }
    await saveSync(tx, { ...sync, running_job: job_id, running_attempt: attempt });
    return true;
  },
};

const recorded = z.object({
  mount_point: z.string(),
  action: z.enum(['push', 'pull']),
  dry_run: z.boolean(),
  pushed: z.number(),
  failed: z.number(),
  detected: z.number(),
  resolved: z.number(),
  error: z.string().nullable(),
});

/** Milliseconds until a push by the clock that failed is tried again, doubled each time. */
const RETRY_MS = 2_000;
const DOUBLINGS_MAX = 8;

export const recordSync: Operation<z.infer<typeof recorded>, { metrics: SyncMetrics }> = {
  ...STEP,
  name: 'sync.record',
  summary: 'Count what a push or a pull came to.',
  effect: 'write',
  input: recorded,
  output: z.object({ metrics: metricsShape }),
  run: async (call, ran) => {
    const { tx, zone } = call;
    const mount = await findMount(tx, zone.zone_id, ran.mount_point);
    if (!mount) return { metrics: NO_METRICS };
    const before = await findSync(tx, zone.zone_id, mount.mount_id);
    const now = await queueTime(call);
    const counted = ran.dry_run
      ? before
      : { ...before, ...totalsOf(before, ran), ...nextOf(before, { ...ran, mount, now }) };
    await saveSync(tx, { ...counted, running_job: null, running_attempt: null });
    if (!ran.dry_run && ran.action === 'push' && ran.pushed > 0) {
      const { mount_id } = mount;
      const data = { mount_point: ran.mount_point, changes_pushed: ran.pushed, changes_failed: ran.failed };
      call.event({ type: 'sync.pushed', path: ran.mount_point, object: { type: 'mount', id: mount_id }, data });
    }
    return { metrics: await metricsOf(call, mount, counted) };
  },
};

const totalsOf = (before: SyncRow, ran: z.infer<typeof recorded>): Partial<SyncRow> => ({
  pushes_total: before.pushes_total + (ran.action === 'push' ? 1 : 0),
  pulls_total: before.pulls_total + (ran.action === 'pull' ? 1 : 0),
  changes_pushed_total: before.changes_pushed_total + ran.pushed,
  changes_failed_total: before.changes_failed_total + ran.failed,
  conflicts_detected_total: before.conflicts_detected_total + ran.detected,
  conflicts_resolved_total: before.conflicts_resolved_total + ran.resolved,
  last_error: ran.error,
});

/** When the clock pushes next: what failed is tried sooner, and later each time. */
function nextOf(
  { failures }: SyncRow,
  ran: z.infer<typeof recorded> & { readonly mount: MountRow; readonly now: number },
): Partial<SyncRow> {
  if (ran.action !== 'push') return {};
  const failing = ran.failed > 0 ? failures + 1 : 0;
  const interval = ran.mount.sync_interval_seconds * 1000;
  const retry = RETRY_MS * 2 ** Math.min(failing - 1, DOUBLINGS_MAX);
  return {
    last_push_at: ran.now,
    failures: failing,
    due_at: ran.now + (failing > 0 ? Math.min(retry, interval) : interval),
  };
}

const NO_METRICS: SyncMetrics = {
  pushes_total: 0,
  pulls_total: 0,
  changes_pushed_total: 0,
  changes_failed_total: 0,
  conflicts_detected_total: 0,
  conflicts_resolved_total: 0,
  pending: 0,
  open_conflicts: 0,
  last_push_at: null,
  last_error: null,
};

/** Of the root mount nothing is ever pushed. */
export async function metricsOf(
  { tx, zone }: Pick<Call, 'tx' | 'zone'>,
  mount: MountRow | undefined,
  known?: SyncRow,
): Promise<SyncMetrics> {
  if (!mount) return NO_METRICS;
  const row = known ?? (await findSync(tx, zone.zone_id, mount.mount_id));
  return {
    pushes_total: row.pushes_total,
    pulls_total: row.pulls_total,
    changes_pushed_total: row.changes_pushed_total,
    changes_failed_total: row.changes_failed_total,
    conflicts_detected_total: row.conflicts_detected_total,
    conflicts_resolved_total: row.conflicts_resolved_total,
    pending: await countPending(tx, mount.mount_id),
    open_conflicts: await countOpen(tx, zone.zone_id, mount.mount_id),
    last_push_at: row.last_push_at === null ? null : isoTime(row.last_push_at),
    last_error: row.last_error,
  };
}

export interface Wanted {
  readonly mount: MountRow;
  readonly type: string;
  /** JSON. */
  readonly payload: string;
}

/** Attempts at a push; what stays to be pushed is not lost by that. */
const ATTEMPTS = 3;
const BACKOFF = [2, 10, 30];

/** The job of a mount that was asked the same and has not ended, else a new one. */
export async function joinOrQueue(
  call: Call,
  { mount, type, payload }: Wanted,
): Promise<{ job_id: string; status: string }> {
  const { tx, zone } = call;
  const sync = await findSync(tx, zone.zone_id, mount.mount_id);
  const asked = `${type} ${payload}`;
  const before =
    sync.job_id !== null && sync.asked === asked ? await findJob(tx, zone.zone_id, sync.job_id) : undefined;
  if (before && !isFinal(before.status)) return before;
  const { job } = await enqueue(call, {
    type,
    executor: NEXUS,
    door: 'scheduler',
    payload,
    tier: TIERS.indexOf('normal'),
    max_attempts: ATTEMPTS,
    backoff: BACKOFF,
  });
  await saveSync(tx, { ...sync, job_id: job.job_id, asked });
  return job;
}

const limited = z.object({ limit: z.number() });
const dueMounts = z.array(z.object({ zone_id: z.string(), mount_point: z.string() }));

export const dueSyncs: Operation<z.infer<typeof limited>, z.infer<typeof dueMounts>> = {
  ...STEP,
  name: 'sync.due',
  summary: 'List mounts that are to be pushed by the clock.',
  effect: 'read',
  input: limited,
  output: dueMounts,
  run: async (call, { limit }) => listDue(call.tx, await queueTime(call), limit),
};

const one = z.object({ mount_point: z.string() });

/** False where there was nothing to do after all. */
export const pushByClock: Operation<z.infer<typeof one>, boolean> = {
  ...STEP,
  name: 'sync.push-by-clock',
  summary: 'Queue the push of a mount whose time has come.',
  effect: 'write',
  grows: true,
  input: one,
  output: z.boolean(),
  rings: (queued) => (queued ? WAITING : undefined),
  run: async (call, { mount_point }) => {
    const { tx, zone } = call;
    const mount = await findMount(tx, zone.zone_id, mount_point);
    if (!mount || zone.phase !== 'Active') return false;
    const now = await queueTime(call);
    if ((await findSync(tx, zone.zone_id, mount.mount_id)).due_at > now) return false;
    await joinOrQueue(call, { mount, type: 'sync_push', payload: JSON.stringify({ mount_point, dry_run: false }) });
    const sync = await findSync(tx, zone.zone_id, mount.mount_id);
    await saveSync(tx, { ...sync, due_at: now + mount.sync_interval_seconds * 1000 });
    return true;
  },
};

const aged = z.object({ before: z.number(), limit: z.number() });

/** Number of conflicts whose contents are kept no longer. */
export const forgetContents: Operation<z.infer<typeof aged>, number> = {
  ...STEP,
  name: 'conflict.forget',
  summary: 'Let go of contents of conflicts that were settled long ago.',
  effect: 'write',
  input: aged,
  output: z.number(),
  run: ({ tx }, { before, limit }) => dropOldContents(tx, before, limit),
};

export const syncJobSteps = [startSync, recordSync, dueSyncs, pushByClock, forgetContents] as const;
