/** What a store answers, as far as anybody may rely on it: anything of another shape is no answer. */
import { BackendError, type Entry, type Opened, type Page } from '../../ports/backend.ts';

const TAG_CHARACTERS = 256;

const garbage = (): BackendError => new BackendError('UNREACHABLE', 'answered with what makes no sense');

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

function isEntry(entry: Entry): boolean {
  if (typeof entry !== 'object' || entry === null) return false;
  const { path, kind, size, modified_at, tag } = entry;
  if (typeof path !== 'string' || typeof tag !== 'string' || tag.length > TAG_CHARACTERS) return false;
  if (kind !== 'file' && kind !== 'directory') return false;
  // A file without a fingerprint could not be told from what it becomes.
  return isCount(size) && Number.isSafeInteger(modified_at) && (kind === 'file') === (tag !== '');
}

/** An entry of this very path. */
export function soundEntry(entry: Entry, path: string): Entry {
  if (isEntry(entry) && entry.path === path) return entry;
  throw garbage();
}

export function soundPage(page: Page): Page {
  if (Array.isArray(page?.entries) && page.entries.every(isEntry) && isCount(page.left_out)) return page;
  throw garbage();
}

export function soundOpened({ entry, bytes }: Opened, path: string): Opened {
  if (typeof bytes !== 'object' || bytes === null || !(Symbol.asyncIterator in bytes)) throw garbage();
  return { entry: soundEntry(entry, path), bytes };
}

export function soundPiece(piece: Uint8Array): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw garbage();
}
