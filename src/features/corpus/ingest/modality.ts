/** Which modality a file is of (corpus.md §3), by its name, and for files of a zone by what it holds. Pure. */
import { isUtf8 } from 'node:buffer';
import type { Modality } from '../plugins/plugin.ts';

const EXTENSIONS: Readonly<Record<string, Modality>> = {
  md: 'text',
  txt: 'text',
  yaml: 'text',
  yml: 'text',
  pdf: 'pdf',
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  webp: 'image',
  wav: 'audio',
  mp3: 'audio',
  flac: 'audio',
};

const known = (name: string): Modality | undefined => {
  const dot = name.lastIndexOf('.');
  const extension = dot === -1 ? '' : name.slice(dot + 1).toLowerCase();
  return Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
};

/** By its name alone. */
export const modalityOfName = (name: string): Modality => known(name) ?? 'binary';

/** Whether its extension tells. */
export const isSupported = (name: string): boolean => known(name) !== undefined;

/** Bytes of a file of the zone that are looked at. */
export const LOOKED_BYTES = 64 * 1024;

/** Tab, LF, FF and CR are none. */
const CONTROL = /[\0-\x08\x0b\x0e-\x1f\x7f\x80-\x9f]/;
const CHARACTER_BYTES_MAX = 4;

/** `head`: the first {@link LOOKED_BYTES} of it, or all there is. */
export function isTextByContent(head: Uint8Array, size: number): boolean {
  const whole = size > head.byteLength ? withoutCutCharacter(head) : head;
  return isUtf8(whole) && !CONTROL.test(Buffer.from(whole).toString('utf8'));
}

/** The last character may have been cut. */
function withoutCutCharacter(head: Uint8Array): Uint8Array {
  for (let back = 1; back < CHARACTER_BYTES_MAX && back <= head.byteLength; back++) {
    const byte = head[head.byteLength - back] ?? 0;
    if (byte >= 0xc0) return head.subarray(0, head.byteLength - back);
    if (byte < 0x80) return head;
  }
  return head;
}
