/** The random source against what clients have been promised. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { vectorsOf } from '../../../../test/vectors/vectors.ts';
import { randomSource, seedOf } from './random.ts';

const vectors = vectorsOf(
  'random',
  z.object({
    seed_string: z.string(),
    seed32: z.number(),
    random: z.array(z.number()),
    choice_of_10: z.array(z.number()),
    shuffle_of_9: z.array(z.number()),
  }),
);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at);

describe('the random source', () => {
  it.each(vectors)('of $seed_string gives what clients were promised', (vector) => {
    expect(seedOf(vector.seed_string)).toBe(vector.seed32);
    const source = randomSource(vector.seed_string);
    expect(vector.random.map(() => source.random())).toEqual(vector.random);
    const choosing = randomSource(vector.seed_string);
    expect(vector.choice_of_10.map(() => choosing.choice(upTo(10)))).toEqual(vector.choice_of_10);
    const shuffled = Uint32Array.from(upTo(9));
    randomSource(vector.seed_string).shuffle(shuffled);
    expect(Array.from(shuffled)).toEqual(vector.shuffle_of_9);
  });

  it('draws below a bound evenly, whatever the bound', () => {
    const source = randomSource('bounds');
    for (const bound of [1, 2, 3, 25, 1000, 2 ** 31, 2 ** 32 - 1]) {
      for (let draw = 0; draw < 1000; draw++) {
        const drawn = source.below(bound);
        expect(drawn >= 0 && drawn < bound && Number.isInteger(drawn)).toBe(true);
      }
    }
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 30_000; draw++) {
      const drawn = source.below(3);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('keeps the numbers that it shuffles', () => {
    const numbers = Uint32Array.from(upTo(5));
    randomSource('x').shuffle(numbers);
    expect(numbers.toSorted()).toEqual(Uint32Array.from(upTo(5)));
    const none = new Uint32Array();
    randomSource('x').shuffle(none);
    expect(none).toEqual(new Uint32Array());
  });
});
