/**
 * Bytes as text (corpus.md §5): UTF-8, of which whatever is none is dropped, and so is a byte order mark at the head; each line
 * ends in LF. Guarantees: any bytes have a text, it is well-formed, and it is found in linear time. Pure.
 */
import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const LF = 10;
const CR = 13;

export const decodeText = (bytes: Uint8Array): string => stringOf(cleanUtf8(bytes));

/** The UTF-8 of the text that bytes are, without making a string of it: its length is that of the text. */
export function cleanUtf8(bytes: Uint8Array): Uint8Array {
  const valid = isUtf8(bytes) ? bytes : validPart(bytes);
  const hasMark = BYTE_ORDER_MARK.every((byte, at) => valid[at] === byte);
  return withLineFeeds(hasMark ? valid.subarray(BYTE_ORDER_MARK.length) : valid);
}

export const stringOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('utf8');

/** CRLF and CR become LF. Of a string with millions of them, `replace` would hold each. */
function withLineFeeds(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(CR)) return bytes;
  const kept = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== CR) kept[length++] = byte;
    else if (bytes[at + 1] !== LF) kept[length++] = LF;
  }
  return kept.subarray(0, length);
}

function validPart(bytes: Uint8Array): Uint8Array {
  const kept = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = characterSize(bytes, at);
    for (let end = at + size; at < end; at++) kept[length++] = bytes[at] ?? 0;
    if (size === 0) at++;
  }
  return kept.subarray(0, length);
}

/** Bytes of the character that begins there; 0 where none does. */
function characterSize(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  for (let n = 1; n < size; n++) if (!isContinuation(bytes, at + n)) return 0;
  const second = bytes[at + 1] ?? 0;
  // Written longer than needed, half of a pair, or beyond U+10FFFF.
  if (lead === 0xe0 && second < 0xa0) return 0;
  if (lead === 0xed && second > 0x9f) return 0;
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second > 0x8f) return 0;
  return size;
}

const isContinuation = (bytes: Uint8Array, at: number): boolean => ((bytes[at] ?? 0) & 0xc0) === 0x80;
