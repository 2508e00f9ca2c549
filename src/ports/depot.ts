/**
 * A depot: where backups are kept, outside the store that they are of. Guarantees of every engine, held by
 * depot.contract.ts: a document is there whole or not at all, and durable when `put` resolves; so is a content, under its
 * hash, as the port of blobs says.
 */
import { strict as assert } from 'node:assert';
import type { Blobs } from './blobs.ts';

/** Whoever means to `look` makes and removes nothing there; whoever means to `keep` something has the place made. */
export type DepotUse = 'look' | 'keep';

export interface Depot {
  /** Contents by their hashes, each once however many backups have it. */
  readonly blobs: Pick<Blobs, 'put' | 'read' | 'has' | 'delete'>;
  /** Hashes of all contents, in any order. */
  hashes(): AsyncIterable<string>;
  readonly documents: Documents;
  close(): Promise<void>;
}

/** Small texts under names of {@link isDocumentName}; another name is an AssertionError. */
export interface Documents {
  /** In place of what has the name. */
  put(name: string, text: string): Promise<void>;
  get(name: string): Promise<string | undefined>;
  /** In the order of their bytes. */
  list(): Promise<string[]>;
  /** Removes it, or finds it gone. */
  remove(name: string): Promise<void>;
}

/** Bytes of a document. */
export const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024;

export const isDocumentName = (name: string): boolean => /^[a-z0-9][a-z0-9.-]{0,127}$/.test(name);

/** Keeps everything but a name from becoming part of a path or key. */
export function assertDocumentName(name: string): void {
  assert(isDocumentName(name), `${JSON.stringify(name)} is no name of a document`);
}
