/**
 * The scheduler's door for those who submit (platform.md §2.2): submit, get, list, cancel, classify, metrics, types.
 * Guarantees: the right to what a task of executor `nexus` does is asked when it is submitted; what the caller does not see
 * does not exist for him.
 */
import { z } from 'zod';
import { readCursor } from '../../base/cursor.ts';
import { allInvalid, Fault, invalidParams } from '../../base/faults.ts';
import { isUuid } from '../../base/ids.ts';
import { issuesOf } from '../../base/issues.ts';
import { recordOf } from '../../base/json-object.ts';
import { idText, plainText } from '../../base/texts.ts';
import { understand } from '../../base/understand.ts';
import type { Offer } from '../../core/call/job-hands.ts';
import type { Switches } from '../../core/call/switches.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { hasRole } from '../access/credentials.ts';
import { askForJob } from './ahead.ts';
import { kindOf } from './beside.ts';
import { queueTime } from './clock.sql.ts';
import { CLASSES, classOf, isFinal, NEXUS, TIERS } from './job.ts';
import type { AnyJobType } from './job-types.ts';
import { findJob, type JobRow, listAttempts, readCounts } from './jobs.sql.ts';
import {
  attemptsParam,
  backoffParam,
  DEFAULT_ATTEMPTS,
  defaultBackoff,
  delayParam,
  executorParam,
  keptJson,
  keyParam,
  pageOf,
  pageParam,
  payloadParam,
  placeParam,
  priorityParam,
  requestStateParam,
  startOf,
  taskTypeParam,
  timeParam,
} from './params.ts';
import { endJobs, enqueue } from './queue.ts';
import {
  JOB_STATUSES,
  TASK_STATUSES,
  type TaskObject,
  taskObject,
  taskStatus,
  toTask,
  withAttempts,
} from './task-object.ts';
import { allOf, equals, isOneOf, listJobs, waitingFigures } from './tasks.sql.ts';
import { ENDED, WAITING } from './topics.ts';
import { seenCondition, sees, seesTask } from './visibility.ts';
import { waitFor } from './wait-for.ts';

const ROOT = '/api/v2/scheduler';

const submitInput = z.object({
  executor: executorParam,
  task_type: taskTypeParam,
  payload: payloadParam.default({}),
  priority: priorityParam.default('normal'),
  request_state: requestStateParam.default('pending'),
  boost: z.int().min(0).max(2).default(0).describe('tiers that it is lifted by'),
  run_at: timeParam.optional().describe('not before this time'),
  delay_seconds: delayParam.optional().describe('not before so long'),
  deadline: timeParam.optional().describe('fails if it has not started by then'),
  estimated_service_time: z.number().min(0).optional().describe('seconds that it is thought to take'),
  max_attempts: attemptsParam.default(DEFAULT_ATTEMPTS),
  backoff_seconds: backoffParam.default(defaultBackoff),
  idempotency_key: keyParam.optional().describe('gives the first task that was submitted with it'),
});
type SubmitInput = z.infer<typeof submitInput>;

/** A type that runs inside Nexus and its payload: INVALID_PARAMS or ACCESS_DENIED where it cannot be. */
export async function checkType(
  types: readonly AnyJobType[],
  { caller, access }: Pick<Call, 'caller' | 'access'>,
  asked: { readonly task_type: string; readonly payload: unknown },
): Promise<void> {
  const known = types.find(({ type }) => type === asked.task_type);
  if (!known) {
    const names = types.map(({ type }) => type).join(', ');
    throw invalidParams({ path: 'task_type', message: `is no type of executor nexus; there are ${names}` });
  }
  const parsed = understand(known.input, asked.payload);
  if (!parsed.success) {
    const issues = issuesOf(parsed, asked.payload).map(({ path, message }) => ({
      path: path === '' ? 'payload' : `payload.${path}`,
      message,
    }));
    throw allInvalid(issues, parsed.has_more);
  }
  if (!hasRole(caller, known.role)) {
    const roles = { role: caller.role, required_role: known.role };
    throw new Fault('ACCESS_DENIED', `Access denied: tasks of type ${known.type} take the role ${known.role}`, roles);
  }
  const needs = known.needs?.(parsed.data) ?? [];
  if (needs.length > 0) await access.require(needs);
}

interface Submitting {
  readonly input: SubmitInput;
  readonly switches: Switches;
  readonly offer?: Offer | undefined;
}

const submitTask = (types: readonly AnyJobType[]): Operation<SubmitInput, TaskObject, Submitting> => ({
  name: 'task.submit',
  summary: 'Queue a task for an executor.',
  effect: 'write',
  who: { role: 'operator' },
  input: submitInput,
  output: taskObject,
  faults: ['LIMIT_EXCEEDED', 'QUOTA_EXCEEDED', 'TOO_MANY'],
  http: {
    method: 'POST',
    path: `${ROOT}/submit`,
    headers: { 'idempotency-key': 'idempotency_key' },
    tolerant: true,
    status: 201,
    statusOf: ({ deduplicated }) => (deduplicated ? 200 : 201),
  },
  cli: { words: 'scheduler submit', args: ['executor', 'task_type'] },
  rings: ({ deduplicated }, { offer }) => (deduplicated || offer ? undefined : WAITING),
  object: ({ input }) => input.task_type,
  ahead: (tx, { offer }, context) => askForJob(tx, offer, context),
  prepare: async (input, { hands, switches }) => ({
    input,
    switches,
    offer: input.executor === NEXUS ? hands.offer(input.task_type) : undefined,
  }),
  over: ({ offer }, output, { hands, context: { zone_id } }) => {
    if (offer) hands.answer(offer, output && !output.deduplicated ? { zone_id, job_id: output.task_id } : undefined);
  },
  run: async (call, { input, offer, switches }) => {
    const payload = keptJson(input.payload, 'the payload', call.limits);
    if (input.executor === NEXUS) await checkType(types, call, input);
    const { job, deduplicated, now } = await enqueue(call, {
      type: input.task_type,
      kind: kindOf(types, { executor: input.executor, type: input.task_type }),
      switches,
      executor: input.executor,
      door: 'scheduler',
      offer,
      payload,
      tier: TIERS.indexOf(input.priority),
      boost: input.boost,
      request_state: input.request_state,
      ...startOf(input),
      deadline: input.deadline,
      service_time: input.estimated_service_time,
      max_attempts: input.max_attempts,
      backoff: input.backoff_seconds,
      idempotency_key: input.idempotency_key,
    });
    return { ...toTask(job, now), ...(deduplicated ? { deduplicated } : {}) };
  },
});

/** The same answer for an unknown id and for one that is not seen. */
export const taskNotFound = (id: string): Fault =>
  new Fault('TASK_NOT_FOUND', `Task not found: ${id.slice(0, 64)}`, { task_id: id.slice(0, 64) });

/** Whoever may see it. */
export async function findTask(call: Call, id: string): Promise<JobRow | undefined> {
  const job = isUuid(id) ? await findJob(call.tx, call.context.zone_id, id.toLowerCase()) : undefined;
  return job?.door === 'house' ? undefined : job;
}

const taskId = idText.describe('id of the task');
const getInput = z.object({
  id: taskId,
  wait_seconds: z.number().min(0).max(60).default(0).describe('wait for its end up to so long'),
});
type GetInput = z.infer<typeof getInput>;

const getTask: Operation<GetInput, TaskObject> = {
  name: 'task.get',
  summary: 'Show a task with its attempts, if wanted once it has ended.',
  effect: 'read',
  who: { role: 'viewer' },
  input: getInput,
  output: taskObject,
  faults: ['TASK_NOT_FOUND', 'TOO_MANY'],
  http: { method: 'GET', path: `${ROOT}/task/:id` },
  cli: { words: 'scheduler get', args: ['id'] },
  run: async (call, { id }) => {
    const job = await findTask(call, id);
    if (!job || !seesTask(call, job)) throw taskNotFound(id);
    return withAttempts(job, await listAttempts(call.tx, job.job_id), await queueTime(call));
  },
  lingers: (input) => (input as GetInput).wait_seconds > 0,
  linger: (output, streaming, asked) => {
    const input = asked as GetInput;
    return waitFor(streaming, output, {
      seconds: input.wait_seconds,
      topic: ENDED,
      look: () => streaming.run(getTask, input),
      isEnough: ({ status }) => !['queued', 'running'].includes(status),
    });
  },
};

const listInput = z.object({
  status: z.enum(TASK_STATUSES).optional().describe('only tasks that are so'),
  executor: executorParam.optional().describe('only tasks for this executor'),
  task_type: taskTypeParam.optional().describe('only tasks of this type'),
  schedule_id: plainText.optional().describe('only tasks that this schedule queued'),
  limit: pageParam(1000, 100),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
const listOutput = z.object({
  tasks: z.array(taskObject),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
});
export type TaskList = z.infer<typeof listOutput>;
const CURSOR = 'tasks';

const listTasks: Operation<z.infer<typeof listInput>, TaskList> = {
  name: 'task.list',
  summary: 'List tasks, newest first.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  http: { method: 'GET', path: `${ROOT}/tasks` },
  cli: { words: 'scheduler list' },
  run: async (call, { status, executor, task_type, schedule_id, limit, cursor }) => {
    const rows = await listJobs(call.tx, {
      zone_id: call.context.zone_id,
      where: allOf(
        { sql: " AND door <> 'house'", params: [] },
        seenCondition(call),
        isOneOf('status', status && JOB_STATUSES[status]),
        equals('executor', executor),
        equals('type', task_type),
        equals('schedule_id', schedule_id),
      ),
      after: cursor === undefined ? undefined : readCursor(CURSOR, cursor, placeParam),
      limit: limit + 1,
    });
    const now = await queueTime(call);
    const { page, ...rest } = pageOf(rows, { limit, kind: CURSOR, id: ({ job_id }) => job_id });
    return { tasks: page.map((job) => toTask(job, now)), ...rest };
  },
};

const cancelOutput = z.object({
  cancelled: z.boolean(),
  task_id: z.string(),
  status: z.enum(TASK_STATUSES).optional(),
});

const cancelTask: Operation<{ id: string }, z.infer<typeof cancelOutput>> = {
  name: 'task.cancel',
  summary: 'Cancel a task; what has ended stays as it is.',
  effect: 'write',
  who: { role: 'operator' },
  input: z.object({ id: taskId }),
  output: cancelOutput,
  faults: [],
  http: { method: 'POST', path: `${ROOT}/task/:id/cancel`, tolerant: true },
  cli: { words: 'scheduler cancel', args: ['id'] },
  rings: () => ENDED,
  object: ({ id }) => id,
  run: async (call, { id }) => {
    const job = await findTask(call, id);
    if (!job || !sees(call, job)) return { cancelled: false, task_id: id };
    if (isFinal(job.status)) {
      return { cancelled: job.status === 'cancelled', task_id: job.job_id, status: taskStatus(job.status) };
    }
    await endJobs(call, [{ job, outcome: { kind: 'cancelled' } }]);
    return { cancelled: true, task_id: job.job_id, status: 'cancelled' };
  },
};

const classifyInput = z.object({
  priority: priorityParam.default('normal'),
  request_state: requestStateParam.default('pending'),
});
const classifyOutput = z.object({
  priority_class: z.enum(CLASSES),
  priority: priorityParam,
  request_state: requestStateParam,
});

const classifyTask: Operation<z.infer<typeof classifyInput>, z.infer<typeof classifyOutput>> = {
  name: 'task.classify',
  summary: 'Say in which class a task would wait.',
  effect: 'read',
  who: { role: 'viewer' },
  input: classifyInput,
  output: classifyOutput,
  faults: [],
  http: { method: 'POST', path: `${ROOT}/classify`, tolerant: true },
  cli: { words: 'scheduler classify' },
  run: async (_call, { priority, request_state }) => ({
    priority_class: classOf({ tier: TIERS.indexOf(priority), request_state }),
    priority,
    request_state,
  }),
};

const metricsOutput = z.object({
  queue_by_class: z.object({ interactive: z.number(), batch: z.number(), background: z.number() }),
  queued: z.number(),
  running: z.number(),
  completed: z.number(),
  failed: z.number(),
  cancelled: z.number(),
  delayed: z.number(),
  oldest_queued_seconds: z.number(),
  by_executor: recordOf(z.number()),
  use_hrrn: z.literal(false),
});

const taskMetrics: Operation<Record<string, never>, z.infer<typeof metricsOutput>> = {
  name: 'task.metrics',
  tool: 'get_task_metrics',
  summary: 'Count the tasks of the zone.',
  effect: 'read',
  who: { role: 'viewer' },
  input: z.object({}),
  output: metricsOutput,
  faults: [],
  http: { method: 'GET', path: `${ROOT}/metrics` },
  cli: { words: 'scheduler metrics' },
  run: async (call) => {
    const { tx, context } = call;
    const now = await queueTime(call);
    const { interactive, batch, background, ...counts } = await readCounts(tx, context.zone_id);
    const waiting = await waitingFigures(tx, context.zone_id, now);
    const oldest = Math.min(now, ...waiting.map((one) => one.oldest));
    return {
      queue_by_class: { interactive, batch, background },
      queued: interactive + batch + background,
      running: counts.running,
      completed: counts.succeeded,
      failed: counts.failed,
      cancelled: counts.cancelled,
      delayed: waiting.reduce((sum, { delayed }) => sum + delayed, 0),
      oldest_queued_seconds: (now - oldest) / 1000,
      by_executor: Object.fromEntries(waiting.map(({ executor, n }) => [executor, n])),
      use_hrrn: false,
    };
  },
};

const typesOutput = z.object({
  types: z.array(
    z.object({
      task_type: z.string(),
      description: z.string(),
      input_schema: z.record(z.string(), z.unknown()),
      role: z.string(),
    }),
  ),
});

export type TypeList = z.infer<typeof typesOutput>;

const taskTypes = (types: readonly AnyJobType[]): Operation<Record<string, never>, TypeList> => ({
  name: 'task.types',
  tool: 'list_task_types',
  summary: 'List the types that executor nexus runs.',
  effect: 'read',
  who: { role: 'viewer' },
  input: z.object({}),
  output: typesOutput,
  faults: [],
  http: { method: 'GET', path: `${ROOT}/types` },
  cli: { words: 'scheduler types' },
  run: async () => ({
    types: types.map(({ type, description, input, role }) => ({
      task_type: type,
      description,
      input_schema: { ...z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) },
      role,
    })),
  }),
});

/** Told of every type that runs inside Nexus. */
export const taskOperations = (types: readonly AnyJobType[]) =>
  [submitTask(types), getTask, listTasks, cancelTask, classifyTask, taskMetrics, taskTypes(types)] as const;
