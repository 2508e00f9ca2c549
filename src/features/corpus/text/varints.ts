/** Whole numbers from 0 on in as few bytes as they take, seven bits each, the lowest first. Pure. */

const FIRST_BYTES = 64 * 1024;
/** No number of JavaScript takes more. */
const VARINT_BYTES_MAX = 8;

/** Written over again and again: what is written stands until the next {@link begin}. */
export class VarintWriter {
  private bytes = new Uint8Array(FIRST_BYTES);
  private length = 0;

  begin(): void {
    this.length = 0;
  }

  put(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.bytes[this.length++] = (rest & 127) | 128;
    this.bytes[this.length++] = rest;
  }

  /** The bytes [start, end) of a source, and zeros for those that it has not. */
  add(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    for (let at = start; at < end; at++) this.bytes[this.length++] = source[at] ?? 0;
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const longer = new Uint8Array(Math.max(2 * this.bytes.length, this.length + more));
    longer.set(this.written());
    this.bytes = longer;
  }
}

/** Undefined where the last one is cut off, or one has more than `most` bytes. */
export function readVarints(bytes: Uint8Array, most: number): number[] | undefined {
  const values: number[] = [];
  let value = 0;
  let scale = 1;
  let length = 0;
  for (const byte of bytes) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (++length > most) return undefined;
    if (byte > 127) continue;
    values.push(value);
    value = 0;
    scale = 1;
    length = 0;
  }
  return length === 0 ? values : undefined;
}
