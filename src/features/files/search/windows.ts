/**
 * A large content in windows of whole lines, read one after the other. Guarantees: what is held is one window with its
 * context; together the windows have every line once, each with the context it has in the whole.
 */
import type { Blobs } from '../../../ports/blobs.ts';
import { readBlob } from './contents.ts';
import type { GrepOptions, LineWindow } from './grep.ts';
import type { LinePattern } from './regex.ts';
import type { FoundFile } from './scan.sql.ts';

/** Small enough that the slowest pattern does not hold up the thread for long. */
const WINDOW_BYTES = 256 * 1024;
/** A content with a longer line is no text that could be searched: the search of it ends there. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** The start of a line: its offset in bytes, and its number. */
export interface LinePlace {
  readonly offset: number;
  readonly line: number;
}

export interface PlacedWindow {
  /** Where reading has to begin to come to this window with its context. */
  readonly place: LinePlace;
  readonly firstLine: number;
  /** Undefined where no line can match. */
  readonly window: LineWindow | undefined;
}

export interface WindowsAsked extends GrepOptions {
  readonly pattern: LinePattern;
  readonly start: LinePlace;
}

interface Held {
  readonly bytes: Buffer;
  /** Of its first byte. */
  readonly place: LinePlace;
  /** Where its own lines begin, after the context. */
  readonly core: number;
}

export async function* windowsOf(blobs: Blobs, file: FoundFile, asked: WindowsAsked): AsyncGenerator<PlacedWindow> {
  const start = { ...asked.start, offset: Math.min(asked.start.offset, file.size) };
  const pieces = readBlob(blobs, file, start.offset);
  let held: Held = { bytes: Buffer.alloc(0), place: start, core: 0 };
  try {
    for (let ended = false; !ended; ) {
      let wanted = WINDOW_BYTES;
      let end = -1;
      while (end < 0 && !ended) {
        const grown = await grow(held.bytes, held.core + wanted, pieces);
        held = { ...held, bytes: grown.bytes };
        ended = grown.ended;
        end = ended ? held.bytes.length : endOfCore(held, asked.after);
        if (wanted > LINE_BYTES_MAX) return;
        wanted *= 2;
      }
      if (end > held.core) yield openWindow(held, end, asked.pattern);
      held = advance(held, end, asked.before);
    }
  } finally {
    await pieces.return(undefined);
  }
}

async function grow(
  bytes: Buffer,
  wanted: number,
  pieces: AsyncGenerator<Uint8Array>,
): Promise<{ bytes: Buffer; ended: boolean }> {
  const all: Uint8Array[] = [bytes];
  for (let length = bytes.length; length < wanted; ) {
    const next = await pieces.next();
    if (next.done) return { bytes: Buffer.concat(all), ended: true };
    all.push(next.value);
    length += next.value.length;
  }
  return { bytes: Buffer.concat(all), ended: false };
}

/** End of the last line that has all its context behind it; -1 when there is none. */
function endOfCore({ bytes, core }: Held, after: number): number {
  let end = bytes.lastIndexOf(LINE_FEED) + 1;
  for (let i = 0; i < after && end > core; i++) end = startOfLineBefore(bytes, end);
  return end > core ? end : -1;
}

/** Start of the line that ends at `end`, its line feed included. */
const startOfLineBefore = (bytes: Buffer, end: number): number =>
  end < 2 ? 0 : bytes.lastIndexOf(LINE_FEED, end - 2) + 1;

function openWindow({ bytes, place, core }: Held, end: number, { needle }: LinePattern): PlacedWindow {
  const firstLine = place.line + countFeeds(bytes.subarray(0, core));
  const own = bytes.subarray(core, end);
  if (needle && !own.includes(needle)) return { place, firstLine, window: undefined };
  const before = bytes.toString('utf8', 0, core);
  const text = own.toString('utf8');
  const window = { text: before + text + bytes.toString('utf8', end), from: before.length, firstLine, narrow: false };
  return { place, firstLine, window: { ...window, to: before.length + text.length } };
}

/** Goes on behind `end`, and keeps as many lines before it as context takes. */
function advance({ bytes, place }: Held, end: number, before: number): Held {
  let kept = end;
  for (let i = 0; i < before && kept > 0; i++) kept = startOfLineBefore(bytes, kept);
  const line = place.line + countFeeds(bytes.subarray(0, kept));
  return { bytes: bytes.subarray(kept), place: { offset: place.offset + kept, line }, core: end - kept };
}

function countFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}
