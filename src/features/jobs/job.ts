/**
 * The rules of a job: words, order, backoff, and what becomes of one when an attempt ends. Pure. Guarantees: attempt
 * numbers only grow, so the one in hand is a fencing token; a finished job changes no more (infrastructure.md §7,
 * platform.md §2).
 */
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';

export const TIERS = ['critical', 'high', 'normal', 'low', 'best_effort'] as const;
export type Tier = (typeof TIERS)[number];
export const NORMAL = TIERS.indexOf('normal');
export const BEST_EFFORT = TIERS.indexOf('best_effort');

export const CLASSES = ['interactive', 'batch', 'background'] as const;
export type JobClass = (typeof CLASSES)[number];

export const REQUEST_STATES = ['pending', 'compute', 'io_wait', 'tool_call', 'idle', 'completed', 'failed'] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

export const EXECUTION_MODES = ['sync', 'async', 'shadow'] as const;
export type ExecutionMode = (typeof EXECUTION_MODES)[number];

/** What a server says that takes no jobs for later (NEXUS_ASYNC_JOBS_ENABLED). */
export const asyncOff = (): Fault => new Fault('BAD_REQUEST', 'Async jobs are disabled by feature flag');

/** The executor that runs inside Nexus. */
export const NEXUS = 'nexus';
/** That of the server's own jobs: a name that no client can give. */
export const HOUSE = '';

/** `blocked` waits for the job of the same schedule before it; to clients it is queued. */
export type JobStatus = 'queued' | 'retry_wait' | 'blocked' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export const isWaiting = (status: JobStatus): boolean => ['queued', 'retry_wait', 'blocked'].includes(status);
export const isFinal = (status: JobStatus): boolean => ['succeeded', 'failed', 'cancelled'].includes(status);

/** How it came: by the scheduler's door, the jobs API, a schedule, a feature's own route, or the server itself. */
export type JobDoor = 'scheduler' | 'api' | 'schedule' | 'feature' | 'house';

export const DEFAULT_BACKOFF: readonly number[] = [2, 10, 30];

/** Milliseconds of waiting that are worth a tier. */
export const TIER_MS = 120_000;
/** Of tier − boost. */
export const RANKS = [-2, -1, 0, 1, 2, 3, 4] as const;

/** The next of the due jobs is the one with the smallest. */
export const placeOf = (job: { readonly run_at: number; readonly rank: number }): number =>
  job.run_at + TIER_MS * job.rank;

interface Urgency {
  readonly tier: number;
  readonly request_state: RequestState;
  readonly boost: number;
}

/** io_wait lifts a background task to the middle. */
const liftedTier = ({ tier, request_state }: Omit<Urgency, 'boost'>): number =>
  request_state === 'io_wait' ? Math.min(tier, NORMAL) : tier;

export const rankOf = (urgency: Urgency): number => liftedTier(urgency) - urgency.boost;

export function classOf(urgency: Omit<Urgency, 'boost'>): JobClass {
  const tier = liftedTier(urgency);
  if (tier < NORMAL) return 'interactive';
  return tier === NORMAL ? 'batch' : 'background';
}

/** The tier that a job has by waiting, 0 to 4. Of one that waits no more it is the one it was given. */
export const effectiveTier = (rank: number, waitedMs: number): number =>
  Math.min(BEST_EFFORT, Math.max(0, rank - Math.floor(Math.max(0, waitedMs) / TIER_MS)));

/** Milliseconds before the attempt after this one. */
export const backoffMs = (backoff: readonly number[], attempt: number): number =>
  (backoff[Math.min(attempt, backoff.length) - 1] ?? 0) * 1000;

/** Longest text of a failure that is kept. */
const ERROR_CHARACTERS = 2_000;
export const shortError = (text: string): string => text.slice(0, ERROR_CHARACTERS).toWellFormed().replaceAll('\0', '');

/** A worker that missed so many beats is gone. */
export const MISSED_BEATS = 5;

export const LEASE_EXPIRED = 'Lease expired';

export interface Artifact {
  readonly type: string;
  readonly ref: string | null;
  /** JSON. */
  readonly payload: string;
}

/** How an attempt, or the whole job, comes to its end. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly result: string; readonly artifacts?: readonly Artifact[] }
  | {
      readonly kind: 'failed';
      readonly error: string;
      readonly retryable: boolean;
      /** Instead of the backoff. */
      readonly retry_after_ms?: number | undefined;
    }
  /** The holder is gone, or gives the job back; `by` is who found out. */
  | { readonly kind: 'lost'; readonly by: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'overdue' };

/** The columns that change in a job's life. */
export interface JobState {
  readonly status: JobStatus;
  readonly run_at: number;
  readonly attempt: number;
  readonly lease_owner: string | null;
  /** Who claimed the last attempt, also once it has ended: he is answered for what he tells again. */
  readonly lease_subject: string | null;
  readonly lease_until: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly updated_at: number;
  readonly result: string | null;
  readonly error: string | null;
}

/** What the rules look at beside the state. */
export interface JobTerms {
  readonly max_attempts: number;
  /** JSON list of seconds. */
  readonly backoff: string;
}

export interface Attempt {
  readonly attempt: number;
  readonly claimed_by: string;
  readonly outcome: 'succeeded' | 'failed' | 'cancelled';
  readonly ended_by: 'holder' | 'lease' | 'cancel' | 'deadline';
  readonly error: string | null;
  readonly started_at: number;
  readonly finished_at: number;
}

export interface Claim {
  /** Name of the holder, and the subject whose key it has; '' for the server's own workers. */
  readonly owner: string;
  readonly subject: string;
  readonly until: number;
  readonly now: number;
}

export const claimed = (job: JobState, claim: Claim): JobState => ({
  ...job,
  status: 'running',
  attempt: job.attempt + 1,
  lease_owner: claim.owner,
  lease_subject: claim.subject,
  lease_until: claim.until,
  started_at: claim.now,
  updated_at: claim.now,
  error: null,
});

/** What a job was before it was claimed: one that was tried before waited for another attempt. */
export const statusBefore = ({ attempt }: Pick<JobState, 'attempt'>): JobStatus =>
  attempt > 1 ? 'retry_wait' : 'queued';

/** The state after an outcome at a time, and the attempt that it ends, if one was running. */
export function ended(
  job: JobState & JobTerms,
  outcome: Outcome,
  now: number,
): { state: JobState; attempt: Attempt | undefined } {
  const free = { lease_owner: null, lease_until: null, updated_at: now };
  const final = { ...free, ended_at: now };
  const attempt = job.status === 'running' ? attemptOf(job, outcome, now) : undefined;
  const state = { ...job };
  switch (outcome.kind) {
    case 'succeeded':
      return { state: { ...state, ...final, status: 'succeeded', result: outcome.result }, attempt };
    case 'cancelled':
      return { state: { ...state, ...final, status: 'cancelled' }, attempt };
    case 'overdue':
      return { state: { ...state, ...final, status: 'failed', error: 'Deadline passed before a start' }, attempt };
    default:
      return { state: { ...state, ...afterFailure(job, outcome, now) }, attempt };
  }
}

function afterFailure(
  job: JobState & JobTerms,
  outcome: Extract<Outcome, { kind: 'failed' | 'lost' }>,
  now: number,
): Partial<JobState> {
  const lost = outcome.kind === 'lost';
  const error = lost ? LEASE_EXPIRED : shortError(outcome.error);
  // Who found a lost lease stays named: the attempt's row has the former holder.
  const free = {
    lease_owner: lost ? outcome.by : null,
    lease_until: null,
    updated_at: now,
    error,
  };
  const again = job.attempt < job.max_attempts && (lost || outcome.retryable);
  if (!again) return { ...free, status: 'failed', ended_at: now };
  const pause =
    (lost ? undefined : outcome.retry_after_ms) ?? backoffMs(parseJson(job.backoff) as number[], job.attempt);
  return { ...free, status: 'retry_wait', run_at: now + pause };
}

function attemptOf(job: JobState, outcome: Outcome, now: number): Attempt {
  const own = {
    attempt: job.attempt,
    claimed_by: job.lease_owner ?? '',
    started_at: job.started_at ?? now,
    finished_at: now,
  };
  switch (outcome.kind) {
    case 'succeeded':
      return { ...own, outcome: 'succeeded', ended_by: 'holder', error: null };
    case 'cancelled':
      return { ...own, outcome: 'cancelled', ended_by: 'cancel', error: null };
    case 'overdue':
      return { ...own, outcome: 'failed', ended_by: 'deadline', error: null };
    case 'lost':
      return { ...own, outcome: 'failed', ended_by: 'lease', error: LEASE_EXPIRED };
    case 'failed':
      return { ...own, outcome: 'failed', ended_by: 'holder', error: shortError(outcome.error) };
  }
}

/**
 * What was answered when the holder failed an attempt, however the job went on: that is told again where he tells it again.
 * `outcome` is how he tells it now, of which the error is kept as it was first told.
 */
export function asFailed<J extends JobState & JobTerms>(
  job: J,
  { attempt, error, started_at, finished_at }: Attempt,
  outcome: Extract<Outcome, { kind: 'failed' }>,
): J {
  if (job.attempt === attempt && job.updated_at === finished_at) return job;
  // It went on, so it was to be tried again.
  const then = { ...job, attempt, started_at, ended_at: null, result: null };
  return { ...then, ...afterFailure(then, { ...outcome, retryable: true, error: error ?? '' }, finished_at) };
}
