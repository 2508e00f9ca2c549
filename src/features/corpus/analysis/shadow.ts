/** A run beside the one that was made in its shadow (infrastructure.md §9). Pure. */
import { z } from 'zod';
import { canonicalJson } from '../../../base/canonical-json.ts';
import { roundTo } from '../../../base/rounding.ts';
import type { RunObject } from './run-object.ts';

const layerComparison = z.object({
  same_output: z.boolean(),
  changed_keys: z.array(z.string()).describe('new, gone or different'),
  confidence_delta: z.number().describe('shadow − primary'),
  primary_provider: z.string(),
  shadow_provider: z.string(),
});
export const comparisonObject = z.object({
  same: z.boolean().describe('every output is equal'),
  layers: z.record(z.string(), layerComparison),
});
export type Comparison = z.infer<typeof comparisonObject>;

type Output = RunObject['results'][string];

function changedKeys(before: Output, after: Output): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const differs = (name: string): boolean =>
    Object.hasOwn(before, name) !== Object.hasOwn(after, name) ||
    canonicalJson(before[name]) !== canonicalJson(after[name]);
  return [...names].filter(differs).sort();
}

export function compareRuns(primary: RunObject, shadow: RunObject): Comparison {
  const layers = primary.layer_outputs.flatMap((one) => {
    const other = shadow.layer_outputs.find(({ layer_name }) => layer_name === one.layer_name);
    if (!other) return [];
    const changed_keys = changedKeys(one.output, other.output);
    const compared = {
      same_output: changed_keys.length === 0,
      changed_keys,
      confidence_delta: roundTo(other.confidence - one.confidence, 4),
      primary_provider: one.provider_name,
      shadow_provider: other.provider_name,
    };
    return [[one.layer_name, compared] as const];
  });
  return { same: layers.every(([, { same_output }]) => same_output), layers: Object.fromEntries(layers) };
}
