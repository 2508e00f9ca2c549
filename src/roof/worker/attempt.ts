/**
 * One attempt at a job: its handler, its time, and what comes of it. Guarantees: it always gives an outcome; that of a job
 * of the server itself comes when its handler has ended, so nothing is under way behind it.
 */
import { asFault, Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { parseJson } from '../../base/parse-json.ts';
import { inTrace } from '../../base/trace-context.ts';
import { understand } from '../../base/understand.ts';
import type { Attributes, Tracing } from '../../core/call/tracing.ts';
import { callFields } from '../../core/log-cause.ts';
import type { Caller } from '../../core/operation.ts';
import type { Runner } from '../../core/transact.ts';
import { hasRole } from '../../features/access/credentials.ts';
import type { ClaimedJob } from '../../features/jobs/claimed.ts';
import { type Artifact, type Outcome, shortError } from '../../features/jobs/job.ts';
import type { AnyJobType, JobRun } from '../../features/jobs/job-types.ts';
import { behalfOf } from '../system.ts';
import { authoriseJob, type ToolsFor } from './tools.ts';

export interface AttemptParts {
  readonly types: ReadonlyMap<string, AnyJobType>;
  /** Of the server itself. */
  readonly house: ReadonlyMap<string, AnyJobType>;
  readonly timeoutMs: number;
  readonly resultBytes: number;
  readonly runner: Runner;
  readonly tools: ToolsFor;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

/** Why an attempt was aborted, to its handler. */
export const TAKEN = new Fault('CONFLICT', 'The attempt is over: the job was cancelled, or its lease was lost', {
  reason: 'LEASE_LOST',
});

/** The same to one of the server's own jobs, which goes on later. */
export const STOPPED = new Fault('UNAVAILABLE', 'The node stopped');

const timedOut = ({ timeoutMs }: AttemptParts): Fault =>
  new Fault('DEADLINE_EXCEEDED', `Timed out after ${timeoutMs / 1000} s`);

export async function attemptJob(
  parts: AttemptParts,
  { job, caller }: ClaimedJob,
  abort: AbortController,
): Promise<Outcome> {
  const timer = setTimeout(() => abort.abort(timedOut(parts)), parts.timeoutMs);
  const span =
    job.door === 'house' ? undefined : parts.tracing?.begin('job.execute', 'consumer', job.traceparent ?? undefined);
  let fault: string | undefined;
  try {
    const ours = job.door === 'house';
    const over = new Promise<never>((_resolve, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true });
    });
    over.catch(() => undefined);
    const { request_id } = job;
    const handling = inTrace({ traceparent: span?.traceparent, request_id }, () =>
      handle(parts, { job, caller }, { signal: abort.signal, traceparent: span?.traceparent }),
    );
    const done = await (ours ? handling : Promise.race([handling, over]));
    abort.signal.throwIfAborted();
    return succeeded(done, parts.resultBytes);
  } catch (thrown) {
    fault = asFault(thrown).code;
    return failedBy(thrown, { ...parts, job });
  } finally {
    clearTimeout(timer);
    span?.end({ attributes: attributesOf(job), failed: fault });
  }
}

const attributesOf = (job: ClaimedJob['job']): Attributes => ({
  'nexus.job.id': job.job_id,
  'nexus.job.type': job.type,
  'nexus.job.attempt': job.attempt,
  'nexus.worker': job.lease_owner ?? '',
  'nexus.request_id': job.request_id,
});

async function handle(
  { types, house, runner, tools }: AttemptParts,
  { job, caller }: ClaimedJob,
  how: Pick<JobRun, 'signal' | 'traceparent'>,
): Promise<Done> {
  const type = (job.door === 'house' ? house : types).get(job.type);
  if (!type) throw new Fault('BAD_REQUEST', `Unsupported job_type: ${job.type}`);
  const allowed = mayRun(type, caller);
  const given = parseJson(job.payload);
  const payload = understand(type.input, given);
  if (!payload.success) {
    const [first] = payload.issues;
    throw new Fault('INVALID_PARAMS', `payload.${first?.path.join('.')}: ${first?.message}`);
  }
  const { job_id, zone_id, attempt, request_id } = job;
  const needs = type.needs?.(payload.data) ?? [];
  if (needs.length > 0) await authoriseJob(runner, needs, { caller: allowed, zone_id, request_id });
  const own = tools(job.door === 'house' ? undefined : behalfOf(allowed, request_id));
  const result = await type.run(payload.data, { job_id, zone_id, attempt, caller: allowed, ...how, tools: own });
  return { result, artifacts: type.artifact ? [type.artifact(result, payload.data)] : [] };
}

interface Done {
  readonly result: unknown;
  readonly artifacts: readonly Artifact[];
}

/** A job may do what its submitter may do at the time it runs. */
function mayRun(type: AnyJobType, caller: Caller | null): Caller {
  if (!caller) throw new Fault('UNAUTHENTICATED', 'The key that submitted this job no longer works');
  if (hasRole(caller, type.role)) return caller;
  throw new Fault('ACCESS_DENIED', `Access denied: jobs of type ${type.type} take the role ${type.role}`);
}

function succeeded({ result, artifacts }: Done, resultBytes: number): Outcome {
  const text = JSON.stringify(result ?? null);
  const size = Buffer.byteLength(text);
  if (size <= resultBytes) return { kind: 'succeeded', result: text, artifacts };
  throw new Fault(
    'LIMIT_EXCEEDED',
    `the result has ${size} bytes, ${resultBytes} are allowed; NEXUS_JOB_PAYLOAD_BYTES_MAX allows more`,
  );
}

/** What comes of an attempt in which something was thrown. */
export function failedBy(thrown: unknown, { job, log }: Pick<AttemptParts, 'log'> & Pick<ClaimedJob, 'job'>): Outcome {
  if (thrown === STOPPED) return { kind: 'failed', error: STOPPED.message, retryable: true, retry_after_ms: 0 };
  if (thrown instanceof Fault) return { kind: 'failed', error: shortError(thrown.message), retryable: true };
  const err = thrown instanceof Error ? thrown.stack : String(thrown);
  const { job_id, type: job_type, attempt, request_id } = job;
  log('error', 'internal.error', { ...callFields(request_id, job), job_id, job_type, attempt, err });
  return { kind: 'failed', error: `Internal error (${request_id})`, retryable: true };
}
