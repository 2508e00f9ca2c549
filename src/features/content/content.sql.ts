/** Rows of blobs. */
import type { Tx } from '../../ports/sql.ts';

export interface NewBlob {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
  readonly inline: Uint8Array | null;
}

/** A row that is named while `touched_at` is this fresh is left to collection for later, so it need not be renewed. */
const TOUCH_EVERY_MS = 600_000;

/** The blob exists from here on, and collection spares it: a state may name it. */
export async function touchBlob(tx: Tx, blob: NewBlob, now: number): Promise<void> {
  await tx.run(
    `INSERT INTO blobs (sha256, size, touched_at, utf8, inline) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (sha256) DO UPDATE SET touched_at = excluded.touched_at
     WHERE blobs.touched_at < excluded.touched_at - ${TOUCH_EVERY_MS}`,
    [blob.sha256, blob.size, now, blob.utf8 ? 1 : 0, blob.inline],
  );
}
