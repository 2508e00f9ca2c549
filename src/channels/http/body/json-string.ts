/**
 * JSON strings over chunks of bytes (RFC 8259 §7). Guarantees: a string that `scanString` passed is well formed but for
 * UTF-8, which is the reader's to check; unescaping gives the same bytes wherever the chunks were cut.
 */

import { Fault } from '../../../base/faults.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { wholeCharacters } from '../../../base/utf8.ts';
import { BACKSLASH, nextSpecial, QUOTE, type RunView } from './plain-run.ts';
import { Spool, SpooledText, type SpoolRoom } from './spool.ts';

const LETTER_U = 0x75;

/** INVALID_JSON naming the byte of the body, counted from 0, at which it stops being JSON. */
export function notJson(position: number, what: string): Fault {
  return new Fault('INVALID_JSON', `The body is not JSON: ${what} at byte ${position}.`, { position });
}

/** 1 for the letters that may follow a backslash; 1 for hex digits. */
const LETTERS = new Uint8Array(256);
for (const letter of Buffer.from('"\\/bfnrtu')) LETTERS[letter] = 1;
const HEX = new Uint8Array(256);
for (const digit of Buffer.from('0123456789abcdefABCDEF')) HEX[digit] = 1;

/** `due` right after a backslash; 4 to 1 are hex digits still to come, 0 is outside an escape. */
const LETTER_DUE = 5;

/** How far a string has been scanned. */
export interface StringScan {
  due: number;
  escapes: boolean;
}

/**
 * Looks for the closing quote from `from` on. Gives its index, or the number of bytes when the string goes on in the
 * next chunk, or `~index` of a byte that may not stand there.
 */
export function scanString(view: RunView, from: number, scan: StringScan): number {
  const { bytes } = view;
  const end = bytes.length;
  let due = scan.due;
  let at = from;
  while (at < end) {
    if (due === 0) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        scan.escapes = true;
        due = LETTER_DUE;
      } else {
        const next = nextSpecial(view, at);
        if (next === at) return ~at;
        at = next;
        continue;
      }
    } else if (due === LETTER_DUE) {
      const letter = bytes[at]!;
      if (LETTERS[letter] === 0) return ~at;
      due = letter === LETTER_U ? 4 : 0;
    } else {
      if (HEX[bytes[at]!] === 0) return ~at;
      due--;
    }
    at++;
  }
  scan.due = due;
  return end;
}

/** A string that was scanned and that lies in memory whole, without its quotes. */
export function textOf(raw: Buffer, escapes: boolean): string {
  const text = raw.toString('utf8');
  return escapes ? parseJson(`"${text}"`) : text;
}

/** Where the last whole escape ends; `raw` does not begin inside of one. */
function wholeEscapes(raw: Buffer): number {
  const slash = raw.lastIndexOf(BACKSLASH);
  if (slash < Math.max(0, raw.length - 5)) return raw.length;
  let run = slash;
  while (run > 0 && raw[run - 1] === BACKSLASH) run--;
  if ((slash - run) % 2 === 1) return raw.length;
  const bytes = raw[slash + 1] === LETTER_U ? 6 : 2;
  return slash + bytes <= raw.length ? raw.length : slash;
}

/**
 * Turns the raw bytes of one scanned string into the bytes that it stands for. JSON.parse does it, a chunk at a time:
 * it is faster than a loop over bytes, and its strings die young.
 */
export class Unescape {
  /** Seen so far: an escaped surrogate without its other half. U+FFFD is put in its place. */
  loneSurrogate = false;
  /** The begin of an escape or character that the next chunk continues. */
  #cut = Buffer.alloc(0);
  /** A high surrogate whose other half may follow, or ''. */
  #high = '';

  push(chunk: Buffer): Buffer {
    const raw = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk]);
    const plain = this.#high === '' && !raw.includes(BACKSLASH);
    const characters = wholeCharacters(raw);
    const end = plain ? characters : wholeEscapes(raw.subarray(0, characters));
    this.#cut = Buffer.from(raw.subarray(end));
    const whole = raw.subarray(0, end);
    if (plain) return whole;
    // Without \u every character that an escape stands for is one byte, and all others may pass as bytes too.
    const units = this.#high !== '' || whole.includes('\\u');
    const text: string = this.#high + parseJson(`"${whole.toString(units ? 'utf8' : 'latin1')}"`);
    return units ? this.#encode(text) : Buffer.from(text, 'latin1');
  }

  /** What is still owed when the string is over. */
  end(): Buffer {
    const high = this.#high;
    this.#high = '';
    this.loneSurrogate ||= high !== '';
    return Buffer.from(high);
  }

  #encode(text: string): Buffer {
    const last = text.charCodeAt(text.length - 1);
    const open = (last & 0xfc00) === 0xd800;
    this.#high = open ? text.slice(-1) : '';
    const done = open ? text.slice(0, -1) : text;
    this.loneSurrogate ||= !done.isWellFormed();
    return Buffer.from(done, 'utf8');
  }
}

/** One string that did not end in the chunk in which it began, or is too long to be made in one go. */
export class OpenString {
  readonly scan: StringScan = { due: 0, escapes: false };
  /** Raw bytes, as they stand between the quotes. */
  rawBytes = 0;
  readonly #heapBytes: number;
  readonly #room: SpoolRoom;
  #raw: Buffer[] = [];
  #spool: Spool | undefined;
  readonly #unescape = new Unescape();

  /** A string of more than `heapBytes` raw bytes goes to a spool in `room`. */
  constructor(heapBytes: number, room: SpoolRoom) {
    this.#heapBytes = heapBytes;
    this.#room = room;
  }

  /** The next raw bytes, which were scanned and stay unchanged. */
  async add(raw: Buffer): Promise<void> {
    this.rawBytes += raw.length;
    this.#raw.push(raw);
    if (this.rawBytes <= this.#heapBytes) return;
    this.#spool ??= await Spool.open(this.#room);
    for (const part of this.#raw) await this.#spool.write(this.#unescape.push(part));
    this.#raw = [];
  }

  async finish(): Promise<string | SpooledText> {
    if (!this.#spool) return textOf(Buffer.concat(this.#raw), this.scan.escapes);
    await this.#spool.write(this.#unescape.end());
    return new SpooledText(await this.#spool.close(), this.#unescape.loneSurrogate);
  }
}
