/** Mixed load over all areas: no call fails, and the server ends as it should. What it holds is for the long form, campaign.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { AREAS } from './areas.ts';
import { soak } from './soak.ts';

const directory = mkdtempSync(join(tmpdir(), 'nexus-soak-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('every area is called, and nothing fails', { timeout: 120_000 }, async () => {
  const soaked = await soak({ directory, seconds: 8, rate: 20, sampleMs: 1_000 });
  expect(soaked.counts.failed).toEqual([]);
  expect(soaked.complaints).toEqual([]);
  expect(soaked.code).toBe(0);
  for (const { name } of AREAS) expect([name, soaked.rounds[name]]).not.toEqual([name, 0]);
  // Only what clients get wrong, and files that another round has taken away.
  expect(soaked.counts.refused).toBeLessThan(soaked.counts.calls / 2);
  expect(soaked.samples.length).toBeGreaterThan(0);
  for (const { handles, connections, database, pool } of soaked.samples) {
    expect(Math.min(handles, connections, database.log, database.file)).toBeGreaterThan(0);
    expect(pool).toBeGreaterThan(0);
  }
});
