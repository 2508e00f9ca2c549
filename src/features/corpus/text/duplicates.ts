/**
 * How often a token has come (corpus.md §6). Guarantees: exact; some 40 bytes a token beside its own, outside the heap of
 * objects, for as many as a text may have: a Map of JavaScript ends at 16.7 million and takes three times as much.
 */
import { randomInt } from 'node:crypto';

const FIRST_SLOTS = 1 << 10;
const TOKEN_BYTES_GUESSED = 8;

export class Duplicates {
  /** Numbers of tokens, from 1; 0 is free. At most half of them are taken. */
  private slots = new Uint32Array(FIRST_SLOTS);
  private hashes = new Uint32Array(FIRST_SLOTS / 2);
  private counts = new Uint32Array(FIRST_SLOTS / 2);
  /** Where each token begins in `bytes`, and behind them where the next will. */
  private starts = new Uint32Array(FIRST_SLOTS / 2 + 1);
  private bytes = new Uint8Array((FIRST_SLOTS / 2) * TOKEN_BYTES_GUESSED);
  private size = 0;
  /** So that nobody can write a text whose tokens all fall into one place. */
  private readonly seed = randomInt(2 ** 32);

  /** How often it has come, this time included. */
  count(token: Uint8Array, length: number): number {
    const hash = this.hashOf(token, length);
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const n = (this.slots[slot] ?? 0) - 1;
      if (n === -1) {
        this.slots[slot] = this.add(token, length, hash) + 1;
        if (2 * this.size >= this.slots.length) this.grow();
        return 1;
      }
      if (this.hashes[n] === hash && this.isToken(n, token, length)) {
        const count = (this.counts[n] ?? 0) + 1;
        this.counts[n] = count;
        return count;
      }
    }
  }

  private hashOf(token: Uint8Array, length: number): number {
    let hash = this.seed;
    for (let at = 0; at < length; at++) {
      hash = Math.imul(hash ^ (token[at] ?? 0), 0x01000193);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  private isToken(n: number, token: Uint8Array, length: number): boolean {
    const start = this.starts[n] ?? 0;
    if ((this.starts[n + 1] ?? 0) - start !== length) return false;
    for (let at = 0; at < length; at++) if (this.bytes[start + at] !== token[at]) return false;
    return true;
  }

  private add(token: Uint8Array, length: number, hash: number): number {
    const n = this.size++;
    const start = this.starts[n] ?? 0;
    if (start + length > this.bytes.length) this.bytes = longer(this.bytes);
    this.bytes.set(length === token.length ? token : token.subarray(0, length), start);
    this.hashes[n] = hash;
    this.counts[n] = 1;
    this.starts[n + 1] = start + length;
    return n;
  }

  private grow(): void {
    this.hashes = longer(this.hashes);
    this.counts = longer(this.counts);
    this.starts = longer(this.starts);
    const slots = new Uint32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let n = 0; n < this.size; n++) {
      let slot = (this.hashes[n] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = n + 1;
    }
    this.slots = slots;
  }
}

function longer<A extends Uint8Array | Uint32Array>(array: A): A {
  const copy = array instanceof Uint8Array ? new Uint8Array(2 * array.length) : new Uint32Array(2 * array.length);
  copy.set(array);
  return copy as A;
}
