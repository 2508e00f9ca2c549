/** The queue under fire, in short: some zones on each engine. The campaign of a thousand is a command (fire.ts). */
import { expect, test } from 'vitest';
import { ENGINES } from '../harness.ts';
import { fire } from './fire.ts';

test.each(ENGINES)('no history of a queue under fire is wrong, on %s', { timeout: 300_000 }, async (engine) => {
  const seed = 1;
  const result = await fire({ engine, runs: 5, atOnce: 5, jobs: 16, seed });
  expect(result.violations).toEqual([]);
  expect(result).toMatchObject({ runs: 5, jobs: 80 });
});
