/**
 * What runs inside Nexus: the types of executor `nexus`. A feature declares its own as values of {@link JobType}; they are
 * put together in core/operations.ts. A handler may run more than once for one job, since work cut short is done again,
 * and what it answers after its attempt was taken away is dropped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { BrickName } from '../../base/bricks.ts';
import { Fault } from '../../base/faults.ts';
import { jsonValue } from '../../base/json-object.ts';
import type { Limits } from '../../base/limits.ts';
import type { Need } from '../../core/call/access.ts';
import type { Computing } from '../../core/call/computing.ts';
import type { Notes } from '../../core/call/notes.ts';
import type { Switches } from '../../core/call/switches.ts';
import type { Call, Caller, Operation, Role } from '../../core/operation.ts';
import type { Backend } from '../../ports/backend.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { CorpusFolder } from '../../ports/corpus-folder.ts';
import type { Artifact } from './job.ts';
import type { QueuedJob } from './queued-job.ts';

/** What handlers may use of the server that they run in. */
export interface JobTools {
  readonly blobs: Blobs;
  readonly limits: Limits;
  /** For what would hold the event loop up. */
  readonly computing: Computing;
  readonly notes: Notes;
  readonly switches: Switches;
  /** Runs an operation of the server itself. */
  step<I, O>(operation: Operation<I, O>, zone_id: string, input: I): Promise<O>;
  /** The same as whoever submitted the job, with what they may at that moment. */
  act<I, O>(operation: Operation<I, O>, run: Pick<JobRun, 'caller' | 'zone_id'>, input: I): Promise<O>;
  /** The operator's folder of texts. */
  readonly folder: CorpusFolder;
  /** The store of a mount, undefined where that is gone; UNAVAILABLE where it cannot be reached. */
  reach(zone_id: string, mount_id: string): Promise<{ readonly backend: Backend } | undefined>;
}

/** One attempt, as its handler sees it. */
export interface JobRun {
  readonly job_id: string;
  readonly zone_id: string;
  readonly attempt: number;
  /** Who submitted the job, as the rows are now. */
  readonly caller: Caller;
  /** Aborted when the attempt was cancelled, lost, or is out of time. */
  readonly signal: AbortSignal;
  /** Of the span that it is, where jobs are traced. */
  readonly traceparent?: string | undefined;
  readonly tools: JobTools;
}

export interface JobType<P = unknown, R = unknown> {
  readonly type: string;
  readonly description: string;
  readonly input: z.ZodType<P>;
  /** Needed to submit one, and still to have when it runs. */
  readonly role: Role;
  /** What it is a part of: its jobs wait while that is switched off. */
  readonly brick?: BrickName;
  /** What its submitter has to be permitted, then and when it runs. */
  needs?(payload: P): readonly Need[];
  /** In the transaction that queues one by the jobs API, the scheduler or a feature: keeps what belongs beside it. */
  queued?(call: Call, job: QueuedJob<P>): Promise<void>;
  /** Gives the result, plain JSON. */
  run(payload: P, run: JobRun): Promise<R>;
  /** What a success leaves behind, beside its result. */
  artifact?(result: R, payload: P): Artifact;
}

/** Entries of one list, whatever their payloads: each was parsed by its own schema. */
export type AnyJobType = JobType<unknown>;

const DELAY_MS_MAX = 86_400_000;

const echoInput = z.object({
  value: jsonValue.describe('what it answers'),
  delay_ms: z.int().min(0).max(DELAY_MS_MAX).default(0).describe('how long it takes'),
  fail_attempts: z.int().min(0).default(0).describe('attempts that fail before one answers'),
});

export const echo: JobType<z.infer<typeof echoInput>> = {
  type: 'echo',
  description: 'Answers its value, after a delay and as many failures as asked for.',
  input: echoInput,
  role: 'operator',
  run: async ({ value, delay_ms, fail_attempts }, { attempt, signal }) => {
    if (delay_ms > 0) await sleep(delay_ms, undefined, { signal });
    if (attempt <= fail_attempts) {
      throw new Fault('BAD_REQUEST', `Attempt ${attempt} of ${fail_attempts} that were to fail`);
    }
    return value;
  },
};
