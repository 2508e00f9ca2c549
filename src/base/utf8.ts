/**
 * UTF-8 over chunks. Guarantees: the verdict is that of the whole byte sequence, wherever the chunks were cut, and
 * what is wrong is named by the offset of the character that is wrong.
 */

import { isUtf8 } from 'node:buffer';

/** Bytes of the character that `lead` begins; 1 for a byte that cannot begin one, so that the check meets it. */
function characterBytes(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Where the last whole character ends: what follows is the beginning of one that is cut off. */
export function wholeCharacters(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if ((byte & 0xc0) !== 0x80) return characterBytes(byte) > back ? end - back : end;
  }
  return end;
}

/** Offset of the first wrong character of bytes that are known to hold one. Halving keeps it native and fast. */
function firstWrong(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    const prefix = bytes.subarray(0, middle);
    if (isUtf8(prefix.subarray(0, wholeCharacters(prefix)))) good = middle;
    else bad = middle;
  }
  return wholeCharacters(bytes.subarray(0, good));
}

/** The check of one sequence: `push` its chunks in order, then `end`. */
export class Utf8Check {
  /** Offset of the first wrong character, -1 while there is none. */
  wrongAt = -1;
  #offset = 0;
  /** The first 1 to 3 bytes of a character that the next chunk continues. */
  #cut: Uint8Array = new Uint8Array(0);

  push(bytes: Uint8Array): void {
    if (this.wrongAt >= 0) return;
    let rest = bytes;
    if (this.#cut.length > 0) {
      const missing = characterBytes(this.#cut[0]!) - this.#cut.length;
      const character = Buffer.concat([this.#cut, rest.subarray(0, missing)]);
      if (rest.length < missing) {
        this.#cut = character;
        this.#offset += rest.length;
        return;
      }
      if (!isUtf8(character)) {
        this.wrongAt = this.#offset - this.#cut.length;
        return;
      }
      rest = rest.subarray(missing);
    }
    const end = wholeCharacters(rest);
    const whole = rest.subarray(0, end);
    if (!isUtf8(whole)) this.wrongAt = this.#offset + bytes.length - rest.length + firstWrong(whole);
    this.#cut = rest.slice(end);
    this.#offset += bytes.length;
  }

  /** No more will come: a character that is still cut off is wrong. */
  end(): void {
    if (this.wrongAt < 0 && this.#cut.length > 0) this.wrongAt = this.#offset - this.#cut.length;
  }
}
