/**
 * The texts that a search reads. Guarantees: a content is named by its hash and never changes, so one that is kept in
 * memory is always right; what is kept is bounded; content with a NUL byte or invalid UTF-8 has no text (files.md §9).
 */
import { Fault } from '../../../base/faults.ts';
import type { Finishing, Thread } from '../../../core/operation.ts';
import { BlobError, type Blobs } from '../../../ports/blobs.ts';
import { listStored } from './contents.sql.ts';
import type { FoundFile } from './scan.sql.ts';

/** Larger ones are read in windows and not kept. */
export const KEPT_BYTES_MAX = 1024 * 1024;
/** What one thread keeps, and what an entry costs beside its text. */
const CACHE_BYTES = 64 * 1024 * 1024;
const ENTRY_BYTES = 200;
/** Blob files that are read at a time. */
const READS_AT_ONCE = 8;

/** `''` for what has no text, `large` for a text that is read in windows. */
export type Text = string | typeof LARGE;
export const LARGE = Symbol('a text that is read in windows');

/**
 * Texts by hash. The oldest go first: keeping count of uses would cost a search more than it saves, as all its texts
 * are used once.
 */
class TextCache {
  private readonly texts = new Map<string, Text>();
  private bytes = 0;

  find(hash: string): Text | undefined {
    return this.texts.get(hash);
  }

  keep(hash: string, text: Text): void {
    this.texts.set(hash, text);
    this.bytes += costOf(text);
    for (const [oldest, old] of this.texts) {
      if (this.bytes <= CACHE_BYTES) break;
      this.texts.delete(oldest);
      this.bytes -= costOf(old);
    }
  }
}

const costOf = (text: Text): number => (text === LARGE ? 0 : text.length) + ENTRY_BYTES;

const caches = new WeakMap<Thread, TextCache>();

function cacheOf(thread: Thread): TextCache {
  const known = caches.get(thread);
  if (known) return known;
  const made = new TextCache();
  caches.set(thread, made);
  return made;
}

/** Are the texts of all these files in memory? */
export function areKept(thread: Thread, files: readonly FoundFile[]): boolean {
  const cache = cacheOf(thread);
  return files.every(({ etag, size }) => size === 0 || cache.find(etag) !== undefined);
}

type Source = Pick<Finishing, 'sql' | 'blobs' | 'thread'>;

/** The texts of some files by hash, in one statement for those that are not kept, none if all are. */
export async function loadTexts(source: Source, files: readonly FoundFile[]): Promise<ReadonlyMap<string, Text>> {
  const cache = cacheOf(source.thread);
  const texts = new Map<string, Text>();
  const missing = new Map<string, FoundFile>();
  for (const file of files) {
    const kept = cache.find(file.etag);
    if (kept === undefined) missing.set(file.etag, file);
    else texts.set(file.etag, kept);
  }
  if (missing.size === 0) return texts;
  const keep = (hash: string, text: Text): void => {
    cache.keep(hash, text);
    texts.set(hash, text);
  };
  const stored = await source.sql.read((tx) => listStored(tx, [...missing.keys()]));
  if (stored.length < missing.size) throw contentGone();
  const elsewhere: FoundFile[] = [];
  for (const { sha256, utf8, inline } of stored) {
    if (utf8 === 0) keep(sha256, '');
    else if (inline) keep(sha256, textOf(inline));
    else elsewhere.push(missing.get(sha256)!);
  }
  await eachAtOnce(elsewhere, async (file) => keep(file.etag, await textOfBlob(source.blobs, file)));
  return texts;
}

/** Valid UTF-8 as a text. */
function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes('\0') ? '' : text;
}

async function textOfBlob(blobs: Blobs, file: FoundFile): Promise<Text> {
  if (file.size > KEPT_BYTES_MAX) return (await hasNul(blobs, file)) ? '' : LARGE;
  const pieces: Uint8Array[] = [];
  for await (const piece of readBlob(blobs, file, 0)) pieces.push(piece);
  return textOf(Buffer.concat(pieces));
}

async function hasNul(blobs: Blobs, file: FoundFile): Promise<boolean> {
  for await (const piece of readBlob(blobs, file, 0)) if (piece.includes(0)) return true;
  return false;
}

/** The bytes of a blob from an offset on; UNAVAILABLE when it was removed meanwhile. */
export async function* readBlob(blobs: Blobs, file: FoundFile, from: number): AsyncGenerator<Uint8Array> {
  try {
    yield* blobs.read(file.etag, from, file.size);
  } catch (thrown) {
    throw thrown instanceof BlobError && thrown.code === 'BLOB_MISSING' ? contentGone() : thrown;
  }
}

/** Kept history holds what a search has just seen, so this takes the end of a zone or a pruning in the same second. */
const contentGone = (): Fault =>
  new Fault('UNAVAILABLE', 'Content was removed while it was searched; try again', { reason: 'removed' });

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(READS_AT_ONCE, items.length) }, lane));
}
