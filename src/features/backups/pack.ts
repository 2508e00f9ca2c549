/**
 * Small contents, many in one object of a depot. Guarantee: the same contents are the same bytes, so that a pack which has
 * not changed since the backup before is sent once. One line of JSON with `[hash, size]` of each, then the bytes of all.
 */
import { hash } from 'node:crypto';
import { parseJson } from '../../base/parse-json.ts';
import type { BlobSource } from '../../ports/blobs.ts';

/**
 * Numbers of contents that share a pack. They only grow, so that all packs but the newest stay as they are until contents
 * of theirs are collected.
 */
export const PACK_NUMBERS = 256;

export interface Packed {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export function packOf(contents: readonly Packed[]): BlobSource {
  const line = JSON.stringify(contents.map(({ sha256, bytes }) => [sha256, bytes.length]));
  return sourceOf(Buffer.concat([Buffer.from(`${line}\n`), ...contents.map(({ bytes }) => bytes)]));
}

export const sourceOf = (bytes: Uint8Array): BlobSource => ({
  size: bytes.length,
  sha256: hash('sha256', bytes),
  async *read(start, end) {
    yield bytes.subarray(start, end);
  },
});

/** What is in a pack. An Error where a content is not what the pack says. */
export function unpack(bytes: Buffer): Packed[] {
  const line = bytes.indexOf(10);
  const told = parseJson(bytes.toString('utf8', 0, Math.max(0, line))) as [string, number][];
  let at = line + 1;
  return told.map(([sha256, size]) => {
    const content = bytes.subarray(at, at + size);
    at += size;
    if (hash('sha256', content) !== sha256) throw new Error(`a pack has other bytes for the content ${sha256}`);
    return { sha256, bytes: content };
  });
}
