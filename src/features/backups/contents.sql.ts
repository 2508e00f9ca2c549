/** Rows of contents, as backups read them. */
import type { Tx } from '../../ports/sql.ts';
import type { BlobRow } from '../content/check.sql.ts';

export type PackedRow = Omit<BlobRow, 'size'>;

export const findPacked = (tx: Tx, from: number, to: number): Promise<PackedRow[]> =>
  tx.all<PackedRow>('SELECT blob_id, sha256, inline FROM blobs WHERE blob_id >= ? AND blob_id < ? ORDER BY blob_id', [
    from,
    to,
  ]);
