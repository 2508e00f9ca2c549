/**
 * Hashes of texts, a character at a time, so that one pass over a path gives the hashes of all folders above it. Guarantees:
 * equal texts have equal hashes in this process; which texts fall together nobody outside can know, since each process
 * has a seed of its own.
 */
import { randomInt } from 'node:crypto';

const SEED = randomInt(2 ** 32);
/** 2^32 divided by the golden ratio: it spreads small differences over all bits. */
const FACTOR = 0x9e3779b1;

/** The hash of the empty text. */
export const EMPTY_HASH: number = SEED | 0;

/** The hash of a text with one more UTF-16 unit: 32 bits, signed. */
export function hashWith(hash: number, unit: number): number {
  const mixed = Math.imul(hash ^ unit, FACTOR);
  return mixed ^ (mixed >>> 15);
}

export function hashOf(text: string): number {
  let hash = EMPTY_HASH;
  for (let at = 0; at < text.length; at++) hash = hashWith(hash, text.charCodeAt(at));
  return hash;
}
