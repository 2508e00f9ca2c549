/** Files that are needed for the time of one work: written once, from front to back, then read any number of times. */
import type { BlobSource } from './blobs.ts';

export interface ScratchFile {
  append(bytes: Uint8Array): Promise<void>;
  /** All that was appended; nothing is, from here on. */
  finish(): Promise<BlobSource>;
  /** Frees its room. */
  remove(): Promise<void>;
}

export type MakeScratch = () => Promise<ScratchFile>;
