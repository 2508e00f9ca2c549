/**
 * The queue: what happens to jobs inside a transaction of their zone. Guarantees: each change of status is one event in the
 * same transaction (the server's own housekeeping leaves none); only the holder of the present attempt renews or ends it;
 * the same idempotency key gives the first job; the zone's counts are exact.
 */
import { isoTime } from '../../base/clock.ts';
import { Fault } from '../../base/faults.ts';
import { newUuid } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import { ownerText, subjectText } from '../../core/call/doer.ts';
import type { Offer } from '../../core/call/job-hands.ts';
import type { JobMove } from '../../core/call/told.ts';
import type { Call } from '../../core/operation.ts';
import { SYSTEM } from '../access/credentials.ts';
import { whatIsThere } from './ahead.ts';
import { type Beside, keepBeside } from './beside.ts';
import { noteTaken } from './claimed.ts';
import { type Claimable, takeNext } from './claims.sql.ts';
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
  statusBefore,
} from './job.ts';
import {
  deleteJobs,
  type EndedAttempt,
  findBlocked,
  findJobByKey,
  hasActive,
  insertArtifacts,
  insertAttempts,
  insertJobs,
  type JobRow,
  releaseKey,
  saveEnds,
  saveHeldEnds,
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

export function ownerOf({ caller, context }: Pick<Call, 'caller' | 'context'>): JobOwner {
  const { user_id, agent_id, key_id } = caller;
  return { owner: ownerText(caller, context.zone_id), user_id, agent_id: agent_id ?? '', key_id };
}

/** The server itself. */
export const HOUSE_OWNER: JobOwner = {
  owner: subjectText(SYSTEM),
  user_id: SYSTEM.user_id,
  agent_id: '',
  key_id: SYSTEM.key_id,
};

export interface NewJob extends Pick<Beside, 'kind' | 'switches'> {
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
  /** Does the job that was made with the key still stand for it? It always does, unless this says that a new one takes its place. */
  readonly stands?: ((first: JobRow, now: number) => boolean) | undefined;
  readonly schedule_id?: string;
  readonly retry_of?: string;
  readonly blocked?: boolean;
  /** Gives who has it from the beginning, so that nobody else starts it first. Not asked where the job was made before. */
  readonly holder?: (() => Holder) | undefined;
  /** The same if no other job is due before it. */
  readonly offer?: Offer | undefined;
  /** The caller of the call, unless given. */
  readonly by?: JobOwner;
}

export interface Enqueued {
  /** As it was queued, though an offer may have been taken; of one that had a holder from the beginning, as he has it. */
  readonly job: JobRow;
  readonly deduplicated: boolean;
  readonly now: number;
}

export async function enqueue(call: Call, asked: NewJob): Promise<Enqueued> {
  const { tx } = call;
  const tally = new Tally(call);
  const now = await queueTime(call);
  const { offer } = asked;
  const { room, isFirst } = await whatIsThere(tx, tally, { ...asked, now });
  const job = jobOf(call, asked, now);
  if (job.idempotency_key !== null) {
    const first = await findJobByKey(tx, { ...job, idempotency_key: job.idempotency_key });
    if (first && (asked.stands?.(first, now) ?? true)) return { job: first, deduplicated: true, now };
    if (first) await releaseKey(tx, first.job_id);
  }
  const holder = asked.holder?.();
  room?.check();
  tally.moved(job, undefined);
  tellStatus(call, job);
  tellMove(call, 'submitted', job);
  const takes = offer && isFirst && isDue(job, now) ? holderOf(offer) : holder;
  const after = takes ? { ...job, ...claimed(job, claimOf(takes, now)) } : job;
  if (takes) tellChange(call, { before: job, after }, tally);
  if (offer) noteTaken(call, offer, after === job ? undefined : after);
  await Promise.all([insertJobs(tx, [after]), tally.keep(), keepBeside(call, job.job_id, asked)]);
  return { job: holder ? after : job, deduplicated: false, now };
}

const isDue = ({ status, run_at, deadline }: JobRow, now: number): boolean =>
  status === 'queued' && run_at <= now && (deadline === null || deadline > now);

/** A worker of the server itself. */
export const holderOf = ({ worker_id, leaseMs }: Pick<Offer, 'worker_id' | 'leaseMs'>): Holder => ({
  owner: worker_id,
  subject: '',
  lease_ms: leaseMs,
});

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

/** Who is to have jobs, and for how long. */
export interface Holder {
  /** Its name, and the subject whose key it has; '' for the server's own workers. */
  readonly owner: string;
  readonly subject: string;
  readonly lease_ms: number;
}

export type Claiming = Omit<Claimable, 'zone_id' | 'now'> & Holder;

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

const claimOf = ({ owner, subject, lease_ms }: Holder, now: number): Claim => ({
  owner,
  subject,
  until: now + lease_ms,
  now,
});

/** Takes the next jobs, in their order. */
export const claimJobs = (call: Call, asked: Claiming): Promise<JobRow[]> =>
  occasion(call, async (at) => tellClaimed(call, await takeJobs(call, asked, at.now), at));

/** The same as a part of something larger, which has to tell of it too. */
export const takeJobs = (call: Call, asked: Claiming, now: number): Promise<JobRow[]> =>
  takeNext(call.tx, { ...asked, zone_id: call.context.zone_id, now }, claimOf(asked, now));

/** Tells of jobs that were claimed; gives them. */
export function tellClaimed(call: Call, jobs: readonly JobRow[], { tally }: Occasion): JobRow[] {
  return jobs.map((job) => {
    tellChange(call, { before: { ...job, status: statusBefore(job) }, after: job }, tally);
    return job;
  });
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

/** The same as a part of something larger; `holder`: of jobs as he had them, those whose attempt is still his. */
export async function endJobsAt(
  call: Call,
  endings: readonly Ending[],
  { now, tally, holder }: Occasion & { readonly holder?: string },
): Promise<JobRow[]> {
  const { tx } = call;
  const ends = endings.map(({ job, outcome }) => {
    const { state, attempt } = ended(job, outcome, now);
    return { before: job, after: { ...job, ...state }, outcome, attempt };
  });
  const rows = ends.map(({ after }) => after);
  const held = holder === undefined ? undefined : await saveHeldEnds(tx, rows, holder);
  const kept = held ? ends.filter(({ after }) => held.has(after.job_id)) : ends;
  const attempts = kept.flatMap(({ after: { zone_id, job_id }, attempt }): EndedAttempt[] =>
    attempt ? [{ ...attempt, zone_id, job_id }] : [],
  );
  for (const one of kept) tellChange(call, one, tally);
  await Promise.all([held ? undefined : saveEnds(tx, rows), insertAttempts(tx, attempts)]);
  for (const { after, outcome } of kept) {
    if (outcome.kind === 'succeeded' && outcome.artifacts) {
      await insertArtifacts(tx, { job: after, artifacts: outcome.artifacts, now });
    }
    if (outcome.kind === 'lost') tellMove(call, 'recovered', after);
    if (!isFinal(after.status)) continue;
    if (after.schedule_id !== null) await startNextOf(call, after.schedule_id);
    if (after.door === 'house') await afterHousework(call, after);
  }
  return kept.map(({ after }) => after);
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
  const { zone_id, every_ms } = parseJson(payload) as Housework;
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

/** That it is this subject who holds the attempt of this number, '' is the server's own workers; CONFLICT where it is not. */
export function checkHolds(job: JobRow, fencing_token: number, subject = ''): void {
  // A token is a small number that can be guessed, so whose it is counts too.
  if (job.status === 'running' && job.attempt === fencing_token && job.lease_subject === subject) return;
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
    by: { user_id: job.user_id, agent_id: job.agent_id || null, subject: job.key_id === null ? undefined : job.owner },
  });
}

interface Change {
  readonly before: JobRow;
  readonly after: JobRow;
}

/** A change of status: its event, the counts, figures and log. */
function tellChange(call: Call, { before, after }: Change, tally: Tally): void {
  tally.moved(after, before);
  tellStatus(call, after);
  const ran = before.status === 'running' && before.started_at !== null;
  // An attempt that has ended has no holder any more; who had it is told, or who found it lost.
  const worker_name = after.lease_owner ?? before.lease_owner ?? undefined;
  const took = ran ? { duration_ms: after.updated_at - (before.started_at ?? 0), worker_name } : {};
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
  const { job_id, attempt, request_id, key_id, zone_id, type, door, lease_owner, status } = job;
  const house = door === 'house';
  const worker_name = lease_owner ?? undefined;
  const traceparent = job.traceparent ?? undefined;
  const by = { zone: zone_id, request_id, key_id, worker_name };
  const facts = { move, job_id, job_type: type, attempt, ...by, status, house };
  call.tell({ ...facts, traceparent, ...more });
}
