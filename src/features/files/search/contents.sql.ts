/** Contents for searching, by their hashes. */
import type { Tx } from '../../../ports/sql.ts';

export interface StoredContent {
  readonly sha256: string;
  /** 1 when the whole content is valid UTF-8. */
  readonly utf8: number;
  /** Null where the bytes lie in the blob store. */
  readonly inline: Uint8Array | null;
}

/** One statement; what is no text comes without its bytes. */
export function listStored(tx: Tx, hashes: readonly string[]): Promise<StoredContent[]> {
  return tx.all<StoredContent>(
    `SELECT b.sha256, b.utf8, CASE WHEN b.utf8 = 1 THEN b.inline END AS inline
     FROM ${tx.dialect.textsOf} h CROSS JOIN blobs b WHERE b.sha256 = h.value`,
    [JSON.stringify(hashes)],
  );
}
