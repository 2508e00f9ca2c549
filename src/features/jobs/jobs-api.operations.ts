/**
 * The jobs API (infrastructure.md §7): get, list, cancel, and to try a dead job again. What the caller does not see is not
 * there. A finished job never changes: trying it again makes another one of the same kind.
 */

import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { isUuid } from '../../base/ids.ts';
import { pageParams } from '../../base/page-params.ts';
import { parseJson } from '../../base/parse-json.ts';
import { idText, plainText } from '../../base/texts.ts';
import type { Switches } from '../../core/call/switches.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { type JobBases, kindOf } from './beside.ts';
import { asyncOff, isFinal, NEXUS } from './job.ts';
import { JOB_WORDS, type JobObject, jobObject, jobSummary, toJob, toSummary } from './job-object.ts';
import type { AnyJobType } from './job-types.ts';
import { findJob, type JobRow, listArtifacts, listAttempts } from './jobs.sql.ts';
import { boundParam } from './params.ts';
import { endJobs, enqueue, HOUSE_OWNER } from './queue.ts';
import { allOf, type Condition, countJobs, equals, isOneOf, listJobs } from './tasks.sql.ts';
import { ENDED, WAITING } from './topics.ts';
import { isAdmin, seenCondition, sees } from './visibility.ts';

/** What these are told of the features to the right. */
export interface JobsOf {
  readonly types: readonly AnyJobType[];
  readonly bases: JobBases;
}

const ROOT = '/api/v1/jobs';
const VIEWER = { role: 'viewer' } as const;
const OPERATOR = { role: 'operator' } as const;

/** Jobs that came through this API or a feature's own route are everybody's to see; the others by platform.md §2.4. */
const OPEN = "(executor = 'nexus' AND door IN ('api', 'feature'))";
const isOpen = ({ executor, door }: JobRow): boolean => executor === NEXUS && (door === 'api' || door === 'feature');

async function visible(call: Call, bases: JobBases): Promise<Condition> {
  if (isAdmin(call)) return { sql: '', params: [] };
  const own = seenCondition(call);
  const open = await bases.seen(call);
  return {
    sql: ` AND ((${OPEN}${open.sql}) OR (door <> 'house'${own.sql}))`,
    params: [...open.params, ...own.params],
  };
}

/** The same answer for an unknown id and for one that is not seen. */
const jobNotFound = (id: string): Fault => new Fault('NOT_FOUND', `Job ${id.slice(0, 64)} not found`);

async function getSeen(call: Call, id: string, bases: JobBases): Promise<JobRow> {
  const job = isUuid(id) ? await findJob(call.tx, call.context.zone_id, id.toLowerCase()) : undefined;
  if (job && (isAdmin(call) || (job.door !== 'house' && sees(call, job)))) return job;
  if (job && isOpen(job) && (await bases.sees(call, job.job_id))) return job;
  throw jobNotFound(id);
}

const shown = async ({ tx }: Call, job: JobRow): Promise<JobObject> =>
  toJob(job, { attempts: await listAttempts(tx, job.job_id), artifacts: await listArtifacts(tx, job.job_id) });

const jobId = idText.describe('id of the job');
const idInput = z.object({ id: jobId });
type IdInput = z.infer<typeof idInput>;

const getJob = (bases: JobBases): Operation<IdInput, JobObject> => ({
  name: 'job.get',
  summary: 'Show a job with its attempts and what it left behind.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: jobObject,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:id`, tolerant: true },
  cli: { words: 'job get', args: ['id'] },
  run: async (call, { id }) => shown(call, await getSeen(call, id, bases)),
});

/** Where a query lost its `+`, a blank stands for it. */
const queryTime = z.preprocess(
  (value) => (typeof value === 'string' ? value.replace(/ (\d\d:?\d\d)$/, '+$1') : value),
  boundParam,
);

const listInput = z.object({
  status: z.enum(JOB_WORDS).optional().describe('only jobs that are so'),
  job_type: plainText.optional().describe('only jobs of this type'),
  created_by: plainText.optional().describe('only jobs of this user or agent'),
  created_after: queryTime.optional().describe('from this time on'),
  created_before: queryTime.optional().describe('before this time'),
  ...pageParams(),
});
const listOutput = z.object({
  jobs: z.array(jobSummary),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
});

export type JobList = z.infer<typeof listOutput>;

const SUBJECT_TYPES = ['user', 'agent', 'app', 'worker', 'service', 'system'];

const listAll = (bases: JobBases): Operation<z.infer<typeof listInput>, JobList> => ({
  name: 'job.list',
  summary: 'List jobs, newest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: ROOT, tolerant: true },
  cli: { words: 'job list' },
  run: async (call, { status, job_type, created_by, created_after, created_before, limit, offset }) => {
    const { zone_id } = call.context;
    const where = allOf(
      await visible(call, bases),
      isOneOf('status', status && (status === 'queued' ? ['queued', 'blocked'] : [status])),
      equals('type', job_type),
      isOneOf('owner', created_by === undefined ? undefined : SUBJECT_TYPES.map((type) => `${type}:${created_by}`)),
      created_after === undefined ? undefined : { sql: ' AND created_at >= ?', params: [created_after] },
      created_before === undefined ? undefined : { sql: ' AND created_at < ?', params: [created_before] },
    );
    const jobs = await listJobs(call.tx, { zone_id, where, limit, offset });
    return { jobs: jobs.map(toSummary), total: await countJobs(call.tx, zone_id, where), limit, offset };
  },
});

const cancelJob = (bases: JobBases): Operation<IdInput, JobObject> => ({
  name: 'job.cancel',
  summary: 'Cancel a job; what has ended stays as it is.',
  effect: 'write',
  who: OPERATOR,
  input: idInput,
  output: jobObject,
  faults: ['NOT_FOUND'],
  http: { method: 'POST', path: `${ROOT}/:id/cancel`, tolerant: true },
  cli: { words: 'job cancel', args: ['id'] },
  rings: () => ENDED,
  object: ({ id }) => id,
  run: async (call, { id }) => {
    const job = await getSeen(call, id, bases);
    if (isFinal(job.status)) return shown(call, job);
    const [after] = await endJobs(call, [{ job, outcome: { kind: 'cancelled' } }]);
    return shown(call, after ?? job);
  },
});

interface Retrying extends IdInput {
  readonly switches: Switches;
  /** Jobs may be queued for later. */
  readonly asyncJobs: boolean;
}

const retryJob = ({ types, bases }: JobsOf): Operation<IdInput, JobObject, Retrying> => ({
  name: 'job.retry',
  summary: 'Queue a failed or cancelled job again, as a new one.',
  effect: 'write',
  who: OPERATOR,
  input: idInput,
  output: jobObject,
  faults: ['ACCESS_DENIED', 'BAD_REQUEST', 'NOT_FOUND', 'CONFLICT', 'QUOTA_EXCEEDED', 'TOO_MANY'],
  http: { method: 'POST', path: `${ROOT}/:id/retry`, tolerant: true, status: 201 },
  cli: { words: 'job retry', args: ['id'] },
  rings: () => WAITING,
  object: ({ id }) => id,
  prepare: (input, { switches, asyncJobs }) => ({ ...input, switches, asyncJobs }),
  run: async (call, { id, switches, asyncJobs }) => {
    const dead = await getSeen(call, id, bases);
    if (dead.status !== 'failed' && dead.status !== 'cancelled') {
      throw new Fault(
        'CONFLICT',
        `Job ${dead.job_id} is ${dead.status}; only a failed or cancelled one is tried again`,
        {
          reason: 'INVALID_TRANSITION',
          status: dead.status,
        },
      );
    }
    // What clients of these routes have queued for later; other doors know no such switch.
    if (!asyncJobs && (dead.door === 'api' || dead.door === 'feature')) throw asyncOff();
    const { job } = await enqueue(call, {
      type: dead.type,
      kind: kindOf(types, dead),
      switches,
      executor: dead.executor,
      door: dead.door,
      payload: dead.payload,
      tier: dead.tier,
      boost: dead.boost,
      request_state: dead.request_state,
      service_time: dead.service_time ?? undefined,
      max_attempts: dead.max_attempts,
      backoff: parseJson(dead.backoff) as number[],
      retry_of: dead.job_id,
      ...(dead.door === 'house' ? { by: HOUSE_OWNER } : {}),
    });
    return shown(call, job);
  },
});

export const jobApiOperations = (of: JobsOf) =>
  [listAll(of.bases), getJob(of.bases), cancelJob(of.bases), retryJob(of)] as const;
