/**
 * Bytes inside a JSON answer, by reference. Guarantees: content that lies in the blob store is not read until the door
 * writes the answer, so a large answer can be streamed; what is JSON already is not taken apart to be written again.
 * Lower than the features, whose presenters make them.
 */
import type { StoredBytes } from '../operation.ts';

export interface Range {
  readonly start: number;
  /** Past the last byte. */
  readonly end: number;
}

/** Written by the door as a JSON string: base64, or the text itself. */
export class AnswerBytes {
  readonly content: StoredBytes;
  readonly range: Range;
  readonly as: 'base64' | 'text';

  constructor(content: StoredBytes, range: Range, as: 'base64' | 'text') {
    this.content = content;
    this.range = range;
    this.as = as;
  }

  get size(): number {
    return this.range.end - this.range.start;
  }

  /** Called by JSON.stringify; see {@link stringifyWith}. */
  toJSON(): string {
    return written(this);
  }

  /** The bytes, where they are at hand. */
  get inline(): Uint8Array | null {
    return this.content.inline?.subarray(this.range.start, this.range.end) ?? null;
  }
}

/** JSON text in UTF-8, made where the answer was, in pieces; it stands in the body as it is. */
export class AnswerJson {
  readonly pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.pieces = pieces;
  }

  /** Called by JSON.stringify; see {@link stringifyWith}. */
  toJSON(): string {
    return written(this);
  }
}

export type AnswerReference = AnswerBytes | AnswerJson;

function written(item: AnswerReference): string {
  if (!writer) throw new Error('content by reference is written by the door');
  return writer(item);
}

/** How references are written by the JSON.stringify that runs now; it is synchronous, so there is only one. */
let writer: ((item: AnswerReference) => string) | undefined;

/** JSON of a value, each reference in it written by `write`. A replacer function would cost a call for every value. */
export function stringifyWith(value: unknown, write: (item: AnswerReference) => string): string {
  writer = write;
  try {
    return JSON.stringify(value);
  } finally {
    writer = undefined;
  }
}

/** `{"__type__":"bytes","data":…}` (files.md §3). */
export const bytesMarker = (bytes: AnswerBytes | string): object => ({ __type__: 'bytes', data: bytes });
