/** A job as the jobs API shows it (infrastructure.md §7). */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonValue } from '../../base/json-object.ts';
import { type Attempt, EXECUTION_MODES, type JobStatus } from './job.ts';
import type { ArtifactRow, JobRow } from './jobs.sql.ts';
import { readJson } from './task-object.ts';

export const JOB_WORDS = ['queued', 'running', 'retry_wait', 'succeeded', 'failed', 'cancelled'] as const;
export type JobWord = (typeof JOB_WORDS)[number];

export const jobWord = (status: JobStatus): JobWord => (status === 'blocked' ? 'queued' : status);

const time = z.string().nullable();
const text = z.string().nullable();

export const jobSummary = z.object({
  job_id: z.string(),
  job_type: z.string(),
  status: z.enum(JOB_WORDS),
  execution_mode: z.enum(EXECUTION_MODES),
  attempt_count: z.number(),
  max_attempts: z.number(),
  created_by: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});

export const jobObject = jobSummary.extend({
  payload: jsonValue,
  result: jsonValue,
  error_text: text,
  idempotency_key: text,
  next_run_at: z.string(),
  lease_owner: text,
  lease_expires_at: time,
  attempts: z.array(
    z.object({
      attempt_number: z.number(),
      status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
      error_text: text,
      runtime_ms: z.number().nullable(),
      started_at: z.string(),
      finished_at: time,
    }),
  ),
  artifacts: z.array(
    z.object({ artifact_type: z.string(), artifact_ref: text, artifact_payload: jsonValue, created_at: z.string() }),
  ),
});
export type JobObject = z.infer<typeof jobObject>;

/** The subject without its type. */
export const createdBy = ({ owner }: Pick<JobRow, 'owner'>): string => owner.slice(owner.indexOf(':') + 1);

export const toSummary = (job: JobRow): z.infer<typeof jobSummary> => ({
  job_id: job.job_id,
  job_type: job.type,
  status: jobWord(job.status),
  execution_mode: job.execution_mode,
  attempt_count: job.attempt,
  max_attempts: job.max_attempts,
  created_by: createdBy(job),
  created_at: isoTime(job.created_at),
  updated_at: isoTime(job.updated_at),
});

interface Parts {
  readonly attempts: readonly Attempt[];
  readonly artifacts: readonly ArtifactRow[];
}

export function toJob(job: JobRow, { attempts, artifacts }: Parts): JobObject {
  const ended = attempts.map((one) => ({
    attempt_number: one.attempt,
    status: one.outcome,
    error_text: one.error,
    runtime_ms: one.finished_at - one.started_at,
    started_at: isoTime(one.started_at),
    finished_at: isoTime(one.finished_at),
  }));
  const inHand = {
    attempt_number: job.attempt,
    status: 'running' as const,
    error_text: null,
    runtime_ms: null,
    started_at: isoTime(job.started_at ?? job.updated_at),
    finished_at: null,
  };
  return {
    ...toSummary(job),
    payload: readJson(job.payload),
    result: job.result === null ? {} : readJson(job.result),
    error_text: job.error,
    idempotency_key: job.idempotency_key,
    next_run_at: isoTime(job.run_at),
    lease_owner: job.lease_owner,
    lease_expires_at: job.lease_until === null ? null : isoTime(job.lease_until),
    attempts: job.status === 'running' ? [...ended, inHand] : ended,
    artifacts: artifacts.map(({ type, ref, payload, created_at }) => ({
      artifact_type: type,
      artifact_ref: ref,
      artifact_payload: readJson(payload),
      created_at: isoTime(created_at),
    })),
  };
}
