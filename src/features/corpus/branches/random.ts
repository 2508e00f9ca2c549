/**
 * The random source of branches and remixes (corpus.md §10): MT19937, started by the array of one number that a seed string
 * gives. Guarantees: equal seed strings give equal draws, on every node and version; test/vectors/corpus.json holds them. Pure.
 *
 * The generator is the one of Matsumoto and Nishimura (mt19937ar.c, `init_by_array`, `genrand_res53`).
 */
import { hash } from 'node:crypto';

const WORDS = 624;
const SHIFT = 397;

export interface RandomSource {
  /** In [0, 1), of 53 bits. */
  random(): number;
  /** A whole number in [0, n), for n of at least 1 and below 2^32. */
  below(n: number): number;
  choice<T>(items: readonly T[]): T;
  /** Puts numbers, places of items, in another order. */
  shuffle(numbers: Uint32Array): void;
}

/** The SHA-256 of a seed string as a number modulo 2^32. */
export const seedOf = (seedString: string): number => hash('sha256', seedString, 'buffer').readUInt32BE(28);

export function randomSource(seedString: string): RandomSource {
  const next = twister(seedOf(seedString));
  const below = (n: number): number => {
    const unused = Math.clz32(n);
    let drawn = next() >>> unused;
    while (drawn >= n) drawn = next() >>> unused;
    return drawn;
  };
  return {
    random: () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
    below,
    choice: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    shuffle: (numbers) => {
      for (let at = numbers.length - 1; at > 0; at--) {
        const other = below(at + 1);
        const held = numbers[at] as number;
        numbers[at] = numbers[other] as number;
        numbers[other] = held;
      }
    },
  };
}

/** Gives its outputs one by one, whole numbers in [0, 2^32). */
function twister(seed: number): () => number {
  const state = begun(seed);
  let at = WORDS;
  return () => {
    if (at === WORDS) {
      turn(state);
      at = 0;
    }
    let word = state[at++] as number;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

/** Mixes what stands before a word into it. */
const mixed = (state: Uint32Array, at: number, factor: number): number => {
  const before = state[at - 1] as number;
  return (state[at] as number) ^ Math.imul(before ^ (before >>> 30), factor);
};

/** The state that `init_by_array` makes of an array of the one number. */
function begun(seed: number): Uint32Array {
  const state = new Uint32Array(WORDS);
  state[0] = 19650218;
  for (let at = 1; at < WORDS; at++) state[at] = mixed(state, at, 1812433253) + at;
  // The array has one number, so its index, which is added too, stays 0.
  let at = 1;
  const step = (value: number): void => {
    state[at++] = value;
    if (at < WORDS) return;
    state[0] = state[WORDS - 1] as number;
    at = 1;
  };
  for (let left = WORDS; left > 0; left--) step(mixed(state, at, 1664525) + seed);
  for (let left = WORDS - 1; left > 0; left--) step(mixed(state, at, 1566083941) - at);
  state[0] = 0x80000000;
  return state;
}

/** The next 624 words. */
function turn(state: Uint32Array): void {
  for (let at = 0; at < WORDS; at++) {
    const joined = ((state[at] as number) & 0x80000000) | ((state[(at + 1) % WORDS] as number) & 0x7fffffff);
    const twist = joined & 1 ? 0x9908b0df : 0;
    state[at] = (state[(at + SHIFT) % WORDS] as number) ^ (joined >>> 1) ^ twist;
  }
}
