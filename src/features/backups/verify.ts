/**
 * A backup is looked at, byte by byte. Guarantee: what is changed, cut off or missing in any part of it is told, with the
 * name of the part; what passes can be restored.
 */
import { createHash } from 'node:crypto';
import { parseJson } from '../../base/parse-json.ts';
import { BlobError, type Blobs } from '../../ports/blobs.ts';
import type { Depot } from '../../ports/depot.ts';
import { expanded, linesOf } from './lines.ts';
import { damagedBackup, type Manifest, type Part } from './manifest.ts';

export interface Verifying {
  readonly signal: AbortSignal;
  readonly told?: (phase: string, done: number, total: number) => void;
}

export interface Verified {
  readonly objects: number;
  readonly bytes: number;
}

/** The hash of the bytes that a depot has; undefined where they are missing or too few. */
export async function hashOf(
  blobs: Pick<Blobs, 'read'>,
  { sha256, size }: { readonly sha256: string; readonly size: number },
): Promise<string | undefined> {
  const digest = createHash('sha256');
  try {
    for await (const piece of blobs.read(sha256, 0, size)) digest.update(piece);
  } catch (thrown) {
    if (thrown instanceof BlobError) return undefined;
    throw thrown;
  }
  return digest.digest('hex');
}

/** Problems are told after so many. */
const PROBLEMS_MAX = 100;

/** BACKUP_DAMAGED, with all that is wrong. */
export async function verifyBackup(depot: Depot, manifest: Manifest, verifying: Verifying): Promise<Verified> {
  const { parts, dump_sha256, bytes: total } = manifest;
  const problems: string[] = [];
  let objects = 0;
  let bytes = 0;
  const look = async (what: string, part: Part): Promise<boolean> => {
    verifying.signal.throwIfAborted();
    const found = await hashOf(depot.blobs, { sha256: part.sha256, size: part.bytes });
    objects++;
    bytes += part.bytes;
    verifying.told?.('verify', bytes, total);
    if (found === part.sha256) return true;
    problems.push(
      `${what} ${part.sha256}: ${found === undefined ? 'missing, or cut off' : 'its bytes are not what they were'}`,
    );
    return false;
  };
  for (const [name, part] of Object.entries(parts)) await look(name, part);
  if (problems.length === 0) {
    const dumped = createHash('sha256');
    for await (const piece of expanded(readPart(depot, parts.dump))) dumped.update(piece);
    if (dumped.digest('hex') !== dump_sha256) problems.push('dump: it is not the one that the manifest names');
    for await (const [kind, sha256, size] of listObjects(depot, parts.objects)) {
      await look(kind, { sha256, bytes: size });
      if (problems.length >= PROBLEMS_MAX) break;
    }
  }
  if (problems.length > 0) throw damagedBackup(manifest.id, problems);
  return { objects, bytes };
}

export const readPart = (depot: Depot, { sha256, bytes }: Part): AsyncIterable<Uint8Array> =>
  depot.blobs.read(sha256, 0, bytes);

export type ObjectLine = readonly [kind: 'pack' | 'blob', sha256: string, bytes: number];

export async function* listObjects(depot: Depot, part: Part): AsyncGenerator<ObjectLine> {
  for await (const lines of linesOf(expanded(readPart(depot, part)))) {
    for (const line of lines) yield parseJson(line) as ObjectLine;
  }
}
