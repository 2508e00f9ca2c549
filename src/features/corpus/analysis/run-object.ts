/** An analysis as clients see it (corpus.md §8). */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { jsonValue } from '../../../base/json-value.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { LayerMade } from './analyse.ts';
import type { LayerRow, RunRow } from './runs.sql.ts';

const text = z.string().nullable();
export const jsonObject = z.record(z.string(), jsonValue);
export const confidences = z.record(z.string(), z.number());

const provenance = z.object({
  provider_name: z.string(),
  provider_version: z.string(),
  runtime_ms: z.number(),
  fallback_reason: text,
  skipped: z.array(z.string()),
});
export const provenances = z.record(z.string(), provenance);
export const outputs = z.record(z.string(), jsonObject);

export const runSummary = z.object({
  analysis_run_id: z.string(),
  document_id: text,
  branch_id: text,
  mode: z.string(),
  execution_mode: z.string(),
  plugin_profile: text,
  created_at: z.string(),
});
export type RunSummary = z.infer<typeof runSummary>;

export const runObject = runSummary.extend({
  job_id: text.describe('the job that made it'),
  shadow_job_id: text.describe('the job that runs the same again, to compare'),
  layers: z.array(z.string()),
  confidence_bundle: confidences,
  results: outputs,
  run_metadata: z.object({
    plugin_provenance: provenances,
    source_modality: z.string(),
    plugin_health: z.record(z.string(), z.boolean()),
  }),
  layer_outputs: z.array(
    z.object({
      layer_name: z.string(),
      output: jsonObject,
      confidence: z.number(),
      provider_name: z.string(),
      provider_version: z.string(),
      runtime_ms: z.number(),
      fallback_reason: text,
    }),
  ),
});
export type RunObject = z.infer<typeof runObject>;

export const toSummary = (run: RunRow): RunSummary => ({
  analysis_run_id: run.run_id,
  document_id: run.document_id,
  branch_id: run.branch_id,
  mode: run.mode,
  execution_mode: run.execution_mode,
  plugin_profile: run.plugin_profile,
  created_at: isoTime(run.created_at),
});

export const toLayerRow = ({ output, skipped, ...rest }: LayerMade): LayerRow => ({
  ...rest,
  output: JSON.stringify(output),
  skipped: JSON.stringify(skipped),
});

type Output = z.infer<typeof jsonObject>;
export const ofLayerRow = ({ output, skipped, ...rest }: LayerRow): LayerMade => ({
  ...rest,
  output: parseJson<Output>(output),
  skipped: parseJson<string[]>(skipped),
});

/** By the names of layers. */
export function bundlesOf(layers: readonly LayerMade[]) {
  const by = <T>(value: (layer: LayerMade) => T): Record<string, T> =>
    Object.fromEntries(layers.map((layer) => [layer.layer, value(layer)]));
  return {
    outputs: by(({ output }) => output as Output),
    confidence_bundle: by(({ confidence }) => confidence),
    plugin_provenance: by(({ provider_name, provider_version, runtime_ms, fallback_reason, skipped }) => ({
      provider_name,
      provider_version,
      runtime_ms,
      fallback_reason,
      skipped: [...skipped],
    })),
  };
}

export function toRun(run: RunRow, layers: readonly LayerMade[]): RunObject {
  const { outputs: results, confidence_bundle, plugin_provenance } = bundlesOf(layers);
  return {
    ...toSummary(run),
    job_id: run.job_id,
    shadow_job_id: run.shadow_job_id,
    layers: layers.map(({ layer }) => layer),
    confidence_bundle,
    results,
    run_metadata: {
      plugin_provenance,
      source_modality: run.modality,
      plugin_health: parseJson<Record<string, boolean>>(run.plugin_health),
    },
    layer_outputs: layers.map(({ layer: layer_name, output, skipped: _skipped, ...rest }) => ({
      layer_name,
      output: output as Output,
      ...rest,
    })),
  };
}
