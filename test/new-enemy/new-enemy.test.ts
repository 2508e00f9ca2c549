/** What a node answered as taken away or given holds for each check that begins afterwards on any other node. */
import { expect, test } from 'vitest';
import { freshDatabase } from '../servers/shared-postgres.ts';
import { runTrials, startNodes } from './trials.ts';

const TRIALS = 400;

test.each([2, 3])(
  'on %i nodes',
  async (count) => {
    const database = await freshDatabase();
    const nodes = await startNodes(count, database.url);
    try {
      expect(await runTrials(nodes.urls, { trials: TRIALS, lanes: 8 })).toEqual({ trials: TRIALS, misses: [] });
    } finally {
      await nodes.stop();
      await database.drop();
    }
  },
  120_000,
);
