/** What of analyses is computed beside the event loop. */
import type { Task } from '../../../core/call/computing.ts';
import { type Read, readLayers } from './layers/layers.ts';
import type { PdfHints } from './layers/reading.ts';
import { type Rhetoric, rhetoricOf } from './rhetoric.ts';

interface Reading {
  /** UTF-8. */
  readonly bytes: Uint8Array;
  readonly layers: readonly string[];
  readonly hints: PdfHints;
}

export const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

export const layersTask = {
  name: 'analysis.layers',
  compute: ({ bytes, ...asked }: Reading): Read[] => readLayers({ ...asked, text: textOf(bytes) }),
} satisfies Task<Reading, Read[]>;

export const rhetoricTask: Task<Uint8Array, Rhetoric> = {
  name: 'analysis.rhetoric',
  compute: (bytes) => rhetoricOf(textOf(bytes)),
};
