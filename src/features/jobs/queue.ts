/**
 * The queue: what happens to jobs inside a transaction of their zone. Guarantees: each change of status is one event in the
 * same transaction (the server's own housekeeping leaves none); only the holder of the present attempt renews or ends it;
 * the same idempotency key gives the first job; the zone's counts are exact.
 */
import { isoTime } from '../../base/clock.ts';
import { Fault } from '../../base/faults.ts';
import { newUuid } from '../../base/ids.ts';
import type { JobMove } from '../../core/call/told.ts';
import type { Call } from '../../core/operation.ts';
import { SYSTEM } from '../access/credentials.ts';
import { queueTime } from './clock.sql.ts';
import { listOldPasses, listUnfinished } from './house.sql.ts';
import {
  BEST_EFFORT,
  CLASSES,
  type Claim,
  claimed,
  classOf,
  type ExecutionMode,
  ended,
  HOUSE,
  isFinal,
  type JobDoor,
  type Outcome,
  type RequestState,
  rankOf,
  TIER_MS,
} from './job.ts';
import {
  type Claimable,
  deleteJobs,
  type EndedAttempt,
  findBlocked,
  findJobByKey,
  hasActive,
  insertArtifacts,
  insertAttempts,
  insertJobs,
  type JobRow,
  listClaimable,
  saveJobs,
  unblock,
} from './jobs.sql.ts';
import { Tally } from './tally.ts';

/** Who a job belongs to: platform.md §0. */
export interface JobOwner {
  readonly owner: string;
  readonly user_id: string;
  readonly agent_id: string;
  readonly key_id: string | null;
}

export function ownerOf({ caller }: Pick<Call, 'caller'>): JobOwner {
  const { subject_type, subject_id, user_id, agent_id, key_id } = caller;
  return { owner: `${subject_type}:${subject_id}`, user_id, agent_id: agent_id ?? '', key_id };
}

/** The server itself. */
export const HOUSE_OWNER: JobOwner = ownerOf({ caller: SYSTEM });

export interface NewJob {
  readonly type: string;
  readonly executor: string;
  readonly door: JobDoor;
  /** JSON. */
  readonly payload: string;
  readonly tier: number;
  readonly boost?: number;
  readonly request_state?: RequestState;
  /** A time in milliseconds, not before now. */
  readonly run_at?: number | undefined;
  readonly delay_ms?: number | undefined;
  readonly deadline?: number | undefined;
  readonly service_time?: number | undefined;
  readonly max_attempts: number;
  readonly backoff: readonly number[];
  readonly execution_mode?: ExecutionMode;
  readonly idempotency_key?: string | undefined;
  readonly schedule_id?: string;
  readonly retry_of?: string;
  readonly blocked?: boolean;
  /** The caller of the call, unless given. */
  readonly by?: JobOwner;
}

export interface Enqueued {
  readonly job: JobRow;
  readonly deduplicated: boolean;
  readonly now: number;
}

export async function enqueue(call: Call, asked: NewJob): Promise<Enqueued> {
  const { tx } = call;
  const tally = new Tally(call);
  // What does not depend on each other goes out together: on PostgreSQL that is one round trip.
  const [now, room] = await Promise.all([queueTime(call), asked.door === 'house' ? undefined : tally.room()]);
  const job = jobOf(call, asked, now);
  if (job.idempotency_key !== null) {
    const first = await findJobByKey(tx, { ...job, idempotency_key: job.idempotency_key });
    if (first) return { job: first, deduplicated: true, now };
  }
  room?.check();
  tally.moved(job, undefined);
  tellStatus(call, job);
  tellMove(call, 'submitted', job);
  await Promise.all([insertJobs(tx, [job]), tally.keep()]);
  return { job, deduplicated: false, now };
}

function jobOf(call: Call, asked: NewJob, now: number): JobRow {
  const { boost = 0, request_state = 'pending' } = asked;
  const urgency = { tier: asked.tier, boost, request_state };
  return {
    job_id: newUuid(now),
    zone_id: call.context.zone_id,
    type: asked.type,
    executor: asked.executor,
    door: asked.door,
    status: asked.blocked ? 'blocked' : 'queued',
    rank: rankOf(urgency),
    run_at: Math.max(now, asked.run_at ?? now + (asked.delay_ms ?? 0)),
    ...urgency,
    class: CLASSES.indexOf(classOf(urgency)),
    attempt: 0,
    max_attempts: asked.max_attempts,
    backoff: JSON.stringify(asked.backoff),
    deadline: asked.deadline ?? null,
    service_time: asked.service_time ?? null,
    execution_mode: asked.execution_mode ?? 'async',
    idempotency_key: asked.idempotency_key || null,
    schedule_id: asked.schedule_id ?? null,
    retry_of: asked.retry_of ?? null,
    ...(asked.by ?? ownerOf(call)),
    request_id: call.context.request_id,
    traceparent: call.context.traceparent ?? null,
    lease_owner: null,
    lease_subject: null,
    lease_until: null,
    created_at: now,
    started_at: null,
    ended_at: null,
    updated_at: now,
    payload: asked.payload,
    result: null,
    error: null,
  };
}

export type Claiming = Omit<Claimable, 'zone_id' | 'executor' | 'limit' | 'now'> & {
  readonly executors: readonly string[];
  readonly limit: number;
  readonly lease_ms: number;
  readonly owner: string;
  readonly subject: string;
};

/** When something happens to jobs, and what the counts of their zone change by. */
export interface Occasion {
  readonly now: number;
  readonly tally: Tally;
}

/** A change of jobs now; its counts are added at the end. */
async function occasion<T>(call: Call, work: (at: Occasion) => Promise<T>): Promise<T> {
  const tally = new Tally(call);
  const done = await work({ now: await queueTime(call), tally });
  await tally.keep();
  return done;
}

/** Takes the next jobs, in their order. */
export const claimJobs = (call: Call, asked: Claiming): Promise<JobRow[]> =>
  occasion(call, async (at) => takeJobs(call, await nextJobs(call, asked, at.now), { ...asked, ...at }));

/** The jobs that are next, in their order; nobody has them yet. */
export async function nextJobs(call: Call, asked: Claiming, now: number): Promise<JobRow[]> {
  const { zone_id } = call.context;
  const { executors, limit } = asked;
  const found: JobRow[] = [];
  for (const executor of executors) {
    found.push(...(await listClaimable(call.tx, { ...asked, zone_id, executor, now })));
  }
  return executors.length > 1 ? found.sort(byPlace).slice(0, limit) : found;
}

/** Gives jobs to a holder. */
export function takeJobs(
  call: Call,
  jobs: readonly JobRow[],
  by: Occasion & Pick<Claiming, 'owner' | 'subject' | 'lease_ms'>,
): Promise<JobRow[]> {
  const claim: Claim = { owner: by.owner, subject: by.subject, until: by.now + by.lease_ms, now: by.now };
  return change(call, jobs, { tally: by.tally, next: (job) => ({ ...job, ...claimed(job, claim) }) });
}

/** Takes one job that was just queued. */
export async function claimJob(
  call: Call,
  job: JobRow,
  by: Pick<Claiming, 'owner' | 'subject' | 'lease_ms'>,
): Promise<JobRow> {
  const [after] = await occasion(call, (at) => takeJobs(call, [job], { ...by, ...at }));
  return after ?? job;
}

/** platform.md §2.3, as one number. */
const placeOf = (job: JobRow): number => job.run_at + TIER_MS * job.rank;
const byPlace = (a: JobRow, b: JobRow): number => placeOf(a) - placeOf(b) || (a.job_id < b.job_id ? -1 : 1);

/** Jobs with their next form: rows, events and counts. */
async function change(
  call: Call,
  jobs: readonly JobRow[],
  { tally, next }: { readonly tally: Tally; readonly next: (job: JobRow) => JobRow },
): Promise<JobRow[]> {
  const after = jobs.map((job) => {
    const changed = next(job);
    tally.moved(changed, job);
    tellStatus(call, changed);
    tellChange(call, changed, job);
    return changed;
  });
  await saveJobs(call.tx, after);
  return after;
}

/** A job, and what is to become of it. */
export interface Ending {
  readonly job: JobRow;
  readonly outcome: Outcome;
}

/** Ends the attempts in hand, or the jobs; gives the jobs as they are then. The caller has looked whose turn it is. */
export async function endJobs(call: Call, endings: readonly Ending[]): Promise<JobRow[]> {
  if (endings.length === 0) return [];
  return occasion(call, (at) => endJobsAt(call, endings, at));
}

/** The same as a part of something larger. */
export async function endJobsAt(call: Call, endings: readonly Ending[], { now, tally }: Occasion): Promise<JobRow[]> {
  const { tx } = call;
  const outcomes = new Map(endings.map(({ job, outcome }) => [job.job_id, outcome]));
  const attempts: EndedAttempt[] = [];
  const jobs = endings.map(({ job }) => job);
  const next = (job: JobRow): JobRow => {
    const { state, attempt } = ended(job, outcomes.get(job.job_id)!, now);
    if (attempt) attempts.push({ ...attempt, zone_id: job.zone_id, job_id: job.job_id });
    return { ...job, ...state };
  };
  const changing = change(call, jobs, { tally, next });
  // Sent behind it without waiting.
  const [after] = await Promise.all([changing, insertAttempts(tx, attempts)]);
  for (const { job, outcome } of endings) {
    if (outcome.kind === 'succeeded' && outcome.artifacts) {
      await insertArtifacts(tx, { job, artifacts: outcome.artifacts, now });
    }
  }
  for (const job of after) {
    if (outcomes.get(job.job_id)?.kind === 'lost') tellMove(call, 'recovered', job);
    if (!isFinal(job.status)) continue;
    if (job.schedule_id !== null) await startNextOf(call, job.schedule_id);
    if (job.door === 'house') await afterHousework(call, job);
  }
  return after;
}

/** What the server does by itself: in a zone, in all of them, or again and again. */
export interface Housework {
  readonly type: string;
  readonly zone_id?: string | undefined;
  /** Milliseconds between the end of a pass and the next one. */
  readonly every_ms?: number | undefined;
}

export const payloadOf = ({ zone_id, every_ms }: Housework): string => JSON.stringify({ zone_id, every_ms });

/** Seconds. */
const HOUSE_BACKOFF = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300];
/** What comes again anyhow is given up soon; what stays to be done is not. */
const PASS_ATTEMPTS = 5;
const HOUSE_ATTEMPTS = 1_000_000;
/** Of the passes that went well. */
const PASSES_KEPT = 10;

/** The caller has looked that it is not under way. */
export const enqueueHousework = (call: Call, job: Housework, delay_ms?: number): Promise<Enqueued> =>
  enqueue(call, {
    type: job.type,
    executor: HOUSE,
    door: 'house',
    payload: payloadOf(job),
    tier: BEST_EFFORT,
    delay_ms,
    max_attempts: job.every_ms === undefined ? HOUSE_ATTEMPTS : PASS_ATTEMPTS,
    backoff: HOUSE_BACKOFF,
    by: HOUSE_OWNER,
  });

/** The pass after this one, if none waits; those of long ago that went well are not kept. */
async function afterHousework(call: Call, { type, payload }: JobRow): Promise<void> {
  const { zone_id, every_ms } = JSON.parse(payload) as Housework;
  const again = every_ms !== undefined && (await listUnfinished(call.tx, type)).length === 0;
  if (again) await enqueueHousework(call, { type, every_ms }, every_ms);
  const old = zone_id === undefined ? await listOldPasses(call.tx, type, PASSES_KEPT) : [];
  if (old.length > 0) await deleteJobs(call.tx, old);
}

/** The next job of a schedule starts after the one before it. */
async function startNextOf({ tx }: Call, schedule_id: string): Promise<void> {
  const next = await findBlocked(tx, schedule_id);
  if (next && !(await hasActive(tx, schedule_id))) await unblock(tx, next.job_id);
}

/** Who holds the attempt of this number; CONFLICT where it is over. */
export function checkHolds(job: JobRow, fencing_token: number): void {
  if (job.status === 'running' && job.attempt === fencing_token) return;
  const reason = job.status === 'cancelled' ? 'CANCELLED' : 'LEASE_LOST';
  const why = reason === 'CANCELLED' ? 'was cancelled' : `is no longer held with token ${fencing_token}`;
  throw new Fault('CONFLICT', `Task ${job.job_id} ${why}; stop working on it`, {
    reason,
    status: job.status,
    attempt: job.attempt,
  });
}

/** The words in which the log tells of a status; a blocked job was told as queued. */
function tellStatus(call: Call, job: JobRow): void {
  if (job.door === 'house') return;
  call.event({
    type: `job.${job.status === 'blocked' ? 'queued' : job.status}`,
    object: { type: 'job', id: job.job_id },
    data: { job_type: job.type, executor: job.executor, attempt: job.attempt },
    by: { user_id: job.user_id, agent_id: job.agent_id || null },
  });
}

/** Of a change of status, for figures and log. */
function tellChange(call: Call, after: JobRow, before: JobRow): void {
  const ran = before.status === 'running' && before.started_at !== null;
  const took = ran ? { duration_ms: after.updated_at - (before.started_at ?? 0) } : {};
  const err = after.error ?? undefined;
  switch (after.status) {
    case 'running':
      tellMove(call, 'started', after, { wait_ms: Math.max(0, after.updated_at - before.run_at) });
      break;
    case 'retry_wait':
      // What goes on at once was given back by a node that stops: nothing failed.
      if (after.door === 'house' && after.run_at <= after.updated_at) break;
      tellMove(call, 'retried', after, { ...took, err, next_run_at: isoTime(after.run_at) });
      break;
    case 'failed':
      tellMove(call, 'failed', after, { ...took, err });
      break;
    case 'succeeded':
    case 'cancelled':
      tellMove(call, after.status, after, took);
      break;
    default:
  }
}

function tellMove(call: Call, move: JobMove['move'], job: JobRow, more: Partial<JobMove> = {}): void {
  const { job_id, attempt, request_id, zone_id, type, door, lease_owner, status } = job;
  const house = door === 'house';
  const worker_name = lease_owner ?? undefined;
  const traceparent = job.traceparent ?? undefined;
  const facts = { move, job_id, job_type: type, zone: zone_id, attempt, request_id, worker_name, status, house };
  call.tell({ ...facts, traceparent, ...more });
}
