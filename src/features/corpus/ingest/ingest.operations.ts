/**
 * Batches by their own routes (corpus.md §4, §14). Guarantees: a batch that is refused changed nothing; one that is asked for at
 * the route is a job like any other, run at once, which goes on when its client has gone.
 */

import { z } from 'zod';
import { Fault, type FaultWire, faultFromWire } from '../../../base/faults.ts';
import { isUuid } from '../../../base/ids.ts';
import { own } from '../../../base/own-data.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { type Call, type Operation, ofBrick, type Preparation } from '../../../core/operation.ts';
import { DEFAULT_BACKOFF, NEXUS, NORMAL } from '../../jobs/job.ts';
import { findJob, type JobRow, listAttempts } from '../../jobs/jobs.sql.ts';
import { keptJson } from '../../jobs/params.ts';
import { enqueue } from '../../jobs/queue.ts';
import { type Hands, holderAmong, onceFor, runNow } from '../../jobs/run-now.ts';
import { isAdmin, subjectOf } from '../../jobs/visibility.ts';
import { jobBases } from '../documents/job-bases.ts';
import { selectLevels } from '../text/selection.ts';
import {
  type BatchPayload,
  type BatchResult,
  batchPayload,
  batchResult,
  type FileOutcome,
  OUTCOMES,
  resultOf,
  scopeOfBatch,
} from './batch.ts';
import { INGEST, ingestBatch } from './ingest-job.ts';
import { linkDocuments } from './links.operations.ts';
import { findRefusal, listOutcomes } from './outcomes.sql.ts';
import { checkSources } from './plan.ts';
import { sourceOperations } from './sources.operations.ts';
import { ingestSteps } from './steps.operations.ts';

const OPERATOR = { role: 'operator' } as const;

const routeInput = batchPayload.extend({
  atom_tracks: z.array(z.string()).nullish().describe('as in parse_options, and before it'),
});
type RouteInput = z.infer<typeof routeInput>;

const payloadOf = ({ atom_tracks, ...payload }: RouteInput): BatchPayload =>
  atom_tracks ? { ...payload, parse_options: { ...payload.parse_options, atom_tracks } } : payload;

const keeping = z.object({ payload: own<BatchPayload>(), hands: own<Hands>() });
const keptBatch = z.object({ job_id: z.string(), deduplicated: z.boolean() });

const keepBatch: Operation<z.infer<typeof keeping>, z.infer<typeof keptBatch>> = {
  name: 'corpus.keep-batch',
  summary: 'Make the job of a batch and claim it.',
  effect: 'write',
  who: OPERATOR,
  internal: true,
  faults: [],
  input: keeping,
  output: keptBatch,
  run: async (call, { payload, hands }) => {
    const kept = keptJson(payload, 'the payload', call.limits);
    const { job, deduplicated } = await enqueue(call, {
      ...onceFor(call, kept),
      holder: () => holderAmong(hands),
      type: INGEST,
      kind: ingestBatch,
      executor: NEXUS,
      door: 'feature',
      payload: kept,
      tier: NORMAL,
      max_attempts: 1,
      backoff: DEFAULT_BACKOFF,
      execution_mode: 'sync',
    });
    return { job_id: job.job_id, deduplicated };
  },
};

interface Ready {
  readonly job_id: string;
}

/** Ingests as a job that is run at once; gives its id when it has ended. What is refused leaves none. */
export async function runBatch(payload: BatchPayload, preparation: Preparation): Promise<Ready> {
  const { folder, limits, context } = preparation;
  selectLevels(payload.parse_options);
  await checkSources({ folder, limits, zone_id: context.zone_id }, payload.source_paths);
  return runNow(preparation, (hands) => preparation.run(keepBatch, { payload, hands }));
}

/** What came of the files of a batch; throws why it was refused as a whole. */
export async function outcomesOf(call: Call, job_id: string): Promise<FileOutcome[]> {
  const job = await findJob(call.tx, call.zone.zone_id, job_id);
  if (job?.status !== 'succeeded') throw await refusalOf(call, job_id, job);
  return listOutcomes(call.tx, { zone_id: call.zone.zone_id, job_id });
}

const ingest: Operation<RouteInput, BatchResult, Ready> = {
  name: 'corpus.ingest',
  tool: 'ingest_documents',
  summary: 'Ingest files of the corpus folder or of the zone, and answer when it is done.',
  effect: 'write',
  who: OPERATOR,
  input: routeInput,
  output: batchResult,
  faults: ['BAD_REQUEST', 'CONFLICT', 'LIMIT_EXCEEDED', 'QUOTA_EXCEEDED', 'TOO_MANY', 'UNAVAILABLE'],
  http: { method: 'POST', path: '/api/v1/ingest/batch', tolerant: true },
  cli: { words: 'corpus ingest', args: ['source_paths'] },
  prepare: (input, preparation) => runBatch(payloadOf(input), preparation),
  object: ({ job_id }) => job_id,
  run: async (call, { job_id }) => {
    const job = await findJob(call.tx, call.zone.zone_id, job_id);
    if (job?.status === 'succeeded') return parseJson<BatchResult>(job.result ?? '{}');
    throw await refusalOf(call, job_id, job);
  },
};

async function refusalOf({ tx, zone }: Call, job_id: string, job: JobRow | undefined): Promise<Fault> {
  const refused = await findRefusal(tx, { zone_id: zone.zone_id, job_id });
  if (refused !== null) return faultFromWire(parseJson<FaultWire>(refused));
  if (job?.status === 'cancelled') return new Fault('CONFLICT', `Ingest job ${job_id} was cancelled`, { job_id });
  if (job?.status === 'failed') {
    const attempts = await listAttempts(tx, job_id);
    return new Fault('BAD_REQUEST', attempts.at(-1)?.error ?? job.error ?? 'The batch failed', { job_id });
  }
  const where = `/api/v1/ingest/jobs/${job_id}`;
  return new Fault('UNAVAILABLE', `The batch takes longer than a call may and goes on: look at ${where}`, { job_id });
}

const STATUSES = ['queued', 'running', 'completed', 'completed_with_errors', 'cancelled', 'failed'] as const;

const idInput = z.object({ ingest_job_id: z.string().describe('id of the job') });
const statusOutput = batchResult.extend({
  status: z.enum(STATUSES),
  files: z.array(
    z.object({
      path: z.string(),
      status: z.enum(OUTCOMES),
      document_id: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
  errors: z.array(z.string()),
});
export type IngestStatus = z.infer<typeof statusOutput>;

const status: Operation<z.infer<typeof idInput>, IngestStatus> = {
  name: 'corpus.ingest-status',
  tool: 'get_ingest_status',
  summary: 'Show how far a batch is, and what came of its files.',
  effect: 'read',
  who: { role: 'viewer' },
  input: idInput,
  output: statusOutput,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: '/api/v1/ingest/jobs/:ingest_job_id', tolerant: true },
  cli: { words: 'corpus ingest-status', args: ['ingest_job_id'] },
  run: async (call, { ingest_job_id: id }) => {
    const job = await getBatch(call, id);
    const outcomes = await listOutcomes(call.tx, { zone_id: call.zone.zone_id, job_id: job.job_id });
    const payload = batchPayload.safeParse(parseJson(job.payload));
    const scope = scopeOfBatch(payload.data ?? { source_paths: [''] });
    const errors = outcomes.flatMap(({ path, error }) => (error === null ? [] : [`${path}: ${error}`]));
    return {
      ...resultOf(job.job_id, scope, outcomes),
      status: wordOf(job, errors),
      files: outcomes.map(({ path, status, document_id, error }) => ({ path, status, document_id, error })),
      errors: job.status === 'failed' && job.error !== null ? [...errors, job.error] : errors,
    };
  },
};

const WORDS = {
  queued: 'queued',
  retry_wait: 'queued',
  blocked: 'queued',
  running: 'running',
  cancelled: 'cancelled',
  failed: 'failed',
} as const;
const wordOf = (job: JobRow, errors: readonly string[]): IngestStatus['status'] => {
  if (job.status !== 'succeeded') return WORDS[job.status];
  return errors.length > 0 ? 'completed_with_errors' : 'completed';
};

/** The same answer for an unknown id and for one that is not seen. */
async function getBatch(call: Call, id: string): Promise<JobRow> {
  const job = isUuid(id) ? await findJob(call.tx, call.zone.zone_id, id.toLowerCase()) : undefined;
  if (job?.type === INGEST && (await seesBatch(call, job))) return job;
  throw new Fault('NOT_FOUND', `Ingest job ${id.slice(0, 64)} not found`);
}

const seesBatch = async (call: Call, job: JobRow): Promise<boolean> =>
  isAdmin(call) || job.owner === subjectOf(call) || jobBases.sees(call, job.job_id);

export const ingestOperations = [
  ...ofBrick('corpus', [ingest, status]),
  keepBatch,
  ...sourceOperations,
  ...ingestSteps,
  linkDocuments,
];
