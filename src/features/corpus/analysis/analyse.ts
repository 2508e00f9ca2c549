/**
 * An analysis (corpus.md §8): the layers of a text, each through the plugin registry. Guarantees: long texts are read beside
 * the event loop and outside any transaction; the same text gives the same layers, whatever the door.
 */

import type { LogFields } from '../../../base/log.ts';
import { roundTo } from '../../../base/rounding.ts';
import type { Computing } from '../../../core/call/computing.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import type { Notes } from '../../../core/call/notes.ts';
import { traceIds } from '../../../core/call/tracing.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import { type KeptText, readKept } from '../documents/texts.ts';
import { deterministic, type Modality, mlStub } from '../plugins/plugin.ts';
import { type Provided, pluginRegistry } from '../plugins/registry.ts';
import type { PdfHints } from './layers/reading.ts';
import { type Rhetoric, rhetoricOf } from './rhetoric.ts';
import { layersTask, rhetoricTask, textOf } from './tasks.ts';

export interface Means {
  readonly blobs: Blobs;
  readonly computing: Computing;
  readonly notes: Notes;
  readonly signal?: AbortSignal | undefined;
  /** Of the span that the analysis is a part of. */
  readonly traceparent?: string | undefined;
  /** What the log says of it where a plugin fails. */
  readonly about: LogFields;
}

export interface Asked {
  readonly text: KeptText | null;
  readonly modality: Modality;
  readonly hints: PdfHints;
  readonly layers: readonly string[];
  readonly profile: string | null;
  /** Plugins of kind ML may be used. */
  readonly ml: boolean;
}

/** What a layer came to. Plain data: it crosses threads. */
export interface LayerMade extends Provided {
  readonly layer: string;
}

export interface Analysed {
  readonly layers: readonly LayerMade[];
  readonly health: Readonly<Record<string, boolean>>;
}

const NO_BYTES = new Uint8Array();

export async function analyse(asked: Asked, means: Means): Promise<Analysed> {
  const { modality, hints, layers, profile, ml } = asked;
  const { computing, notes, signal, traceparent, about } = means;
  const bytes = asked.text ? await readKept(means.blobs, asked.text) : NO_BYTES;
  const reading = { bytes, layers, hints };
  const made =
    bytes.byteLength > AT_ONCE_BYTES ? await computing.run(layersTask, reading, signal) : layersTask.compute(reading);
  const registry = pluginRegistry({
    plugins: [deterministic, mlStub(ml)],
    log: (level, event, fields) => notes.log(level, event, { ...about, ...traceIds(traceparent), ...fields }),
    ran: notes.pluginRan,
    spans: notes.span,
  });
  const done: LayerMade[] = [];
  for (const one of made) {
    signal?.throwIfAborted();
    const task = {
      ...one,
      modality,
      // Made when a plugin wants it: none of ours does, and a long one takes its time.
      get text() {
        return textOf(bytes);
      },
    };
    const provided = await registry.run(profile, task, traceparent);
    done.push({ ...provided, layer: one.layer, confidence: roundTo(provided.confidence, 4) });
  }
  return { layers: done, health: registry.health() };
}

export async function rhetoricIn(bytes: Uint8Array, computing: Computing): Promise<Rhetoric> {
  return bytes.byteLength > AT_ONCE_BYTES ? computing.run(rhetoricTask, bytes) : rhetoricOf(textOf(bytes));
}
