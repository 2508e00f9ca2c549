/**
 * Nothing acknowledged is lost when the server is killed. The short form: as many rounds as fit into a minute and a half,
 * 200 at most; NEXUS_TEST_ROUNDS names another number, for which there is no limit of time.
 */
import { afterAll, expect, test } from 'vitest';
import { pointsMissed, runCampaign } from './campaign.ts';
import { buildProgram } from './program.ts';

const ROUNDS = 200;
const ROUNDS_MIN = 20;
const WITHIN_MS = 90_000;
const asked = Number(process.env.NEXUS_TEST_ROUNDS ?? 0);

const program = buildProgram();
afterAll(() => program.remove());

test('32 writers, SIGKILL at named points and at random: every acknowledged write is there, the others wholly or not at all', async () => {
  const report = await runCampaign({
    program,
    rounds: asked || ROUNDS,
    lanes: 2,
    writers: 32,
    seed: 1,
    withinMs: asked ? Number.POSITIVE_INFINITY : WITHIN_MS,
  });
  const { violations, ...figures } = report;
  console.log(JSON.stringify(figures));
  expect(violations).toEqual([]);
  expect(pointsMissed(report)).toEqual([]);
  expect(report.rounds).toBeGreaterThanOrEqual(Math.min(asked || ROUNDS, ROUNDS_MIN));
  expect(report.acknowledged).toBeGreaterThan(report.rounds);
}, 600_000);
