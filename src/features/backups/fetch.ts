/**
 * A backup is brought here. Guarantees: every byte of it is looked at before anything is changed; large contents are
 * durable in the blob store before a row names them, and are what their names say, also where one lay there damaged.
 */

import { parseJson } from '../../base/parse-json.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Depot } from '../../ports/depot.ts';
import type { MakeScratch, ScratchFile } from '../../ports/scratch.ts';
import type { Fetched } from './load.ts';
import type { Manifest } from './manifest.ts';
import { hashOf, listObjects, readPart, verifyBackup } from './verify.ts';

export interface Fetching {
  readonly depot: Depot;
  readonly blobs: Pick<Blobs, 'put' | 'read' | 'setAside'>;
  readonly scratch: MakeScratch;
  readonly signal: AbortSignal;
  readonly told: (phase: string, done: number, total: number) => void;
}

/** Gives it to `work`, and frees its room. BACKUP_DAMAGED, and nothing has changed, where bytes are not what they were. */
export async function withFetched<T>(
  fetching: Fetching,
  manifest: Manifest,
  work: (fetched: Fetched) => Promise<T>,
): Promise<T> {
  const { depot, scratch, told } = fetching;
  await verifyBackup(depot, manifest, fetching);
  const [dump, packs] = [await scratch(), await scratch()];
  try {
    for await (const piece of readPart(depot, manifest.parts.dump)) await dump.append(piece);
    const packBytes = await fetchContents(fetching, manifest, packs);
    told('contents', manifest.blobs, manifest.blobs);
    const fetched = {
      dump: await dump.finish(),
      dump_sha256: manifest.dump_sha256,
      packs: await packs.finish(),
      packBytes,
    };
    return await work(fetched);
  } finally {
    await dump.remove();
    await packs.remove();
  }
}

async function fetchContents(
  { depot, blobs, signal }: Fetching,
  { parts }: Manifest,
  packs: ScratchFile,
): Promise<number[]> {
  const packBytes: number[] = [];
  for await (const [kind, sha256, size] of listObjects(depot, parts.objects)) {
    signal.throwIfAborted();
    if (kind === 'blob') {
      // What is as long as it has to be is left as it is by the store.
      if ((await hashOf(blobs, { sha256, size })) !== sha256) await blobs.setAside(sha256);
      await blobs.put({ sha256, size, read: (start, end) => depot.blobs.read(sha256, start, end) });
      continue;
    }
    for await (const piece of depot.blobs.read(sha256, 0, size)) await packs.append(piece);
    packBytes.push(size);
  }
  return packBytes;
}

/** The key of stored secrets that came along; null where it was configured, and is to be again. */
export async function readSecretsKey(depot: Depot, { parts }: Manifest): Promise<string | null> {
  const pieces = [];
  for await (const piece of readPart(depot, parts.secrets)) pieces.push(piece);
  const { secrets_key } = parseJson(Buffer.concat(pieces).toString('utf8')) as { secrets_key: string | null };
  return secrets_key;
}
