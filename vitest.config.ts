/**
 * How the tests run: files share threads and modules, since no test keeps state outside what it opens itself. One line
 * per file, then the failures and the closing summary, which CI reads.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'client/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    globalSetup: ['test/servers/shared-postgres.ts', 'test/servers/shared-s3.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default'],
  },
});
