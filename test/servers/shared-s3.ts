/** One S3 server for a whole test run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createBucket, S3_USER, startS3 } from './s3.ts';
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

/** Settings of a server that keeps its blobs in a bucket. */
export const settingsFor = ({ endpoint, bucket }: { endpoint: string; bucket: string }): Record<string, string> => ({
  NEXUS_BLOBS_URL: `s3://${bucket}/blobs?endpoint=${encodeURIComponent(endpoint)}`,
  AWS_ACCESS_KEY_ID: S3_USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_USER.secretAccessKey,
});

/**
 * Settings for where the blobs of a server are: on its disk, or with `BLOBS=s3` in a bucket of its own, found again by its
 * directory.
 */
export async function blobsSettings(directory: string): Promise<Record<string, string>> {
  if (process.env.BLOBS !== 's3') return {};
  const note = join(directory, 'bucket.json');
  if (!existsSync(note)) writeFileSync(note, JSON.stringify(await freshBucket()));
  return settingsFor(JSON.parse(readFileSync(note, 'utf8')));
}
