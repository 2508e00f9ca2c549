/** Rows of contents, as backups read them. */
import type { Tx } from '../../ports/sql.ts';

export interface ContentRow {
  readonly blob_id: number;
  readonly sha256: string;
  /** Null where it lies in the blob store. */
  readonly inline: Uint8Array | null;
}

export const findPacked = (tx: Tx, from: number, to: number): Promise<ContentRow[]> =>
  tx.all<ContentRow>('SELECT blob_id, sha256, inline FROM blobs WHERE blob_id >= ? AND blob_id < ? ORDER BY blob_id', [
    from,
    to,
  ]);
