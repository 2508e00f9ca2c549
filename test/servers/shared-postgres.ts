/** One PostgreSQL for a whole test run. */
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createDatabase, startPostgres } from './postgres.ts';
import { offer, taken } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Offers the URL of the server's database `postgres`. */
    postgresAt: string;
  }
}

/** Vitest's global setup: before the first test; what it returns runs after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { at, withdraw } = await offer(startPostgres, ({ urlOf }) => urlOf('postgres'));
  project.provide('postgresAt', at);
  return withdraw;
}

/** A fresh database of the shared server. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const found = await taken(inject('postgresAt'));
  return createDatabase({ urlOf: (database) => found.replace(/postgres$/, database) });
}
