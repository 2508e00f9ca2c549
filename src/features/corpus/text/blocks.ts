/**
 * Atoms as they are stored: blocks of {@link ATOMS_PER_BLOCK}, which name bytes of the text and no content. Guarantees: a block
 * that was changed by as much as one byte does not decode; what decodes lies in order inside the bytes that the block claims.
 * Digests are over contents, not over blocks, but block by block, so that blocks are checked apart from each other. Pure.
 *
 * A block is a CRC-32 of what follows, and deflated: for each atom the bytes between the one before and it, then for each
 * its bytes, then for each its duplicate index, all as varints.
 */
import { createHash, hash } from 'node:crypto';
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { BlockRow } from '../documents/blocks.sql.ts';
import type { Atom } from './atoms.ts';

/** Part of what a digest means: another number makes other digests. */
export const ATOMS_PER_BLOCK = 4096;
const VARINT_BYTES_MAX = 5;
const COLUMNS = 3;
const ATOM_BYTES_MAX = COLUMNS * VARINT_BYTES_MAX;
const CHECKSUM_BYTES = 4;

/** Some atoms of one level that follow each other, in `text`, the bytes of the document from `origin` on. */
export interface Stretch {
  readonly atoms: readonly Atom[];
  readonly text: Uint8Array;
  readonly origin: number;
}

export type BlockPlace = Pick<BlockRow, 'level' | 'block' | 'first_ordinal'>;

export function encodeBlock(place: BlockPlace, atoms: readonly Atom[]): BlockRow {
  const writer = new VarintWriter(atoms.length * ATOM_BYTES_MAX);
  const start_byte = atoms[0]?.start ?? 0;
  let end_byte = start_byte;
  for (const { start, end } of atoms) {
    writer.put(start - end_byte);
    end_byte = end;
  }
  for (const { start, end } of atoms) writer.put(end - start);
  for (const { duplicate_index } of atoms) writer.put(duplicate_index);
  const packed = deflateRawSync(writer.written(), { level: 1 });
  const bytes = new Uint8Array(CHECKSUM_BYTES + packed.length);
  new DataView(bytes.buffer).setUint32(0, crc32(packed));
  bytes.set(packed, CHECKSUM_BYTES);
  return { ...place, atoms: atoms.length, start_byte, end_byte, bytes };
}

/** Undefined where it is not as it was written, or not what the row says of it. */
export function decodeBlock({ atoms: count, start_byte, end_byte, bytes }: BlockRow): Atom[] | undefined {
  const columns = unpack(bytes, count);
  if (!columns || columns.length !== count * COLUMNS) return undefined;
  const atoms: Atom[] = [];
  let at = start_byte;
  for (let n = 0; n < count; n++) {
    const start = at + (columns[n] ?? 0);
    const end = start + (columns[count + n] ?? 0);
    const duplicate_index = columns[2 * count + n] ?? 0;
    if (end === start || duplicate_index === 0) return undefined;
    atoms.push({ start, end, duplicate_index });
    at = end;
  }
  return at === end_byte && columns[0] === 0 ? atoms : undefined;
}

function unpack(bytes: Uint8Array, count: number): number[] | undefined {
  if (bytes.length < CHECKSUM_BYTES || count < 1 || count > ATOMS_PER_BLOCK) return undefined;
  const packed = bytes.subarray(CHECKSUM_BYTES);
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, CHECKSUM_BYTES).getUint32(0);
  if (crc32(packed) !== claimed) return undefined;
  try {
    return readVarints(inflateRawSync(packed, { maxOutputLength: count * ATOM_BYTES_MAX }));
  } catch {
    return undefined;
  }
}

/** Of contents, where they stand, and duplicate indexes, in order. */
export function digestOf({ atoms, text, origin }: Stretch): Buffer {
  const room = atoms.reduce((sum, { start, end }) => sum + end - start, 0);
  const writer = new VarintWriter(room + ATOM_BYTES_MAX * atoms.length);
  let at = 0;
  for (const { start, end, duplicate_index } of atoms) {
    writer.put(start - at);
    writer.put(end - start);
    writer.add(text, start - origin, end - origin);
    writer.put(duplicate_index);
    at = end;
  }
  return hash('sha256', writer.written(), 'buffer');
}

/** The digest of a level, made of those of its blocks in order. */
export class LevelDigest {
  private readonly sum = createHash('sha256');

  add(blockDigest: Uint8Array): void {
    this.sum.update(blockDigest);
  }

  end(): string {
    return this.sum.digest('hex');
  }
}

class VarintWriter {
  private readonly bytes: Uint8Array;
  private length = 0;

  constructor(room: number) {
    this.bytes = new Uint8Array(room);
  }

  put(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.bytes[this.length++] = (rest & 127) | 128;
    this.bytes[this.length++] = rest;
  }

  add(source: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) this.bytes[this.length++] = source[at] ?? 0;
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Undefined where the last one is cut off, or one is longer than it may be. */
function readVarints(bytes: Uint8Array): number[] | undefined {
  const values: number[] = [];
  let value = 0;
  let scale = 1;
  let length = 0;
  for (const byte of bytes) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (++length > VARINT_BYTES_MAX) return undefined;
    if (byte > 127) continue;
    values.push(value);
    value = 0;
    scale = 1;
    length = 0;
  }
  return length === 0 ? values : undefined;
}
