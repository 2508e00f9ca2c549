/**
 * JSON over chunks of bytes. Guarantees: for every text and every way of cutting it, the value is that of JSON.parse,
 * only that long strings are SpooledText; work and memory between two chunks are bounded by a chunk; a body of few
 * bytes cannot unfold into a heap of many values.
 */
import { Fault } from '../../../base/faults.ts';
import { setOwn } from '../../../base/parse-json.ts';
import { Utf8Check } from '../../../base/utf8.ts';
import { type BodySize, tooManyNames, tooManyValues } from './body-size.ts';
import { notJson, OpenString, type StringScan, scanString, textOf } from './json-string.ts';
import { QUOTE, type RunView, runView } from './plain-run.ts';
import type { SpooledText, SpoolRoom } from './spool.ts';

/** Contract files.md §2: deeper is INVALID_JSON. */
export const JSON_DEPTH = 64;

/** A number or an object key in the heap is bounded too: 1 MiB, the size under which a body is parsed in one go. */
const TOKEN_BYTES = 1024 * 1024;

export interface JsonLimits extends BodySize {
  /** Strings of more raw bytes than this, as they stand between their quotes, are spooled. */
  readonly stringBytes: number;
}

/** What may come next. */
type Expect = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or ]' | ', or }' | 'nothing more';

interface JsonObject {
  [key: string]: unknown;
}

const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** 1 for blanks, 2 for the bytes of numbers, `true`, `false` and `null`. */
const CLASS = new Uint8Array(256);
const BLANK = 1;
const TOKEN = 2;
for (const byte of Buffer.from(' \t\n\r')) CLASS[byte] = BLANK;
for (const byte of Buffer.from('0123456789+-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'))
  CLASS[byte] = TOKEN;

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** One text: `feed` its chunks in order, each awaited, then `end` for the value. */
export class JsonParser {
  readonly #limits: JsonLimits;
  readonly #room: SpoolRoom;
  readonly #utf8 = new Utf8Check();
  readonly #scan: StringScan = { due: 0, escapes: false };
  /** The chunk at hand, for scanning. */
  #view: RunView = runView(Buffer.alloc(0));
  /** Offset in the body of the first byte of the chunk at hand. */
  #base = 0;
  #expect: Expect = 'value';
  #root: unknown;
  #values = 0;
  readonly #containers: (unknown[] | JsonObject)[] = [];
  /** The key of each open object at which a value is due or was just put, '' for arrays. */
  readonly #keys: string[] = [];
  /** How many each of them has had. */
  readonly #names: number[] = [];
  #token = '';
  #string: OpenString | undefined;

  constructor(limits: JsonLimits, room: SpoolRoom) {
    this.#limits = limits;
    this.#room = room;
  }

  /** Faults: INVALID_JSON, LIMIT_EXCEEDED, those of a spool. */
  async feed(chunk: Buffer): Promise<void> {
    this.#utf8.push(chunk);
    this.#refuseWrongUtf8();
    this.#view = runView(chunk);
    for (let at = 0; at < chunk.length; ) {
      at = this.#string ? await this.#continueString(this.#string, chunk, at) : this.#readStructure(chunk, at);
    }
    this.#base += chunk.length;
  }

  end(): unknown {
    this.#utf8.end();
    this.#refuseWrongUtf8();
    if (this.#string) throw notJson(this.#base, 'a string without its end');
    this.#endToken(0);
    if (this.#expect !== 'nothing more') throw notJson(this.#base, `an end where ${this.#expect} is due`);
    return this.#root;
  }

  #refuseWrongUtf8(): void {
    const at = this.#utf8.wrongAt;
    if (at >= 0) throw new Fault('INVALID_JSON', `The body is not UTF-8 at byte ${at}.`, { position: at });
  }

  #unexpected(chunk: Buffer, at: number): Fault {
    const byte = chunk[at]!;
    const shown =
      byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `0x${byte.toString(16).padStart(2, '0')}`;
    return notJson(this.#base + at, `${shown} where ${this.#expect} is due`);
  }

  /** Reads until the chunk ends or a string begins that cannot be made from this chunk at once. */
  #readStructure(chunk: Buffer, from: number): number {
    let at = this.#token === '' ? from : this.#readToken(chunk, from);
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (CLASS[byte] === BLANK) continue;
      if (CLASS[byte] === TOKEN) {
        this.#wantValue(chunk, at);
        at = this.#readToken(chunk, at) - 1;
      } else if (byte === QUOTE) {
        if (this.#expect !== 'key' && this.#expect !== 'key or }') this.#wantValue(chunk, at);
        const end = this.#readString(chunk, at + 1);
        if (end < 0) return at + 1;
        at = end;
      } else {
        this.#readSign(chunk, at);
      }
    }
    return at;
  }

  #readSign(chunk: Buffer, at: number): void {
    const byte = chunk[at]!;
    const expect = this.#expect;
    if (byte === COLON && expect === ':') this.#expect = 'value';
    else if (byte === COMMA && expect === ', or ]') this.#expect = 'value';
    else if (byte === COMMA && expect === ', or }') this.#expect = 'key';
    else if (byte === CLOSE_ARRAY && (expect === ', or ]' || expect === 'value or ]')) this.#leave();
    else if (byte === CLOSE_OBJECT && (expect === ', or }' || expect === 'key or }')) this.#leave();
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      this.#wantValue(chunk, at);
      if (this.#containers.length === JSON_DEPTH) throw tooDeep(this.#base + at);
      this.#enter(byte === OPEN_ARRAY ? [] : {});
    } else throw this.#unexpected(chunk, at);
  }

  #wantValue(chunk: Buffer, at: number): void {
    if (this.#expect !== 'value' && this.#expect !== 'value or ]') throw this.#unexpected(chunk, at);
  }

  /** Makes the string whose first byte is at `from` and gives the index of its closing quote, or -1: not at once. */
  #readString(chunk: Buffer, from: number): number {
    this.#scan.due = 0;
    this.#scan.escapes = false;
    const end = this.#scanned(chunk, scanString(this.#view, from, this.#scan));
    if (end === chunk.length || end - from > this.#limits.stringBytes) {
      this.#string = new OpenString(this.#wantsKey() ? Number.POSITIVE_INFINITY : this.#limits.stringBytes, this.#room);
      return -1;
    }
    this.#takeString(textOf(chunk.subarray(from, end), this.#scan.escapes));
    return end;
  }

  async #continueString(string: OpenString, chunk: Buffer, from: number): Promise<number> {
    const end = this.#scanned(chunk, scanString(this.#view, from, string.scan));
    await string.add(chunk.subarray(from, end));
    if (this.#wantsKey() && string.rawBytes > TOKEN_BYTES) throw tooLong(this.#base + from, 'an object key');
    if (end === chunk.length) return end;
    this.#string = undefined;
    this.#takeString(await string.finish());
    return end + 1;
  }

  #scanned(chunk: Buffer, result: number): number {
    if (result >= 0) return result;
    const what = chunk[~result]! < 0x20 ? 'a control character in a string' : 'a bad escape in a string';
    throw notJson(this.#base + ~result, what);
  }

  #wantsKey(): boolean {
    return this.#expect === 'key' || this.#expect === 'key or }';
  }

  #takeString(text: string | SpooledText): void {
    if (typeof text === 'string' && this.#wantsKey()) {
      const last = this.#keys.length - 1;
      this.#keys[last] = text;
      if (++this.#names[last]! > this.#limits.names) throw tooManyNames(this.#limits);
      this.#expect = ':';
    } else {
      this.#put(text);
    }
  }

  /** Collects the bytes of a number or a literal and gives the index behind those of this chunk. */
  #readToken(chunk: Buffer, from: number): number {
    let end = from;
    while (end < chunk.length && CLASS[chunk[end]!] === TOKEN) end++;
    this.#token += chunk.toString('latin1', from, end);
    if (this.#token.length > TOKEN_BYTES) throw tooLong(this.#base + end, 'a number');
    if (end < chunk.length) this.#endToken(end);
    return end;
  }

  /** `end` is where the token ended in the chunk at hand. */
  #endToken(end: number): void {
    const token = this.#token;
    if (token === '') return;
    this.#token = '';
    if (NUMBER.test(token)) this.#put(Number(token));
    else if (token === 'true' || token === 'false') this.#put(token === 'true');
    else if (token === 'null') this.#put(null);
    else throw notJson(this.#base + end - token.length, `${JSON.stringify(token.slice(0, 20))} is no value`);
  }

  #put(value: unknown): void {
    this.#values++;
    if (this.#values > this.#limits.values) throw tooManyValues(this.#limits);
    const container = this.#containers.at(-1);
    if (container === undefined) {
      this.#root = value;
      this.#expect = 'nothing more';
    } else if (Array.isArray(container)) {
      container.push(value);
      this.#expect = ', or ]';
    } else {
      setOwn(container, this.#keys[this.#keys.length - 1]!, value);
      this.#expect = ', or }';
    }
  }

  #enter(container: unknown[] | JsonObject): void {
    this.#put(container);
    this.#containers.push(container);
    this.#keys.push('');
    this.#names.push(0);
    this.#expect = Array.isArray(container) ? 'value or ]' : 'key or }';
  }

  #leave(): void {
    this.#containers.pop();
    this.#keys.pop();
    this.#names.pop();
    const outer = this.#containers.at(-1);
    if (outer === undefined) this.#expect = 'nothing more';
    else this.#expect = Array.isArray(outer) ? ', or ]' : ', or }';
  }
}

/** INVALID_JSON for the bracket at `position`. */
function tooDeep(position: number): Fault {
  return new Fault('INVALID_JSON', `The body nests deeper than ${JSON_DEPTH} at byte ${position}.`, { position });
}

function tooLong(position: number, what: string): Fault {
  return new Fault('INVALID_JSON', `The body holds ${what} of more than ${TOKEN_BYTES} bytes at byte ${position}.`, {
    position,
  });
}
