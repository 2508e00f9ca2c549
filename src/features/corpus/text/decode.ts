/**
 * Bytes as text (corpus.md §5): UTF-8, of which whatever is none is dropped, and so is a byte order mark at the head; each line
 * ends in LF. Guarantees: any bytes have a text, it is well-formed, and it is found in linear time. Pure.
 */
import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = '\ufeff';

export function decodeText(bytes: Uint8Array): string {
  const valid = validUtf8(bytes);
  const text = Buffer.from(valid.buffer, valid.byteOffset, valid.byteLength).toString('utf8');
  return normalizeLines(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
}

/** Without the bytes that belong to no character. */
export const validUtf8 = (bytes: Uint8Array): Uint8Array => (isUtf8(bytes) ? bytes : validPart(bytes));

/** CRLF and CR become LF. */
export const normalizeLines = (text: string): string => (text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text);

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
