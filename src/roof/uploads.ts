/**
 * The end of uploads: of those whose time is over, of a zone that is ending, and of what a crash left in the stage.
 * Guarantees: bytes go only after the transaction that ended their upload, and rows only after their bytes.
 */
import {
  clearedUpload,
  dropUploads,
  endUpload,
  expiredUploads,
  forgetUploads,
  strayUploads,
  uploadsOfZone,
} from '../features/uploads/house.operations.ts';
import type { CollectParts } from './collect.ts';

/** A segment is begun after the row of its upload, but a zone may end in between. */
const STRAY_AFTER_MS = 3_600_000;
const STRAYS_AT_ONCE = 500;

/** One pass; gives the number of uploads that ended. */
export async function endUploads(parts: CollectParts): Promise<number> {
  const { step, signal, blobs } = parts;
  let ended = 0;
  for (let progress = true; progress && !signal.aborted; ) {
    progress = false;
    for (const { upload_id, zone_id } of await step(expiredUploads, 'root', {})) {
      if (signal.aborted || !(await step(endUpload, zone_id, { upload_id }))) continue;
      await blobs.stage.remove(upload_id);
      await step(clearedUpload, zone_id, { upload_id });
      ended++;
      progress = true;
    }
  }
  await removeStrays(parts);
  while (!signal.aborted && (await step(forgetUploads, 'root', {})).left);
  return ended;
}

async function removeStrays({ step, signal, blobs, clock }: CollectParts): Promise<void> {
  const acts = await blobs.stage.list(clock.now() - STRAY_AFTER_MS);
  for (let at = 0; at < acts.length && !signal.aborted; at += STRAYS_AT_ONCE) {
    const stray = await step(strayUploads, 'root', { acts: acts.slice(at, at + STRAYS_AT_ONCE) });
    for (const act of stray) await blobs.stage.remove(act);
  }
}

/** One slice of a zone's uploads; true while more are left. */
export async function endUploadsOf({ step, blobs }: CollectParts, zone_id: string): Promise<boolean> {
  const upload_ids = await step(uploadsOfZone, zone_id, {});
  for (const upload_id of upload_ids) await blobs.stage.remove(upload_id);
  if (upload_ids.length > 0) await step(dropUploads, zone_id, { upload_ids });
  return upload_ids.length > 0;
}
