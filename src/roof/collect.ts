/**
 * Collection of blobs that nothing names. Guarantees: the file of a blob is deleted only after the transaction that
 * removed its row, and only soon after it, so that no other node has meanwhile taken the deletion over and let the same
 * content be stored again; what a crash left undone is done later.
 */
import { blobSteps } from '../core/operations.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunStep } from './system.ts';

export interface CollectParts {
  readonly step: RunStep;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A blob that was touched less than this ago may be about to be named. */
const SPARED_MS = 3_600_000;
/** How long after its decision a node still deletes a file. */
const DELETE_WITHIN_MS = 60_000;
/** After this another node takes over what was decided and not done. */
const LEFT_AFTER_MS = 600_000;
/** Rows of one transaction. */
const SLICE = 250;

/** One pass over all blobs; gives the number of those whose file went. */
export async function collectBlobs(parts: CollectParts): Promise<number> {
  const { step, clock, signal } = parts;
  const before = clock.now() - SPARED_MS;
  let collected = 0;
  for (let after: number | null = 0; after !== null && !signal.aborted; ) {
    const { loose, next }: { loose: string[]; next: number | null } = await step(blobSteps.scan, 'root', {
      after,
      before,
    });
    for (let at = 0; at < loose.length && !signal.aborted; at += SLICE) {
      const decided = clock.now();
      const { files } = await step(blobSteps.remove, 'root', { sha256s: loose.slice(at, at + SLICE), before });
      await deleteFiles(parts, files, decided);
      collected += files.length;
    }
    after = next;
  }
  return collected;
}

/** What a node that stopped, or died, had decided to delete. `alone`: no other node can be at it. */
export async function finishRemovals(parts: CollectParts, alone: boolean): Promise<void> {
  const now = parts.clock.now();
  const before = alone ? now : now - LEFT_AFTER_MS;
  for (;;) {
    const files = await parts.step(blobSteps.left, 'root', { before });
    if (files.length === 0 || parts.signal.aborted) return;
    await deleteFiles(parts, files, parts.clock.now());
  }
}

async function deleteFiles(parts: CollectParts, files: readonly string[], decided: number): Promise<void> {
  const { step, blobs, clock, signal } = parts;
  const deleted: string[] = [];
  for (const sha256 of files) {
    if (signal.aborted || clock.now() - decided > DELETE_WITHIN_MS) break;
    await blobs.delete(sha256);
    deleted.push(sha256);
  }
  if (deleted.length > 0) await step(blobSteps.done, 'root', { sha256s: deleted });
}
