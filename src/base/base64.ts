/** Base64 of RFC 4648 §4 (files.md §3): padded, standard alphabet, no blanks; anything else is undefined. */

const EQUALS = 0x3d;

/**
 * Decodes into `out` at its start and gives the number of bytes, or undefined for text that is not strict base64.
 * Node's decoder skips what is no base64 and stops at padding, so whatever is wrong shows as too few bytes; only the
 * URL alphabet has to be looked for. Bits that the last character has to spare are ignored. `padded`: may the text end
 * in padding?
 */
export function decodeBase64Into(out: Buffer, text: string, padded: boolean): number | undefined {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return undefined;
  const padding = padded ? paddingOf(text) : 0;
  const length = (text.length / 4) * 3 - padding;
  return out.write(text, 0, 'base64') === length ? length : undefined;
}

function paddingOf(text: string): number {
  if (text.charCodeAt(text.length - 1) !== EQUALS) return 0;
  return text.charCodeAt(text.length - 2) === EQUALS ? 2 : 1;
}

/** The bytes of base64 text, or undefined. */
export function decodeBase64(text: string): Buffer | undefined {
  const out = Buffer.allocUnsafeSlow((text.length >>> 2) * 3);
  const length = decodeBase64Into(out, text, true);
  return length === undefined ? undefined : out.subarray(0, length);
}
