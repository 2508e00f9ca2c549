/** Where backups go, by the text of a destination: a directory, or `s3://bucket/prefix` with parameters as NEXUS_BLOBS_URL has them. */
import { randomBytes } from 'node:crypto';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidParams } from '../../base/faults.ts';
import { parseBlobsUrl } from '../../config/blobs-url.ts';
import type { Config } from '../../config.ts';
import { openDiskDepot } from '../../engines/disk/disk-depot.ts';
import type { Depot, DepotUse } from '../../ports/depot.ts';
import { s3PlaceOf } from '../engines.ts';
import { outboundOf } from '../outbound.ts';

/** Where they go unless somebody says otherwise: beside the blobs in their bucket, which all nodes reach, or on this disk. */
export function defaultDestination({ BLOBS_URL, DATA_DIR }: Pick<Config, 'BLOBS_URL' | 'DATA_DIR'>): string {
  const place = BLOBS_URL === '' ? undefined : parseBlobsUrl(BLOBS_URL, true);
  if (place?.kind !== 's3') return resolve(DATA_DIR, 'backups');
  const url = new URL(BLOBS_URL);
  // A destination is shown, and its credentials are those of the server.
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/backups`;
  return url.href;
}

/** INVALID_PARAMS for a text that is no destination; what else is wrong with it is told by whoever opens it. */
export function checkDestination(destination: string): void {
  if (isAbsolute(destination) || destination.startsWith('file:///')) return;
  try {
    if (parseBlobsUrl(destination).kind === 's3') return;
  } catch {
    // Said below.
  }
  throw invalidParams({
    path: 'destination',
    message:
      'has to be an absolute directory or s3://bucket/prefix?region=…&endpoint=…, without credentials: those are of the server (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those of NEXUS_BLOBS_URL)',
  });
}

export async function openDepot(config: Config, destination: string, use: DepotUse): Promise<Depot> {
  if (!destination.startsWith('s3:')) {
    return openDiskDepot(destination.startsWith('file:') ? fileURLToPath(destination) : destination, use);
  }
  const place = parseBlobsUrl(destination);
  if (place.kind !== 's3') throw new Error(`${destination} is no destination`);
  const { openS3Depot } = await import('../../engines/s3/s3-depot.ts');
  return openS3Depot(s3PlaceOf(config, place), () => outboundOf(config, 'operator'));
}

/** Writes, reads and deletes. */
export async function probeDepot(depot: Depot): Promise<void> {
  const name = `probe-${randomBytes(8).toString('hex')}`;
  await depot.documents.put(name, name);
  try {
    if ((await depot.documents.get(name)) !== name) throw new Error('it does not give back what it took');
  } finally {
    await depot.documents.remove(name);
  }
}

/** Where a dump lies until it is whole. */
export const scratchDirectory = (config: Config): string => join(resolve(config.DATA_DIR), 'tmp');
