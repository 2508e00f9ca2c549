/** A job as the scheduler's door shows it (platform.md §2.1): a task. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonValue } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type Attempt, CLASSES, effectiveTier, isWaiting, type JobStatus, TIERS } from './job.ts';
import type { JobRow } from './jobs.sql.ts';

export const TASK_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** The statuses of the queue that one of the scheduler's stands for. */
export const JOB_STATUSES: Readonly<Record<TaskStatus, readonly JobStatus[]>> = {
  queued: ['queued', 'retry_wait', 'blocked'],
  running: ['running'],
  completed: ['succeeded'],
  failed: ['failed'],
  cancelled: ['cancelled'],
};

export const taskStatus = (status: JobStatus): TaskStatus =>
  TASK_STATUSES.find((word) => JOB_STATUSES[word].includes(status)) ?? 'queued';

const time = z.string().nullable();

const taskAttempt = z.object({
  attempt: z.number(),
  claimed_by: z.string(),
  started_at: z.string(),
  finished_at: time,
  outcome: z.enum(['running', 'completed', 'failed', 'cancelled']),
  error: z.string().nullable(),
});

export const taskObject = z.object({
  id: z.string(),
  task_id: z.string(),
  zone_id: z.string(),
  user_id: z.string(),
  agent_id: z.string().nullable(),
  executor: z.string(),
  executor_id: z.string(),
  task_type: z.string(),
  payload: jsonValue,
  status: z.enum(TASK_STATUSES),
  priority: z.enum(TIERS),
  priority_tier: z.enum(TIERS),
  priority_class: z.enum(CLASSES),
  effective_tier: z.number(),
  request_state: z.string(),
  boost_amount: z.number(),
  estimated_service_time: z.number().nullable(),
  deadline: time,
  run_at: z.string(),
  enqueued_at: z.string(),
  created_at: z.string(),
  started_at: time,
  completed_at: time,
  attempt: z.number(),
  max_attempts: z.number(),
  backoff_seconds: z.array(z.number()),
  result: jsonValue,
  error_message: z.string().nullable(),
  error: z.string().nullable(),
  idempotency_key: z.string().nullable(),
  schedule_id: z.string().nullable(),
  lease_expires_at: time,
  deduplicated: z.literal(true).optional(),
  fencing_token: z.number().optional(),
  attempts: z.array(taskAttempt).optional(),
});
export type TaskObject = z.infer<typeof taskObject>;

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

/** JSON of a column, which was JSON when it was written. */
export const readJson = (text: string): z.core.util.JSONType => parseJson(text) as z.core.util.JSONType;

export function toTask(job: JobRow, now: number): TaskObject {
  const tier = TIERS[job.tier] ?? 'normal';
  const waited = isWaiting(job.status) ? now - job.run_at : 0;
  return {
    id: job.job_id,
    task_id: job.job_id,
    zone_id: job.zone_id,
    user_id: job.user_id,
    agent_id: job.agent_id || null,
    executor: job.executor,
    executor_id: job.executor,
    task_type: job.type,
    payload: readJson(job.payload),
    status: taskStatus(job.status),
    priority: tier,
    priority_tier: tier,
    priority_class: CLASSES[job.class] ?? 'batch',
    effective_tier: effectiveTier(job.rank, waited),
    request_state: job.request_state,
    boost_amount: job.boost,
    estimated_service_time: job.service_time,
    deadline: isoOrNull(job.deadline),
    run_at: isoTime(job.run_at),
    enqueued_at: isoTime(job.created_at),
    created_at: isoTime(job.created_at),
    started_at: isoOrNull(job.started_at),
    completed_at: isoOrNull(job.ended_at),
    attempt: job.attempt,
    max_attempts: job.max_attempts,
    backoff_seconds: parseJson(job.backoff) as number[],
    result: job.result === null ? null : readJson(job.result),
    error_message: job.error,
    error: job.error,
    idempotency_key: job.idempotency_key,
    schedule_id: job.schedule_id,
    lease_expires_at: isoOrNull(job.lease_until),
  };
}

/** The task with every attempt, the one in hand last. */
export function withAttempts(job: JobRow, ended: readonly Attempt[], now: number): TaskObject {
  const attempts = ended.map(({ attempt, claimed_by, outcome, error, started_at, finished_at }) => ({
    attempt,
    claimed_by,
    started_at: isoTime(started_at),
    finished_at: isoTime(finished_at),
    outcome: outcome === 'succeeded' ? ('completed' as const) : outcome,
    error,
  }));
  if (job.status !== 'running') return { ...toTask(job, now), attempts };
  const running = {
    attempt: job.attempt,
    claimed_by: job.lease_owner ?? '',
    started_at: isoTime(job.started_at ?? now),
    finished_at: null,
    outcome: 'running' as const,
    error: null,
  };
  return { ...toTask(job, now), attempts: [...attempts, running] };
}
