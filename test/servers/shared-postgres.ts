/** One PostgreSQL for a whole test run, and a directory for the blobs of its databases, which goes with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createDatabase, startPostgres } from './postgres.ts';
import { offer, taken } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Offers the URL of the server's database `postgres`. */
    postgresAt: string;
    /** Where the blobs of its databases are that several servers share. */
    storesIn: string;
  }
}

/** Vitest's global setup: before the first test; what it returns runs after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { at, withdraw } = await offer(startPostgres, ({ urlOf }) => urlOf('postgres'));
  project.provide('postgresAt', at);
  const stores = mkdtempSync(join(tmpdir(), 'nexus-stores-'));
  project.provide('storesIn', stores);
  return async () => {
    await withdraw();
    rmSync(stores, { recursive: true, force: true });
  };
}

/** A fresh directory for the blobs of a database. Outside a test run it goes with the process. */
export function freshStore(): string {
  if (process.env.VITEST) return mkdtempSync(join(inject('storesIn'), 'blobs-'));
  const own = mkdtempSync(join(tmpdir(), 'nexus-blobs-'));
  process.once('exit', () => rmSync(own, { recursive: true, force: true }));
  return own;
}

/** A fresh database of the shared server. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const found = await taken(inject('postgresAt'));
  return createDatabase({ urlOf: (database) => found.replace(/postgres$/, database) });
}
