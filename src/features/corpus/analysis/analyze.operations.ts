/**
 * `POST /analyze` (corpus.md §8, infrastructure.md §9). Guarantees: a text is read outside any transaction; a run, its layers
 * and the job of its shadow are one commit; where the shadow is closed to the caller it runs as sync.
 */
import { z } from 'zod';
import { idText, plainText } from '../../../base/texts.ts';
import type { Switches } from '../../../core/call/switches.ts';
import { MODES } from '../../../core/call/tokens.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { findFlag } from '../../access/flags/flags.sql.ts';
import { isOpen } from '../../access/flags/flags.ts';
import { asyncOff, DEFAULT_BACKOFF, EXECUTION_MODES, NEXUS, NORMAL } from '../../jobs/job.ts';
import { DEFAULT_ATTEMPTS, keptJson } from '../../jobs/params.ts';
import { enqueue } from '../../jobs/queue.ts';
import { WAITING } from '../../jobs/topics.ts';
import { type Analysed, analyse } from './analyse.ts';
import { type AnalyzePayload, analyzeJob } from './analyze-job.ts';
import { bundlesOf, confidences, jsonObject, outputs, provenances } from './run-object.ts';
import { allowMl, allowRaw } from './runs.sql.ts';
import { type AnalysisAsked, checkStill, keepRun, type Looked, lookForAnalysis } from './steps.operations.ts';

const OPERATOR = { role: 'operator' } as const;

const PROFILE_MAX = 255;

const analyzeInput = z.object({
  document_id: idText.optional().describe('the document to read; wins over the branch'),
  branch_id: idText.optional().describe('the branch whose text to read'),
  layers: z.array(plainText).default([]).describe('all of them unless given'),
  mode: z.enum(MODES).default('PUBLIC').describe('mode that it is read in; PUBLIC unless given'),
  plugin_profile: plainText.max(PROFILE_MAX).optional().describe('which plugins are asked, in which order'),
  execution_mode: z
    .enum(EXECUTION_MODES)
    .default('sync')
    .describe('async leaves it to a job; shadow also runs it again in one, to compare'),
});
type AnalyzeInput = z.infer<typeof analyzeInput>;

const analyzeOutput = z.object({
  analysis_run_id: z.string().nullable(),
  mode: z.enum(MODES),
  layers: outputs,
  confidence_bundle: confidences,
  hypergraph_ids: jsonObject,
  plugin_provenance: provenances,
  job_id: z.string().nullable(),
  status: z.enum(['completed', 'queued', 'shadow_queued']),
});
export type AnalyzeOutput = z.infer<typeof analyzeOutput>;

interface Ready {
  readonly input: AnalyzeInput;
  readonly looked: Looked;
  /** Undefined where a job is to do it. */
  readonly analysed?: Analysed | undefined;
  readonly switches: Switches;
  readonly asyncJobs: boolean;
}

const askedOf = ({ document_id, branch_id, layers, mode, plugin_profile }: AnalyzeInput): AnalysisAsked => ({
  document_id,
  branch_id,
  layers,
  mode,
  plugin_profile: plugin_profile ?? null,
});

/** A job that does the same, its layers by name. */
async function queueJob(
  call: Call,
  { input, looked }: Ready,
  more: { readonly profile: string | undefined; readonly switches?: Switches },
): Promise<string> {
  const { document_id, branch_id } = looked.target;
  const payload = {
    ...(document_id === null ? { branch_id } : { document_id }),
    layers: [...looked.layers],
    mode: input.mode,
    ...(more.profile === undefined ? {} : { plugin_profile: more.profile }),
  } satisfies AnalyzePayload;
  const { job } = await enqueue(call, {
    type: analyzeJob.type,
    kind: analyzeJob,
    switches: more.switches,
    executor: NEXUS,
    door: 'feature',
    payload: keptJson(payload, 'the payload', call.limits),
    tier: NORMAL,
    max_attempts: DEFAULT_ATTEMPTS,
    backoff: DEFAULT_BACKOFF,
    execution_mode: 'async',
  });
  return job.job_id;
}

/** What the server itself runs in the shadow may use ML whoever caused it, unless the flag is off for everybody. */
async function queueShadow(call: Call, ready: Ready): Promise<string> {
  const job_id = await queueJob(call, ready, { profile: ready.input.plugin_profile ?? 'ml_first' });
  const flag = await findFlag(call.tx, 'ml_plugins');
  if (ready.switches.ml_plugins && flag?.enabled === 1) await allowMl(call.tx, call.zone.zone_id, job_id);
  if (ready.input.mode === 'RAW') await allowRaw(call.tx, call.zone.zone_id, job_id);
  return job_id;
}

const hasShadow = async (call: Call, { input, switches, asyncJobs }: Ready): Promise<boolean> =>
  input.execution_mode === 'shadow' &&
  asyncJobs &&
  (await isOpen(call.tx, 'shadow_execution', { caller: call.caller, switches }));

async function keepAnalysed(call: Call, ready: Ready, analysed: Analysed): Promise<AnalyzeOutput> {
  const { input, looked } = ready;
  const shadow_job_id = (await hasShadow(call, ready)) ? await queueShadow(call, ready) : undefined;
  const execution_mode = shadow_job_id === undefined ? 'sync' : 'shadow';
  const made = { asked: askedOf(input), target: looked.target, analysed, execution_mode, shadow_job_id };
  const { run_id } = await keepRun(call, made);
  const { outputs: layers, confidence_bundle, plugin_provenance } = bundlesOf(analysed.layers);
  return {
    analysis_run_id: run_id,
    mode: input.mode,
    layers,
    confidence_bundle,
    hypergraph_ids: looked.target.hypergraph_ids,
    plugin_provenance,
    job_id: shadow_job_id ?? null,
    status: shadow_job_id === undefined ? 'completed' : 'shadow_queued',
  };
}

const NOTHING_YET = { layers: {}, confidence_bundle: {}, hypergraph_ids: {}, plugin_provenance: {} };

export const runAnalysis: Operation<AnalyzeInput, AnalyzeOutput, Ready> = {
  name: 'analysis.run',
  summary: 'Read a document, or the text of a branch, by layers.',
  effect: 'write',
  who: OPERATOR,
  input: analyzeInput,
  output: analyzeOutput,
  faults: ['ACCESS_DENIED', 'BAD_REQUEST', 'NOT_FOUND', 'CONFLICT', 'QUOTA_EXCEEDED', 'TOO_MANY', 'UNAVAILABLE'],
  http: { method: 'POST', path: '/api/v1/analyze', tolerant: true },
  cli: { words: 'analysis run', args: ['document_id'] },
  rings: ({ job_id }) => (job_id === null ? undefined : WAITING),
  object: ({ looked: { target } }) => target.document_id ?? target.branch_id ?? '',
  prepare: async (input, preparation) => {
    const { run, switches, asyncJobs, context } = preparation;
    const looked = await run(lookForAnalysis, { asked: askedOf(input), switches });
    const ready = { input, looked, switches, asyncJobs };
    if (input.execution_mode === 'async') {
      if (asyncJobs) return ready;
      throw asyncOff();
    }
    const { target, layers, ml } = looked;
    const asked = { ...target, layers, profile: input.plugin_profile ?? null, ml };
    const { request_id, zone_id: zone, traceparent } = context;
    const means = { ...preparation, traceparent, about: { request_id, zone } };
    return { ...ready, analysed: await analyse(asked, means) };
  },
  run: async (call, ready) => {
    const { input, analysed, switches } = ready;
    await checkStill(call, { asked: askedOf(input), switches });
    if (analysed) return keepAnalysed(call, ready, analysed);
    const job_id = await queueJob(call, ready, { profile: input.plugin_profile, switches });
    return { analysis_run_id: null, mode: input.mode, ...NOTHING_YET, job_id, status: 'queued' };
  },
};
