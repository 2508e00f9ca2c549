/**
 * Content on its way into a file. Guarantees: hashing and writing happen before the transaction that refers to the
 * bytes; a blob file is durable, and its row committed, before any state names it; a crash in between leaves a row
 * without references, which collection finds.
 */
import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { alone } from '../../base/byte-memory.ts';
import { Fault, invalidParams } from '../../base/faults.ts';
import type { Need } from '../../core/call/access.ts';
import type { Preparation } from '../../core/operation.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import { reserveBlobs } from './content.operations.ts';
import type { NewBlob } from './content.sql.ts';

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

/** Blob files of one call that are written at a time. */
const PUTS_AT_ONCE = 8;

/** Stores content for a write that takes `need`, which is checked before anything large is kept. */
export async function storeContent(received: Received, need: Need, preparation: Preparation): Promise<Stored> {
  const [stored] = await storeContents([received], [need], preparation);
  if (!stored) throw new Error('one content was received and none stored');
  return stored;
}

/** The same for several contents: in one call they are permitted and announced together. */
export async function storeContents(
  received: readonly Received[],
  needs: readonly Need[],
  preparation: Preparation,
): Promise<Stored[]> {
  const large: Known[] = [];
  const stored: Stored[] = [];
  for (const { incoming, asText } of received) {
    checkFileSize(sizeOf(incoming), preparation.limits);
    const known = knownOf(incoming);
    const { source, utf8 } = known;
    const small = source.size <= INLINE_BYTES_MAX;
    if (!small) large.push(known);
    stored.push({
      sha256: source.sha256,
      size: source.size,
      utf8,
      encoding: asText && utf8 ? 'utf-8' : 'base64',
      inline: small ? alone(await bytesOf(incoming)) : null,
    });
  }
  if (large.length === 0) return stored;
  await preparation.authorise(needs);
  const blobs = large.map(({ source: { sha256, size }, utf8 }) => ({ sha256, size, utf8 }));
  await reserve(blobs, preparation);
  for (let at = 0; at < large.length; at += PUTS_AT_ONCE) {
    await Promise.all(large.slice(at, at + PUTS_AT_ONCE).map(({ source }) => preparation.blobs.put(source)));
  }
  return stored;
}

/** Milliseconds between two tries to announce a blob whose file is being removed, and how many there are. */
const REMOVAL_WAIT_MS = 50;
const REMOVAL_TRIES_MAX = 100;

/** Announces blobs whose files are about to be stored. */
export async function reserve(
  blobs: readonly Omit<NewBlob, 'inline'>[],
  preparation: Pick<Preparation, 'run'>,
): Promise<void> {
  for (let tries = 0; tries < REMOVAL_TRIES_MAX; tries++) {
    if (await preparation.run(reserveBlobs, { blobs: [...blobs] })) return;
    await sleep(REMOVAL_WAIT_MS);
  }
  throw new Fault('UNAVAILABLE', 'The same content is being removed; try again', { reason: 'being_removed' });
}

export const sizeOf = (incoming: Incoming): number =>
  incoming instanceof Uint8Array ? incoming.byteLength : incoming.size;

/** BODY_TOO_LARGE for more than a file may have. */
export function checkFileSize(size: number, limits: Preparation['limits']): void {
  const maximum = limits.FILE_BYTES;
  if (size <= maximum) return;
  throw new Fault('BODY_TOO_LARGE', `Content of ${size} bytes passes the limit FILE_BYTES of ${maximum}`, {
    limit: 'FILE_BYTES',
    maximum,
  });
}

/** Content with its hash. */
interface Known {
  readonly source: BlobSource;
  readonly utf8: boolean;
}

const knownOf = (incoming: Incoming): Known =>
  incoming instanceof Uint8Array
    ? { source: sourceOf(incoming), utf8: isUtf8(incoming) }
    : { source: incoming, utf8: incoming.utf8 };

export const bytesOf = async (incoming: Incoming): Promise<Uint8Array> =>
  incoming instanceof Uint8Array ? incoming : collect(incoming);

/** One content behind another, as a source; both are read once here, to hash them. */
export async function joined(first: BlobSource, second: BlobSource): Promise<BlobSource & { readonly utf8: boolean }> {
  const size = first.size + second.size;
  const digest = createHash('sha256');
  const decoder = newDecoder();
  let utf8 = true;
  const read = async function* (start: number, end: number): AsyncGenerator<Uint8Array> {
    if (start < first.size) yield* first.read(start, Math.min(end, first.size));
    if (end > first.size) yield* second.read(Math.max(0, start - first.size), end - first.size);
  };
  for await (const piece of read(0, size)) {
    digest.update(piece);
    utf8 &&= decodes(decoder, piece, { stream: true });
  }
  return { size, sha256: digest.digest('hex'), read, utf8: utf8 && decodes(decoder, new Uint8Array()) };
}

/** Bytes in memory as a source of a blob. */
export function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.byteLength,
    sha256: hash('sha256', bytes, 'hex'),
    read: async function* (start, end) {
      yield bytes.subarray(start, end);
    },
  };
}

const newDecoder = (): TextDecoder => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decodes = (decoder: TextDecoder, bytes: Uint8Array, options?: { stream: boolean }): boolean => {
  try {
    decoder.decode(bytes, options);
    return true;
  } catch {
    return false;
  }
};

export const loneSurrogate = (path: string): Fault =>
  invalidParams({ path, message: 'a lone surrogate is not a character' });

/** A text as its UTF-8 bytes; a lone surrogate is refused, never replaced. */
export function textBytes(text: string, path: string): Uint8Array {
  if (!text.isWellFormed()) throw loneSurrogate(path);
  return Buffer.from(text, 'utf8');
}

export async function collect(source: BlobSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.read(0, source.size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
