/**
 * Content on its way into a file. Guarantees: hashing and writing happen before the transaction that refers to the
 * bytes; a blob file is durable, and its row committed, before any state names it; a crash in between leaves a row
 * without references, which collection finds.
 */
import { createHash } from 'node:crypto';
import { Fault, invalidParams } from '../../base/faults.ts';
import type { Need, Preparation } from '../../core/operation.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import { reserveBlob } from './content.operations.ts';

/**
 * Bytes up to this size are kept inline in SQL: one sync for row and bytes. Measured by bench/inline-threshold.ts.
 */
export const INLINE_BYTES_MAX = 64 * 1024;

export type Representation = 'utf-8' | 'base64';

/** Content that is ready to be named by a state. Plain data: it crosses threads. */
export interface Stored {
  readonly sha256: string;
  readonly size: number;
  readonly utf8: boolean;
  readonly encoding: Representation;
  /** The bytes themselves, when they are small; else they lie in the blob store. */
  readonly inline: Uint8Array | null;
}

/** What a door received: bytes in memory, or a spool too large for it. */
export type Incoming = Uint8Array | (BlobSource & { readonly utf8: boolean });

/** Content as a parameter gave it. */
export interface Received {
  readonly incoming: Incoming;
  /** Written as a text or as plain bytes; false when it was given as base64. */
  readonly asText: boolean;
}

/** Stores content for a write that takes `need`, which is checked before anything large is kept. */
export async function storeContent(received: Received, need: Need, preparation: Preparation): Promise<Stored> {
  const { incoming, asText } = received;
  const { size } = incoming instanceof Uint8Array ? { size: incoming.byteLength } : incoming;
  const maximum = preparation.limits.FILE_BYTES;
  if (size > maximum) {
    throw new Fault('BODY_TOO_LARGE', `Content of ${size} bytes passes the limit FILE_BYTES of ${maximum}`, {
      limit: 'FILE_BYTES',
      maximum,
    });
  }
  const source = incoming instanceof Uint8Array ? sourceOf(incoming) : incoming;
  const utf8 = incoming instanceof Uint8Array ? isUtf8(incoming) : incoming.utf8;
  const encoding: Representation = asText && utf8 ? 'utf-8' : 'base64';
  if (size <= INLINE_BYTES_MAX) {
    const inline = incoming instanceof Uint8Array ? incoming : await collect(source);
    return { sha256: source.sha256, size, utf8, encoding, inline };
  }
  await preparation.authorise([need]);
  await preparation.run(reserveBlob, { sha256: source.sha256, size, utf8 });
  await preparation.blobs.put(source);
  return { sha256: source.sha256, size, utf8, encoding, inline: null };
}

/** Bytes in memory as a source of a blob. */
export function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    read: async function* (start, end) {
      yield bytes.subarray(start, end);
    },
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A text as its UTF-8 bytes; a lone surrogate is refused, never replaced. */
export function textBytes(text: string, path: string): Uint8Array {
  if (!text.isWellFormed()) throw invalidParams({ path, message: 'a lone surrogate is not a character' });
  return Buffer.from(text, 'utf8');
}

export async function collect(source: BlobSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.read(0, source.size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
