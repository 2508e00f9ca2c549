/** The program as it is published, built once for a whole test run (test/nexus-process.ts). */
import { chmodSync } from 'node:fs';
import { buildProgram } from '../crash/program.ts';

/** Vitest's global setup: before the first test; what it returns runs after the last. */
export function setup(): () => void {
  const { folder, remove } = buildProgram();
  // Some tests run it as another user.
  chmodSync(folder, 0o755);
  process.env.NEXUS_TEST_PROGRAM = folder;
  return remove;
}
