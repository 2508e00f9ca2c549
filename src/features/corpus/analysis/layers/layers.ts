/** The nine layers (corpus.md §8), and which of them are asked for. Pure. */
import { Fault } from '../../../../base/faults.ts';
import { discourse } from './discourse.ts';
import { morphology } from './morphology.ts';
import { pragmatics } from './pragmatics.ts';
import { type Layer, type PdfHints, readingOf } from './reading.ts';
import { rhetoric } from './rhetoric.ts';
import { semantics } from './semantics.ts';
import { semiotic } from './semiotic.ts';
import { sociolinguistics } from './sociolinguistics.ts';
import { syntax } from './syntax.ts';
import { token } from './token.ts';

const LAYERS: readonly Layer[] = [
  token,
  morphology,
  syntax,
  semantics,
  pragmatics,
  discourse,
  sociolinguistics,
  rhetoric,
  semiotic,
];
export const LAYER_NAMES: readonly string[] = LAYERS.map(({ name }) => name);

const byName = new Map(LAYERS.map((layer) => [layer.name, layer]));

/** The layers of these names, each once, in the order given; none given are all. BAD_REQUEST where one is unknown. */
export function layersNamed(names: readonly string[]): readonly string[] {
  const asked = [...new Set(names)];
  const unknown = asked.filter((name) => !byName.has(name));
  if (unknown.length > 0) {
    const quoted = unknown.map((name) => `'${name}'`).join(', ');
    throw new Fault('BAD_REQUEST', `Unknown layers: [${quoted}]. Known layers: ${LAYER_NAMES.join(', ')}`);
  }
  return asked.length === 0 ? LAYER_NAMES : asked;
}

export interface Read {
  readonly layer: string;
  readonly output: Readonly<Record<string, unknown>>;
  readonly confidence: number;
}

/** What these layers say of a text. */
export function readLayers({ text, layers, hints }: Asked): Read[] {
  const reading = readingOf(text, hints);
  return layers.map((layer) => {
    const known = byName.get(layer);
    if (!known) throw new Error(`no layer ${layer}`);
    return { layer, output: known.read(reading), confidence: known.confidence };
  });
}

/** Plain data: it crosses threads. */
export interface Asked {
  readonly text: string;
  readonly layers: readonly string[];
  readonly hints: PdfHints;
}
