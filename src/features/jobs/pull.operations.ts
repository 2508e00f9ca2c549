/**
 * The scheduler's door for those who run tasks outside (platform.md §2.6): claim, heartbeat, complete, fail. Guarantees: a
 * task has one holder at a time, the subject that claimed it; nobody else, and not who lost it, can renew or finish it, and is
 * told so; telling the same end twice gives the same answer.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { invalidParams } from '../../base/faults.ts';
import { idText, plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { hasClaimable } from './claims.sql.ts';
import { queueTime } from './clock.sql.ts';
import { asFailed, type Outcome } from './job.ts';
import { type JobRow, listAttempts, renewLease } from './jobs.sql.ts';
import { executorParam, jsonParam, keptJson, taskTypeParam } from './params.ts';
import { checkHolds, claimJobs, endJobs } from './queue.ts';
import { type TaskObject, taskObject, toTask } from './task-object.ts';
import { findTask, taskNotFound } from './tasks.operations.ts';
import { ENDED, WAITING } from './topics.ts';
import { isAdmin, seesTask, subjectOf } from './visibility.ts';
import { waitFor } from './wait-for.ts';

const ROOT = '/api/v2/scheduler';
const OPERATOR = { role: 'operator' } as const;
const EXECUTORS_MAX = 20;
const TYPES_MAX = 100;
const LEASE_SECONDS = 60;
const leaseParam = z
  .number()
  .min(5)
  .max(3600)
  .default(LEASE_SECONDS)
  .describe(`seconds until it is given to others, unless renewed; ${LEASE_SECONDS} unless given`);

const claimInput = z.object({
  executor: executorParam.optional().describe('whose tasks'),
  executors: z.array(executorParam).min(1).max(EXECUTORS_MAX).optional().describe('several of them'),
  task_types: z.array(taskTypeParam).min(1).max(TYPES_MAX).optional().describe('only these'),
  max: z.int().min(1).max(100).default(1).describe('tasks at most, 1 unless given'),
  lease_seconds: leaseParam,
  wait_seconds: z.number().min(0).max(60).default(0).describe('wait for one up to so long'),
  worker: plainText.min(1).max(128).optional().describe('name of the holder, for people'),
});
type ClaimInput = z.infer<typeof claimInput>;
const claimOutput = z.object({ tasks: z.array(taskObject) });

function executorsOf({ executor, executors }: ClaimInput): readonly string[] {
  if ((executor === undefined) === (executors === undefined)) {
    throw invalidParams({ path: 'executor', message: 'either executor or executors is required' });
  }
  return executors ? [...new Set(executors)] : [executor!];
}

/** Those of these executors for which the caller takes the tasks of everybody. */
export type Served = (call: Call, executors: readonly string[]) => Promise<ReadonlySet<string>>;

/** Claims what is there now: everybody's tasks for the executors that the caller stands for, his own for the others, in one order. */
async function claimNow(served: Served, call: Call, input: ClaimInput): Promise<{ tasks: TaskObject[] }> {
  const owner = subjectOf(call);
  const executors = executorsOf(input);
  const all = isAdmin(call) ? new Set(executors) : await served(call, executors);
  const jobs = await claimJobs(call, {
    executors,
    own: { owner, executors: new Set(executors.filter((name) => !all.has(name))) },
    types: input.task_types ?? null,
    limit: input.max,
    lease_ms: Math.round(input.lease_seconds * 1000),
    owner: input.worker ?? owner,
    subject: owner,
  });
  const now = await queueTime(call);
  return { tasks: jobs.map((job) => ({ ...toTask(job, now), fencing_token: job.attempt })) };
}

const someOutput = z.object({ some: z.boolean() });

/** Asked by those who wait, so that waiting writes nothing. */
const peekTasks: Operation<ClaimInput, z.infer<typeof someOutput>> = {
  name: 'task.peek',
  summary: 'Say whether an executor has tasks that are due.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: claimInput,
  output: someOutput,
  faults: [],
  run: async (call, input) => {
    const { zone_id } = call.context;
    const asked = { zone_id, executors: executorsOf(input), types: input.task_types ?? null };
    return { some: await hasClaimable(call.tx, { ...asked, now: await queueTime(call) }) };
  },
};

function claimTasks(served: Served): Operation<ClaimInput, z.infer<typeof claimOutput>> {
  const claim: Operation<ClaimInput, z.infer<typeof claimOutput>> = {
    name: 'task.claim',
    repeats: 'own',
    summary: 'Claim the next tasks of an executor, if wanted once there are any.',
    effect: 'write',
    who: OPERATOR,
    input: claimInput,
    output: claimOutput,
    faults: ['TOO_MANY'],
    http: { method: 'POST', path: `${ROOT}/claim` },
    cli: { words: 'scheduler claim', args: ['executor'] },
    run: (call, input) => claimNow(served, call, input),
    lingers: (input) => (input as ClaimInput).wait_seconds > 0,
    linger: (output, streaming, asked) => {
      const input = asked as ClaimInput;
      return waitFor(streaming, output, {
        seconds: input.wait_seconds,
        topic: WAITING,
        look: async () => ((await streaming.run(peekTasks, input)).some ? streaming.run(claim, input) : { tasks: [] }),
        isEnough: ({ tasks }) => tasks.length > 0,
      });
    },
  };
  return claim;
}

/** The task that a token is shown for: also whoever may claim it is told what has become of it, as he may have had an attempt before the last one. */
async function getHeld(served: Served, call: Call, id: string): Promise<JobRow> {
  const job = await findTask(call, id);
  if (job && (seesTask(call, job) || (await served(call, [job.executor])).has(job.executor))) return job;
  throw taskNotFound(id);
}

const taskId = idText.describe('id of the task');
const tokenParam = z.int().describe('fencing_token of the claim');

const heartbeatInput = z.object({
  id: taskId,
  fencing_token: tokenParam,
  lease_seconds: leaseParam,
});
const heartbeatOutput = taskObject
  .pick({ task_id: true, lease_expires_at: true })
  .extend({ fencing_token: z.number() });

const heartbeat = (served: Served): Operation<z.infer<typeof heartbeatInput>, z.infer<typeof heartbeatOutput>> => ({
  name: 'task.heartbeat',
  summary: 'Renew the lease on a task.',
  effect: 'write',
  who: OPERATOR,
  input: heartbeatInput,
  output: heartbeatOutput,
  faults: ['TASK_NOT_FOUND', 'CONFLICT'],
  http: { method: 'POST', path: `${ROOT}/task/:id/heartbeat` },
  cli: { words: 'scheduler heartbeat', args: ['id', 'fencing_token'] },
  object: ({ id }) => id,
  run: async (call, { id, fencing_token, lease_seconds }) => {
    const job = await getHeld(served, call, id);
    checkHolds(job, fencing_token, subjectOf(call));
    const until = (await queueTime(call)) + Math.round(lease_seconds * 1000);
    await renewLease(call.tx, { ...job, lease_owner: job.lease_owner ?? '', until });
    return { task_id: job.job_id, fencing_token, lease_expires_at: isoTime(until) };
  },
});

interface TokenEnd {
  readonly id: string;
  readonly fencing_token: number;
  readonly outcome: Outcome;
}

/** Ends the attempt of a token; the second time, and as it was ended then, it changes nothing. */
async function endBy(served: Served, call: Call, { id, fencing_token, outcome }: TokenEnd): Promise<TaskObject> {
  const job = await getHeld(served, call, id);
  if (job.status !== 'running' || job.attempt !== fencing_token) {
    const attempts = await listAttempts(call.tx, job.job_id);
    const same = attempts.find(
      (one) => one.attempt === fencing_token && one.ended_by === 'holder' && one.outcome === outcome.kind,
    );
    if (same && mayHaveHeld(call, job, fencing_token)) {
      return toTask(outcome.kind === 'failed' ? asFailed(job, same, outcome) : job, same.finished_at);
    }
  }
  checkHolds(job, fencing_token, subjectOf(call));
  const [after] = await endJobs(call, [{ job, outcome }]);
  return toTask(after ?? job, await queueTime(call));
}

/** Of the last attempt it is known who had it. */
const mayHaveHeld = (call: Call, { attempt, lease_subject }: JobRow, fencing_token: number): boolean =>
  attempt !== fencing_token || lease_subject === null || lease_subject === subjectOf(call);

const ringsEnd = ({ status }: TaskObject): string => (status === 'queued' ? WAITING : ENDED);

const completeInput = z.object({
  id: taskId,
  fencing_token: tokenParam,
  result: jsonParam.optional().describe('what came of it'),
});

const completeTask = (served: Served): Operation<z.infer<typeof completeInput>, TaskObject> => ({
  name: 'task.complete',
  summary: 'End a task that was claimed, with its result.',
  effect: 'write',
  who: OPERATOR,
  input: completeInput,
  output: taskObject,
  faults: ['TASK_NOT_FOUND', 'CONFLICT', 'LIMIT_EXCEEDED'],
  http: { method: 'POST', path: `${ROOT}/task/:id/complete` },
  cli: { words: 'scheduler complete', args: ['id', 'fencing_token'] },
  rings: ringsEnd,
  object: ({ id }) => id,
  run: (call, { id, fencing_token, result }) => {
    const text = keptJson(result, 'the result', call.limits);
    return endBy(served, call, { id, fencing_token, outcome: { kind: 'succeeded', result: text } });
  },
});

const RETRY_SECONDS_MAX = 86_400;
const failInput = z.object({
  id: taskId,
  fencing_token: tokenParam,
  error: plainText.describe('what went wrong'),
  retryable: z.boolean().default(true).describe('whether it may be tried again; true unless given'),
  retry_after_seconds: z.number().min(0).max(RETRY_SECONDS_MAX).optional().describe('instead of its backoff'),
});

const failTask = (served: Served): Operation<z.infer<typeof failInput>, TaskObject> => ({
  name: 'task.fail',
  summary: 'End an attempt at a task that was claimed, without success.',
  effect: 'write',
  who: OPERATOR,
  input: failInput,
  output: taskObject,
  faults: ['TASK_NOT_FOUND', 'CONFLICT'],
  http: { method: 'POST', path: `${ROOT}/task/:id/fail` },
  cli: { words: 'scheduler fail', args: ['id', 'fencing_token', 'error'] },
  rings: ringsEnd,
  object: ({ id }) => id,
  run: (call, { id, fencing_token, error, retryable, retry_after_seconds }) => {
    const retry_after_ms = retry_after_seconds === undefined ? undefined : Math.round(retry_after_seconds * 1000);
    return endBy(served, call, { id, fencing_token, outcome: { kind: 'failed', error, retryable, retry_after_ms } });
  },
});

export const pullOperations = (served: Served) =>
  [claimTasks(served), peekTasks, heartbeat(served), completeTask(served), failTask(served)] as const;
