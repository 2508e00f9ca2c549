/** A plugin of analysis (infrastructure.md §10), and the two that every server has. */

export const MODALITIES = ['text', 'pdf', 'image', 'audio', 'binary'] as const;
export type Modality = (typeof MODALITIES)[number];

/** One layer of one text, with what the layer itself says of it. */
export interface PluginTask {
  readonly layer: string;
  readonly modality: Modality;
  readonly text: string;
  readonly output: Readonly<Record<string, unknown>>;
  /** Of the layer; undefined where it has none. */
  readonly confidence: number | undefined;
}

export interface PluginAnswer {
  readonly output: Readonly<Record<string, unknown>>;
  readonly confidence: number;
}

export interface Plugin {
  readonly name: string;
  readonly version: string;
  readonly modalities: readonly Modality[];
  healthy(): boolean;
  supports(layer: string, modality: Modality): boolean;
  /** Aborted when its time is over. */
  run(task: PluginTask, signal: AbortSignal): PluginAnswer | Promise<PluginAnswer>;
}

/** Of a layer that says nothing of its confidence. */
const USUAL_CONFIDENCE = 0.65;

/** The layers as they are. */
export const deterministic: Plugin = {
  name: 'deterministic',
  version: 'v2.0',
  modalities: MODALITIES,
  healthy: () => true,
  supports: () => true,
  run: ({ output, confidence = USUAL_CONFIDENCE }) => ({ output, confidence }),
};

const ML_MODALITIES: readonly Modality[] = MODALITIES.filter((modality) => modality !== 'binary');
const ML_CONFIDENCE_MAX = 0.95;
const ML_ADDS = 0.1;
const toFour = (confidence: number): number => Number(confidence.toFixed(4));

/** Stands for a model. `on`: the server has ML switched on, and the flag is open to whoever asked. */
export const mlStub = (on: boolean): Plugin => ({
  name: 'ml_stub',
  version: 'v0.1',
  modalities: ML_MODALITIES,
  healthy: () => on,
  supports: (_layer, modality) => on && ML_MODALITIES.includes(modality),
  run: ({ output, confidence = USUAL_CONFIDENCE }) => {
    if (!on) throw new Error('ML plugin disabled by feature flag');
    return {
      output: { ...output, provider_note: 'ml_stub_enrichment' },
      confidence: toFour(Math.min(ML_CONFIDENCE_MAX, confidence + ML_ADDS)),
    };
  },
});
