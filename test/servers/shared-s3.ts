/** One S3 server for a whole test run. */
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createBucket, startS3 } from './s3.ts';
import { offer, taken } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Offers the endpoint of the server. */
    s3At: string;
  }
}

/** Vitest's global setup: before the first test; what it returns runs after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { at, withdraw } = await offer(startS3, ({ endpoint }) => endpoint);
  project.provide('s3At', at);
  return withdraw;
}

/** A fresh bucket of the shared server, which goes with the server. */
export async function freshBucket(): Promise<{ endpoint: string; bucket: string }> {
  const endpoint = await taken(inject('s3At'));
  return { endpoint, bucket: await createBucket(endpoint) };
}
