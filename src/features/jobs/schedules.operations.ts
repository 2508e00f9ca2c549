/**
 * Schedules (platform.md §2.8): cron lines that queue a task at each of their instants. Guarantees: a task runs as somebody who
 * said himself what it is to do, or let an admin of his zone say it.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { readCursor } from '../../base/cursor.ts';
import { Fault } from '../../base/faults.ts';
import { isUuid, newUuid } from '../../base/ids.ts';
import { jsonValue } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { idText, plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { isRootAdmin } from '../access/credentials.ts';
import { findKeyZone } from '../access/keys.sql.ts';
import { queueTime } from './clock.sql.ts';
import { checkCron, nextInstant } from './cron.ts';
import { NEXUS, TIERS } from './job.ts';
import type { AnyJobType } from './job-types.ts';
import {
  attemptsParam,
  backoffParam,
  cursorParam,
  DEFAULT_ATTEMPTS,
  defaultBackoff,
  executorParam,
  keptJson,
  pageOf,
  pageParam,
  payloadParam,
  placeParam,
  priorityParam,
  taskTypeParam,
} from './params.ts';
import { enqueue, ownerOf } from './queue.ts';
import {
  countSchedules,
  deleteSchedule,
  findSchedule,
  insertSchedule,
  listSchedules,
  type ScheduleRow,
  saveSchedule,
} from './schedules.sql.ts';
import { readJson, type TaskObject, taskObject, toTask } from './task-object.ts';
import { checkType } from './tasks.operations.ts';
import { WAITING } from './topics.ts';
import { isAdmin, seenCondition, sees, subjectOf } from './visibility.ts';

const ROOT = '/api/v2/scheduler/schedules';
const OPERATOR = { role: 'operator' } as const;
const VIEWER = { role: 'viewer' } as const;

const CATCH_UP = ['last', 'none', 'all'] as const;
const OVERLAP = ['allow', 'skip', 'queue'] as const;
const CRON_CHARACTERS = 256;

const time = z.string().nullable();
const scheduleObject = z.object({
  id: z.string(),
  schedule_id: z.string(),
  zone_id: z.string(),
  user_id: z.string(),
  agent_id: z.string().nullable(),
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  executor: z.string(),
  executor_id: z.string(),
  task_type: z.string(),
  payload: jsonValue,
  priority: z.enum(TIERS),
  max_attempts: z.number(),
  backoff_seconds: z.array(z.number()),
  enabled: z.boolean(),
  catch_up: z.enum(CATCH_UP),
  overlap: z.enum(OVERLAP),
  next_run_at: time,
  last_run_at: time,
  last_task_id: z.string().nullable(),
  skipped_total: z.number(),
  created_at: z.string(),
  updated_at: z.string(),
});
type ScheduleObject = z.infer<typeof scheduleObject>;

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

const toObject = (row: ScheduleRow): ScheduleObject => ({
  id: row.schedule_id,
  schedule_id: row.schedule_id,
  zone_id: row.zone_id,
  user_id: row.user_id,
  agent_id: row.agent_id || null,
  name: row.name,
  cron: row.cron,
  timezone: row.timezone,
  executor: row.executor,
  executor_id: row.executor,
  task_type: row.type,
  payload: readJson(row.payload),
  priority: TIERS[row.tier] ?? 'normal',
  max_attempts: row.max_attempts,
  backoff_seconds: parseJson(row.backoff) as number[],
  enabled: row.enabled === 1,
  catch_up: row.catch_up,
  overlap: row.overlap,
  // One that is switched off runs at no time; when it is switched on again that is planned anew.
  next_run_at: row.enabled === 1 ? isoOrNull(row.next_run_at) : null,
  last_run_at: isoOrNull(row.last_run_at),
  last_task_id: row.last_job_id,
  skipped_total: row.skipped_total,
  created_at: isoTime(row.created_at),
  updated_at: isoTime(row.updated_at),
});

const fields = {
  name: plainText.min(1).max(128).describe('name of the schedule, for people'),
  cron: plainText.min(1).max(CRON_CHARACTERS).describe('5 fields, 6 with seconds in front, or @hourly, @daily …'),
  timezone: plainText.min(1).max(64).describe('IANA name'),
  executor: executorParam,
  task_type: taskTypeParam,
  payload: payloadParam,
  priority: priorityParam,
  max_attempts: attemptsParam,
  backoff_seconds: backoffParam,
  enabled: z.boolean().describe('whether it fires; true by default'),
  catch_up: z.enum(CATCH_UP).describe('instants that were missed: the last of them, none, or all'),
  overlap: z.enum(OVERLAP).describe('while the task before has not ended: allow, skip the instant, or queue behind it'),
};

const createInput = z.object({
  ...fields,
  timezone: fields.timezone.default('UTC'),
  payload: fields.payload.default({}),
  priority: fields.priority.default('normal'),
  max_attempts: fields.max_attempts.default(DEFAULT_ATTEMPTS),
  backoff_seconds: fields.backoff_seconds.default(defaultBackoff),
  enabled: fields.enabled.default(true),
  catch_up: fields.catch_up.default('last'),
  overlap: fields.overlap.default('allow'),
});
type CreateInput = z.infer<typeof createInput>;

/** What a client may set, as columns. */
const settable = (call: Call, input: CreateInput) => ({
  name: input.name,
  cron: input.cron,
  timezone: input.timezone,
  executor: input.executor,
  type: input.task_type,
  payload: keptJson(input.payload, 'the payload', call.limits),
  tier: TIERS.indexOf(input.priority),
  max_attempts: input.max_attempts,
  backoff: JSON.stringify(input.backoff_seconds),
  enabled: input.enabled ? 1 : 0,
  catch_up: input.catch_up,
  overlap: input.overlap,
});

async function checkSchedule(types: readonly AnyJobType[], call: Call, input: CreateInput): Promise<void> {
  checkCron(input);
  if (input.executor === NEXUS) await checkType(types, call, input);
}

const createSchedule = (types: readonly AnyJobType[]): Operation<CreateInput, ScheduleObject> => ({
  name: 'schedule.create',
  summary: 'Queue a task at every instant of a cron line.',
  effect: 'write',
  who: OPERATOR,
  input: createInput,
  output: scheduleObject,
  faults: ['LIMIT_EXCEEDED', 'TOO_MANY'],
  http: { method: 'POST', path: ROOT, status: 201 },
  cli: { words: 'schedule create', args: ['name', 'cron', 'executor', 'task_type'] },
  object: ({ name }) => name,
  run: async (call, input) => {
    await checkSchedule(types, call, input);
    const { tx, context, limits } = call;
    const maximum = limits.SCHEDULES;
    if ((await countSchedules(tx, context.zone_id)) >= maximum) {
      throw new Fault('TOO_MANY', `Zone ${context.zone_id} has ${maximum} schedules, the most it may; delete some`, {
        limit: 'SCHEDULES',
        maximum,
      });
    }
    const now = await queueTime(call);
    const row: ScheduleRow = {
      schedule_id: newUuid(now),
      zone_id: context.zone_id,
      ...settable(call, input),
      next_run_at: nextInstant(input, now) ?? null,
      last_run_at: null,
      last_job_id: null,
      skipped_total: 0,
      ...ownerOf(call),
      created_at: now,
      updated_at: now,
    };
    await insertSchedule(tx, row);
    call.event({ type: 'schedule.created', object: { type: 'schedule', id: row.schedule_id } });
    return toObject(row);
  },
});

const scheduleId = idText.describe('id of the schedule');
const idInput = z.object({ id: scheduleId });
type IdInput = z.infer<typeof idInput>;

async function getSeen(call: Call, id: string): Promise<ScheduleRow> {
  const row = isUuid(id) ? await findSchedule(call.tx, call.context.zone_id, id.toLowerCase()) : undefined;
  if (row && sees(call, row)) return row;
  throw new Fault('SCHEDULE_NOT_FOUND', `Schedule not found: ${id.slice(0, 64)}`, { schedule_id: id.slice(0, 64) });
}

const getSchedule: Operation<IdInput, ScheduleObject> = {
  name: 'schedule.get',
  summary: 'Show a schedule.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: scheduleObject,
  faults: ['SCHEDULE_NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:id` },
  cli: { words: 'schedule get', args: ['id'] },
  run: async (call, { id }) => toObject(await getSeen(call, id)),
};

const CURSOR = 'schedules';
const PAGE = 100;
const PAGE_MAX = 1000;
const listInput = z.object({ limit: pageParam(PAGE_MAX, PAGE), cursor: cursorParam });
const listOutput = z.object({
  schedules: z.array(scheduleObject),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
});

export type ScheduleList = z.infer<typeof listOutput>;

const listAll: Operation<z.infer<typeof listInput>, ScheduleList> = {
  name: 'schedule.list',
  summary: 'List schedules, newest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'schedule list' },
  run: async (call, { limit, cursor }) => {
    const rows = await listSchedules(call.tx, {
      zone_id: call.context.zone_id,
      where: seenCondition(call),
      after: cursor === undefined ? undefined : readCursor(CURSOR, cursor, placeParam),
      limit: limit + 1,
    });
    const { page, ...rest } = pageOf(rows, { limit, kind: CURSOR, id: ({ schedule_id }) => schedule_id });
    return { schedules: page.map(toObject), ...rest };
  },
};

/** What a task of the schedule does. */
const WORK = ['executor', 'type', 'payload'] as const satisfies readonly (keyof ScheduleRow)[];

type Runner = Pick<ScheduleRow, 'key_id' | 'user_id'>;

/**
 * By whose key the schedule goes when it is changed to this. Its owner's, by that of the call if he says anew what it does. An
 * admin may say it for whoever is of his zone; anybody else could have done what only the owner may do.
 */
async function runnerOf(
  call: Call,
  before: ScheduleRow,
  set: Pick<ScheduleRow, (typeof WORK)[number]>,
): Promise<Runner> {
  const { caller, context, tx } = call;
  const { key_id, user_id } = before;
  if (WORK.every((name) => set[name] === before[name])) return { key_id, user_id };
  if (before.owner === subjectOf(call)) return { key_id: caller.key_id, user_id: caller.user_id };
  const home = key_id === null ? undefined : await findKeyZone(tx, key_id);
  if (isRootAdmin(caller) || (isAdmin(call) && home === context.zone_id)) return { key_id, user_id };
  const who = 'its owner and admins of his zone';
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: what schedule ${before.schedule_id} does is changed by ${who}; make a schedule of your own`,
    { schedule_id: before.schedule_id },
  );
}

const updateInput = z.object({ id: scheduleId, ...z.object(fields).partial().shape });
type UpdateInput = z.infer<typeof updateInput>;

const updateSchedule = (types: readonly AnyJobType[]): Operation<UpdateInput, ScheduleObject> => ({
  name: 'schedule.update',
  summary: 'Change a schedule; a field that is given is replaced. What it does is changed by its owner or an admin.',
  effect: 'write',
  who: OPERATOR,
  input: updateInput,
  output: scheduleObject,
  faults: ['SCHEDULE_NOT_FOUND', 'ACCESS_DENIED', 'LIMIT_EXCEEDED'],
  http: { method: 'PATCH', path: `${ROOT}/:id` },
  cli: { words: 'schedule update', args: ['id'] },
  object: ({ id }) => id,
  run: async (call, { id, ...given }) => {
    const before = await getSeen(call, id);
    const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const input = createInput.parse({ ...toObject(before), ...set });
    await checkSchedule(types, call, input);
    const now = await queueTime(call);
    const wakes = input.enabled && before.enabled === 0;
    const again = wakes || input.cron !== before.cron || input.timezone !== before.timezone;
    const next = again ? (nextInstant(input, now) ?? null) : before.next_run_at;
    const columns = settable(call, input);
    const runner = await runnerOf(call, before, columns);
    const row: ScheduleRow = { ...before, ...columns, ...runner, next_run_at: next };
    if (JSON.stringify(row) === JSON.stringify(before)) return toObject(before);
    const after = { ...row, updated_at: now };
    await saveSchedule(call.tx, after);
    call.event({ type: 'schedule.updated', object: { type: 'schedule', id: row.schedule_id } });
    return toObject(after);
  },
});

const removeSchedule: Operation<IdInput, null> = {
  name: 'schedule.delete',
  summary: 'Delete a schedule; tasks that it queued stay.',
  effect: 'destroy',
  who: OPERATOR,
  input: idInput,
  output: z.null(),
  faults: ['SCHEDULE_NOT_FOUND'],
  http: { method: 'DELETE', path: `${ROOT}/:id`, status: 204 },
  cli: { words: 'schedule delete', args: ['id'] },
  object: ({ id }) => id,
  run: async (call, { id }) => {
    const { schedule_id } = await getSeen(call, id);
    await deleteSchedule(call.tx, schedule_id);
    call.event({ type: 'schedule.deleted', object: { type: 'schedule', id: schedule_id } });
    return null;
  },
};

const runSchedule: Operation<IdInput, TaskObject> = {
  name: 'schedule.run',
  summary: 'Queue the task of a schedule now, whatever its cron line says.',
  effect: 'write',
  who: OPERATOR,
  input: idInput,
  output: taskObject,
  faults: ['SCHEDULE_NOT_FOUND', 'QUOTA_EXCEEDED', 'TOO_MANY'],
  http: { method: 'POST', path: `${ROOT}/:id/run`, status: 201 },
  cli: { words: 'schedule run', args: ['id'] },
  rings: () => WAITING,
  object: ({ id }) => id,
  run: async (call, { id }) => {
    const row = await getSeen(call, id);
    const { job, now } = await enqueue(call, jobOfSchedule(row));
    await saveSchedule(call.tx, { ...row, last_run_at: now, last_job_id: job.job_id });
    return toTask(job, now);
  },
};

/** The task that a schedule queues, as its owner. */
export const jobOfSchedule = (row: ScheduleRow) => ({
  type: row.type,
  executor: row.executor,
  door: 'schedule' as const,
  payload: row.payload,
  tier: row.tier,
  max_attempts: row.max_attempts,
  backoff: parseJson(row.backoff) as number[],
  schedule_id: row.schedule_id,
  by: { owner: row.owner, user_id: row.user_id, agent_id: row.agent_id, key_id: row.key_id },
});

export const scheduleOperations = (types: readonly AnyJobType[]) =>
  [createSchedule(types), listAll, getSchedule, updateSchedule(types), removeSchedule, runSchedule] as const;
