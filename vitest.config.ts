/**
 * How the tests run: files share processes and modules, since no test keeps state outside what it opens itself. One line
 * per file, then the failures and the closing summary, which CI reads.
 */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** At least {@link LINES} percent of the lines of each of these are run by tests: infrastructure.md §15. */
const COVERED = [
  'src/features/access/**',
  'src/features/jobs/**',
  'src/features/corpus/plugins/**',
  'src/{config.ts,config/**}',
  'src/core/metric*.ts',
  'src/engines/{sqlite,postgres}/**',
  'src/roof/worker/**',
];
const LINES = 80;

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'client/**/*.test.ts', 'test/**/*.test.ts'],
    // Processes, not threads: nothing that a file does with a descriptor can reach another.
    pool: 'forks',
    // Most of a test is waiting, for disks and other processes; left to itself, one core of two would be spared.
    maxWorkers: 2,
    isolate: false,
    // Threads of servers load the source: with this they take it as it was compiled before.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/nexus-compiled') },
    globalSetup: ['test/servers/built-program.ts', 'test/servers/shared-postgres.ts', 'test/servers/shared-s3.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default'],
    coverage: {
      include: COVERED,
      reporter: ['text-summary'],
      thresholds: Object.fromEntries(COVERED.map((files) => [files, { lines: LINES }])),
    },
  },
});
