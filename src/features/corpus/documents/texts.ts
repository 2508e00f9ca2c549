/**
 * Texts of the corpus as blobs named by their hash. Guarantees: a text is durable before a row names it; what is read is the
 * text of that hash, whole.
 */
import { alone } from '../../../base/byte-memory.ts';
import type { Preparation, StoredBytes } from '../../../core/operation.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import type { Tx } from '../../../ports/sql.ts';
import { type NewBlob, touchBlobs } from '../../content/content.sql.ts';
import { INLINE_BYTES_MAX, reserve } from '../../content/content.ts';

/** Where a text is kept: its bytes, or under which hash the store of blobs has them. Plain data: it crosses threads. */
export type KeptText = StoredBytes;

/** The kept bytes of a hash; undefined where nobody knows it. */
export const findKept = (tx: Tx, sha256: string): Promise<KeptText | undefined> =>
  tx.get<KeptText>('SELECT sha256, size, inline FROM blobs WHERE sha256 = ?', [sha256]);

/** Its bytes [start, end), as far as there are so many; outside any transaction. */
export async function readKept(
  blobs: Blobs,
  kept: KeptText,
  range: { readonly start?: number; readonly end?: number } = {},
): Promise<Uint8Array> {
  const end = Math.min(range.end ?? kept.size, kept.size);
  const start = Math.min(range.start ?? 0, end);
  if (kept.inline) return kept.inline.subarray(start, end);
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.read(kept.sha256, start, end)) pieces.push(piece);
  return Buffer.concat(pieces);
}

export const readText = async (blobs: Blobs, kept: KeptText): Promise<string> =>
  Buffer.from(await readKept(blobs, kept)).toString('utf8');

export interface Keeping {
  readonly blobs: Blobs;
  readonly run: Preparation['run'];
}

/** Stores a text, as its UTF-8 bytes, ahead of the transaction whose rows name it; {@link nameTexts} has to run there. */
export async function keepTextBytes(
  { bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256: string },
  { blobs, run }: Keeping,
): Promise<NewBlob> {
  const blob = { sha256, size: bytes.byteLength, utf8: true };
  if (blob.size <= INLINE_BYTES_MAX) return { ...blob, inline: alone(bytes) };
  await reserve([blob], { run });
  await blobs.put({
    ...blob,
    read: async function* (start, end) {
      yield bytes.subarray(start, end);
    },
  });
  return { ...blob, inline: null };
}

/** In the transaction of the rows that name them: from here on collection spares them. */
export const nameTexts = (tx: Tx, texts: readonly NewBlob[], now: number): Promise<void> => touchBlobs(tx, texts, now);
