/**
 * What is kept no longer goes from a depot. Guarantees: a manifest goes before anything that it names, so that what is
 * listed can be restored; contents that another backup names stay; where one of those cannot be read, nothing goes.
 */
import type { Depot } from '../../ports/depot.ts';
import { listManifests, listShelved, type Manifest, removeBegun, removeManifest } from './manifest.ts';
import { listObjects } from './verify.ts';

export interface Removing {
  readonly choose: (manifests: readonly Manifest[]) => readonly string[];
  readonly signal: AbortSignal;
}

/** Nobody else may put anything there meanwhile. Gives how many backups, and how many contents, went. */
export async function removeBackups(
  depot: Depot,
  { choose, signal }: Removing,
): Promise<{ backups: number; contents: number }> {
  const { manifests, damaged } = await listManifests(depot);
  const { begun } = await listShelved(depot);
  const gone = choose(manifests);
  // A manifest that cannot be read may name any content: all of them stay until somebody has looked at it.
  if (gone.length === 0 && (begun.length === 0 || damaged.length > 0)) return { backups: 0, contents: 0 };
  for (const id of gone) await removeManifest(depot, id);
  const left = manifests.filter(({ id }) => !gone.includes(id));
  const contents = damaged.length > 0 ? 0 : await removeUnnamed(depot, await namedBy(depot, left), signal);
  for (const id of begun) await removeBegun(depot, id);
  return { backups: gone.length, contents };
}

async function namedBy(depot: Depot, manifests: readonly Manifest[]): Promise<Set<string>> {
  const named = new Set<string>();
  for (const { parts } of manifests) {
    for (const { sha256 } of Object.values(parts)) named.add(sha256);
    for await (const [, sha256] of listObjects(depot, parts.objects)) named.add(sha256);
  }
  return named;
}

async function removeUnnamed(depot: Depot, named: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
  const unnamed = [];
  for await (const sha256 of depot.hashes()) if (!named.has(sha256)) unnamed.push(sha256);
  for (const sha256 of unnamed) {
    signal.throwIfAborted();
    await depot.blobs.delete(sha256);
  }
  return unnamed.length;
}
