/**
 * The stage of a blob store: bytes that still grow, on their way to become blobs. What every engine guarantees is written
 * at {@link Stage} and held by the suite in stage.contract.ts.
 */
import { strict as assert } from 'node:assert';

/** Whoever opened a segment is the only one who writes to it. */
export interface SegmentWriter {
  /** Appends pieces, which are the writer's until it resolves. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** What was written before is durable when it resolves. After one that failed, none succeeds. */
  sync(): Promise<void>;
  /** Syncs nothing. May be called again. */
  close(): Promise<void>;
}

/**
 * Segments have names of two parts: the act they belong to, and their own. Neither is anything but 1 to 64 lower-case
 * letters, digits and dashes; another name is an AssertionError.
 */
export interface Stage {
  /**
   * Goes on writing a segment at byte `at`, which it has, or makes it; what it held behind that counts no more. Its name
   * is durable with the first `sync`. Fault UNAVAILABLE with `reason: 'disk_full'`, here and at every write.
   */
  open(act: string, segment: string, at: number): Promise<SegmentWriter>;
  /** Bytes [start, end), which were synced, in fresh pieces; STAGE_MISSING where the segment has fewer, or is not there. */
  read(
    act: string,
    segment: string,
    range: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array>;
  /**
   * Makes a segment a blob without reading it; durable when it resolves. The segment stays, and may not be written to
   * again, by whoever. The caller vouches for the hash, which every later blob of that name is taken for: he took it of all
   * the bytes as he wrote them, or read them; STAGE_MISSING where the segment is not as long.
   */
  adopt(act: string, segment: string, blob: { readonly size: number; readonly sha256: string }): Promise<void>;
  /** Removes all segments of an act, or finds them gone. */
  remove(act: string): Promise<void>;
  /** Acts that have segments, and were begun before a time in milliseconds. */
  list(before: number): Promise<string[]>;
}

export class StageMissing extends Error {
  readonly code = 'STAGE_MISSING';
}

export function assertStageName(name: string): void {
  assert(/^[0-9a-z-]{1,64}$/.test(name), `${JSON.stringify(name)} is no name of an act or segment`);
}
