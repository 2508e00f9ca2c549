/**
 * Submitting a job (infrastructure.md §7). Guarantees: a job of mode sync is claimed by this node in the transaction that
 * makes it, so nobody else runs it first; it goes on when its client has gone; the same idempotency key starts nothing
 * again.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { own } from '../../base/own-data.ts';
import type { Offer } from '../../core/call/job-hands.ts';
import type { Switches } from '../../core/call/switches.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { requireMode } from '../access/modes.ts';
import { askForJob } from './ahead.ts';
import { kindOf } from './beside.ts';
import { asyncOff, DEFAULT_BACKOFF, EXECUTION_MODES, NEXUS, NORMAL } from './job.ts';
import { JOB_WORDS, jobWord } from './job-object.ts';
import type { AnyJobType } from './job-types.ts';
import { findJob } from './jobs.sql.ts';
import { attemptsParam, DEFAULT_ATTEMPTS, keptJson, keyParam, payloadParam } from './params.ts';
import { enqueue } from './queue.ts';
import { type Hands, holderAmong, runNow } from './run-now.ts';
import { ENDED, WAITING } from './topics.ts';
import { waitFor } from './wait-for.ts';

const submitInput = z.object({
  job_type: z
    .string()
    .max(128)
    .regex(/^[^\p{C}\p{Z}]+$/u, 'takes 1 to 128 visible characters')
    .describe('what is to be done'),
  payload: payloadParam.default({}),
  execution_mode: z.enum(EXECUTION_MODES).default('async').describe('sync waits for the first attempt'),
  idempotency_key: keyParam.optional().describe('gives the first job that was submitted with it'),
  max_attempts: attemptsParam.default(DEFAULT_ATTEMPTS),
});
type SubmitInput = z.infer<typeof submitInput>;

const submitOutput = z.object({
  job_id: z.string(),
  status: z.enum(JOB_WORDS),
  job_type: z.string(),
  execution_mode: z.enum(EXECUTION_MODES),
  deduplicated: z.boolean(),
});
export type SubmitOutput = z.infer<typeof submitOutput>;

/** The type whose payload names a mode, which its submitter has to be allowed (infrastructure.md §2). */
const ANALYZE = 'analyze';

async function checkMode(call: Call, { job_type, payload }: SubmitInput, switches: Switches): Promise<void> {
  if (job_type !== ANALYZE || payload.mode === undefined || payload.mode === null) return;
  const word = typeof payload.mode === 'string' ? payload.mode.toUpperCase() : JSON.stringify(payload.mode);
  await requireMode(call.tx, word, { caller: call.caller, switches });
}

interface Ready {
  readonly input: SubmitInput;
  readonly switches: Switches;
  /** Jobs may be queued for later. */
  readonly asyncJobs: boolean;
  /** Of a job that was made, and run, before. */
  readonly done?: SubmitOutput;
  readonly offer?: Offer | undefined;
}

const OPERATOR = { role: 'operator' } as const;
const keeping = z.object({
  input: submitInput,
  hands: own<Hands>().optional(),
  offer: z.custom<Offer | undefined>(() => true).optional(),
  switches: z.custom<Switches>(() => true),
  asyncJobs: z.boolean(),
});
type Keeping = z.infer<typeof keeping>;

type KeepJob = Operation<Keeping, SubmitOutput>;

const keepJobOf = (types: readonly AnyJobType[]): KeepJob => ({
  name: 'job.keep',
  summary: 'Queue a job, and claim it where it is to run at once.',
  effect: 'write',
  who: OPERATOR,
  internal: true,
  input: keeping,
  output: submitOutput,
  faults: [],
  object: ({ input }) => input.job_type,
  ahead: (tx, { offer }, context) => askForJob(tx, offer, context),
  run: async (call, { input, hands, offer, switches, asyncJobs }) => {
    await checkMode(call, input, switches);
    if (hands === undefined && !asyncJobs) throw asyncOff();
    const { job, deduplicated } = await enqueue(call, {
      holder: hands === undefined ? undefined : () => holderAmong(hands),
      offer,
      type: input.job_type,
      kind: kindOf(types, { executor: NEXUS, type: input.job_type }),
      switches,
      executor: NEXUS,
      door: 'api',
      payload: keptJson(input.payload, 'the payload', call.limits),
      tier: NORMAL,
      max_attempts: input.max_attempts,
      backoff: DEFAULT_BACKOFF,
      execution_mode: input.execution_mode,
      idempotency_key: input.idempotency_key,
    });
    return {
      job_id: job.job_id,
      status: jobWord(job.status),
      job_type: job.type,
      execution_mode: job.execution_mode,
      deduplicated,
    };
  },
});

type LookAtJob = Operation<Pick<SubmitOutput, 'job_id'>, Pick<SubmitOutput, 'status'>>;

const lookAtJob: LookAtJob = {
  name: 'job.look',
  summary: 'Say how far a job is that its submitter waits for.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: submitOutput.pick({ job_id: true }),
  output: submitOutput.pick({ status: true }),
  faults: ['NOT_FOUND'],
  run: async ({ tx, context }, { job_id }) => {
    const job = await findJob(tx, context.zone_id, job_id);
    if (!job) throw new Fault('NOT_FOUND', `Job ${job_id} not found`);
    return { status: jobWord(job.status) };
  },
};

const submitJobOf = (keepJob: KeepJob): Operation<SubmitInput, SubmitOutput, Ready> => ({
  name: 'job.submit',
  summary: 'Queue a job of Nexus, or run it and wait.',
  effect: 'write',
  who: OPERATOR,
  input: submitInput,
  output: submitOutput,
  faults: ['ACCESS_DENIED', 'BAD_REQUEST', 'LIMIT_EXCEEDED', 'QUOTA_EXCEEDED', 'TOO_MANY', 'UNAVAILABLE'],
  http: {
    method: 'POST',
    path: '/api/v1/jobs/submit',
    tolerant: true,
    headers: { 'idempotency-key': 'idempotency_key' },
  },
  cli: { words: 'job submit', args: ['job_type'] },
  rings: ({ status, deduplicated }, { offer }) => (deduplicated || offer || status === 'running' ? undefined : WAITING),
  object: ({ input }) => input.job_type,
  prepare: async (input, preparation) => {
    const { switches, asyncJobs } = preparation;
    const ready = { input, switches, asyncJobs };
    if (input.execution_mode !== 'sync')
      return asyncJobs ? { ...ready, offer: preparation.hands.offer(input.job_type) } : ready;
    preparation.bricks.checkType(input.job_type);
    const done = await runNow(preparation, (hands) => preparation.run(keepJob, { ...ready, hands }));
    return { ...ready, done };
  },
  over: ({ offer }, output, { hands, context: { zone_id } }) => {
    if (offer) hands.answer(offer, output && !output.deduplicated ? { zone_id, job_id: output.job_id } : undefined);
  },
  run: async (call, { done, ...ready }) => {
    if (!done) return keepJob.run(call, ready);
    const job = await findJob(call.tx, call.context.zone_id, done.job_id);
    return { ...done, status: jobWord(job?.status ?? done.status) };
  },
});

/** An attempt may take longer than a call: it is waited for as a stream waits, until its client goes. */
const untilEnded: Pick<Operation<SubmitInput, SubmitOutput>, 'lingers' | 'unfinished' | 'linger'> = {
  lingers: () => false,
  unfinished: ({ execution_mode, status, deduplicated }) =>
    execution_mode === 'sync' && status === 'running' && !deduplicated,
  linger: (output, streaming) =>
    waitFor(streaming, output, {
      seconds: Number.POSITIVE_INFINITY,
      topic: ENDED,
      look: async () => ({ ...output, ...(await streaming.run(lookAtJob, { job_id: output.job_id })) }),
      isEnough: ({ status }) => status !== 'running',
    }),
};

export function submitOperations(types: readonly AnyJobType[]) {
  const keepJob = keepJobOf(types);
  return [{ ...submitJobOf(keepJob), ...untilEnded }, keepJob, lookAtJob] as const;
}
