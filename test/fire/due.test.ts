/** Tasks that are due in the same second, in short. A hundred thousand are a command (due.ts). */
import { expect, test } from 'vitest';
import { ENGINES } from '../harness.ts';
import { runDue } from './due.ts';

test.each(ENGINES)('all that is due in one second starts, each once, on %s', { timeout: 120_000 }, async (engine) => {
  expect((await runDue({ engine, tasks: 400 })).violations).toEqual([]);
});
