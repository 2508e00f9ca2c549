/** Rows of blobs. */
import { Fault } from '../../base/faults.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';

export interface NewBlob {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
  readonly inline: Uint8Array | null;
}

/** A row that is named while `touched_at` is this fresh is left to collection for later, so it need not be renewed. */
const TOUCH_EVERY_MS = 600_000;

const blobRows: RowsInsert = {
  into: 'blobs',
  columns: ['sha256', 'size', 'touched_at', 'utf8', 'inline'],
  tail: `ON CONFLICT (sha256) DO UPDATE SET touched_at = excluded.touched_at
    WHERE blobs.touched_at < excluded.touched_at - ${TOUCH_EVERY_MS}`,
};

/** Each hash once: a statement may not meet the same row twice. */
async function insert(tx: Tx, blobs: readonly NewBlob[], now: number): Promise<void> {
  const distinct = new Map(blobs.map((blob) => [blob.sha256, blob]));
  const rows = [...distinct.values()].map((blob) => [blob.sha256, blob.size, now, blob.utf8 ? 1 : 0, blob.inline]);
  await tx.insert(blobRows, rows);
}

/**
 * Announces blobs whose files are about to be stored; collection spares them for an hour. False while a file of one of
 * these names is being removed: then nothing may be stored under it yet. The rows are written first, so that a
 * collection that ends meanwhile is seen.
 */
export async function reserveBlobRows(
  tx: Tx,
  blobs: readonly Omit<NewBlob, 'inline'>[],
  now: number,
): Promise<boolean> {
  await insert(
    tx,
    blobs.map((blob) => ({ ...blob, inline: null })),
    now,
  );
  const leaving = await tx.get(
    `SELECT since FROM blob_removals WHERE sha256 IN (SELECT value FROM ${tx.dialect.textsOf}) LIMIT 1`,
    [JSON.stringify(blobs.map(({ sha256 }) => sha256))],
  );
  return leaving === undefined;
}

/**
 * The blobs exist from here on, and collection spares them: a state may name them. One that lies in the blob store has
 * to have been reserved; UNAVAILABLE if that was so long ago that it has been collected since.
 */
export async function touchBlobs(tx: Tx, blobs: readonly NewBlob[], now: number): Promise<void> {
  await insert(
    tx,
    blobs.filter((blob) => blob.inline !== null),
    now,
  );
  const reserved = new Set(blobs.filter((blob) => blob.inline === null).map(({ sha256 }) => sha256));
  for (const sha256 of reserved) await touchReserved(tx, sha256, now);
}

async function touchReserved(tx: Tx, sha256: string, now: number): Promise<void> {
  const row = await tx.get<{ touched_at: number }>('SELECT touched_at FROM blobs WHERE sha256 = ?', [sha256]);
  if (row && row.touched_at >= now - TOUCH_EVERY_MS) return;
  if (row && (await tx.run('UPDATE blobs SET touched_at = ? WHERE sha256 = ?', [now, sha256])) === 1) return;
  throw new Fault('UNAVAILABLE', 'The content waited so long for its write that it was collected; send it again', {
    reason: 'collected',
  });
}

/** The inline bytes of a blob; null where it lies in the blob store. */
export async function findInline(tx: Tx, sha256: string): Promise<Uint8Array | null> {
  const row = await tx.get<{ inline: Uint8Array | null }>('SELECT inline FROM blobs WHERE sha256 = ?', [sha256]);
  return row?.inline ?? null;
}
