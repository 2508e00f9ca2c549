/**
 * Analyses as jobs (corpus.md §8). A job asks as its submitter when it runs; what the flags of ML and of the mode RAW say to
 * him was asked when he submitted it, by whichever door.
 */
import { z } from 'zod';
import { jsonValue } from '../../../base/json-object.ts';
import { plainText } from '../../../base/texts.ts';
import { isOpen } from '../../access/flags/flags.ts';
import { requireMode } from '../../access/modes.ts';
import type { JobType } from '../../jobs/job-types.ts';
import { standOnDocuments, standOnThing } from '../documents/job-bases.ts';
import { analyse } from './analyse.ts';
import { bundlesOf } from './run-object.ts';
import { allowMl, allowRaw } from './runs.sql.ts';
import { type AnalysisAsked, keepRunOfJob, lookForAnalysis } from './steps.operations.ts';
import type { HypergraphIds } from './targets.ts';

const id = plainText.nullish();
const analyzePayload = z.object({
  document_id: id.describe('the document to read; wins over the branch'),
  branch_id: id.describe('the branch whose text to read'),
  layers: z.array(plainText).nullish().describe('all of them unless given'),
  mode: jsonValue.nullish().describe('PUBLIC unless given; in any case'),
  plugin_profile: id.describe('which plugins are asked, in which order'),
});
export type AnalyzePayload = z.infer<typeof analyzePayload>;

/** A word that is no mode is refused as one that the submitter may not use. */
const modeOf = ({ mode = null }: AnalyzePayload): string => {
  if (mode === null) return 'PUBLIC';
  return typeof mode === 'string' ? mode.toUpperCase() : JSON.stringify(mode);
};

const askedOf = (payload: AnalyzePayload): AnalysisAsked => ({
  document_id: payload.document_id,
  branch_id: payload.branch_id,
  layers: payload.layers ?? [],
  mode: modeOf(payload),
  plugin_profile: payload.plugin_profile ?? null,
});

interface AnalyzeResult {
  readonly analysis_run_id: string;
  readonly mode: string;
  readonly layers: readonly string[];
  readonly confidence_bundle: object;
  readonly hypergraph_ids: HypergraphIds;
  readonly plugin_provenance: object;
}

export const analyzeJob: JobType<AnalyzePayload, AnalyzeResult> = {
  type: 'analyze',
  description: 'Reads a document, or the text of a branch, by layers.',
  input: analyzePayload,
  role: 'operator',
  brick: 'corpus',
  queued: async (call, { job_id, payload, asker }) => {
    const { document_id, branch_id } = payload;
    const job = { job_id };
    if (document_id) await standOnDocuments(call, job, [document_id]);
    else if (branch_id) await standOnThing(call, job, { kind: 'branch', thing_id: branch_id });
    if (!asker) return;
    const { tx, zone } = call;
    if (await isOpen(tx, 'ml_plugins', asker)) await allowMl(tx, zone.zone_id, job_id);
    const mode = modeOf(payload);
    await requireMode(tx, mode, asker);
    if (mode === 'RAW') await allowRaw(tx, zone.zone_id, job_id);
  },
  run: async (payload, run) => {
    const { tools, job_id, attempt, signal, traceparent } = run;
    const { switches } = tools;
    const asked = askedOf(payload);
    const job = { job_id, attempt };
    const { target, layers, ml } = await tools.act(lookForAnalysis, run, { asked, switches, job });
    const analysing = { ...target, layers, profile: asked.plugin_profile, ml };
    const about = { job_id, job_type: 'analyze', attempt, zone: run.zone_id };
    const analysed = await analyse(analysing, { ...tools, signal, traceparent, about });
    const kept = { asked, target, analysed, execution_mode: 'async', switches, job };
    const { run_id } = await tools.act(keepRunOfJob, run, kept);
    const { confidence_bundle, plugin_provenance } = bundlesOf(analysed.layers);
    const { hypergraph_ids } = target;
    const made = { analysis_run_id: run_id, mode: asked.mode, layers };
    return { ...made, confidence_bundle, hypergraph_ids, plugin_provenance };
  },
  artifact: ({ analysis_run_id, layers }) => ({
    type: 'analyze_result',
    ref: `/api/v1/analysis/runs/${analysis_run_id}`,
    payload: JSON.stringify({ analysis_run_id, layer_count: layers.length }),
  }),
};
