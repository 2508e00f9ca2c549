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
import { readVarints, type VarintWriter } from './varints.ts';

/** Part of what a digest means: another number makes other digests. */
export const ATOMS_PER_BLOCK = 4096;
const COLUMNS = 3;
const VARINT_BYTES_MAX = 5;
const ATOM_BYTES_MAX = COLUMNS * VARINT_BYTES_MAX;
const CHECKSUM_BYTES = 4;

/**
 * Atoms of one block, as numbers side by side: thousands of objects that live for a while would make the heap of a thread
 * grow by 80 MiB.
 */
export class BlockAtoms {
  length = 0;
  private readonly starts = new Float64Array(ATOMS_PER_BLOCK);
  private readonly ends = new Float64Array(ATOMS_PER_BLOCK);
  private readonly duplicates = new Float64Array(ATOMS_PER_BLOCK);

  add({ start, end, duplicate_index }: Atom): void {
    this.starts[this.length] = start;
    this.ends[this.length] = end;
    this.duplicates[this.length++] = duplicate_index;
  }

  startOf(n: number): number {
    return this.starts[n] ?? 0;
  }

  endOf(n: number): number {
    return this.ends[n] ?? 0;
  }

  duplicateOf(n: number): number {
    return this.duplicates[n] ?? 0;
  }

  at(n: number): Atom {
    return { start: this.startOf(n), end: this.endOf(n), duplicate_index: this.duplicateOf(n) };
  }
}

export type BlockPlace = Pick<BlockRow, 'level' | 'block' | 'first_ordinal'>;

/** Of at least one atom. `scratch` is written over. */
export function encodeBlock(place: BlockPlace, atoms: BlockAtoms, scratch: VarintWriter): BlockRow {
  const { length } = atoms;
  scratch.begin();
  for (let n = 0; n < length; n++) scratch.put(n === 0 ? 0 : atoms.startOf(n) - atoms.endOf(n - 1));
  for (let n = 0; n < length; n++) scratch.put(atoms.endOf(n) - atoms.startOf(n));
  for (let n = 0; n < length; n++) scratch.put(atoms.duplicateOf(n));
  const packed = deflateRawSync(scratch.written(), { level: 1 });
  const bytes = new Uint8Array(CHECKSUM_BYTES + packed.length);
  new DataView(bytes.buffer).setUint32(0, crc32(packed));
  bytes.set(packed, CHECKSUM_BYTES);
  return { ...place, atoms: length, start_byte: atoms.startOf(0), end_byte: atoms.endOf(length - 1), bytes };
}

/** Undefined where it is not as it was written, or not what the row says of it. */
export function decodeBlock({ atoms: count, start_byte, end_byte, bytes }: BlockRow): BlockAtoms | undefined {
  const columns = unpack(bytes, count);
  if (!columns || columns.length !== count * COLUMNS || columns[0] !== 0) return undefined;
  const atoms = new BlockAtoms();
  let end = start_byte;
  for (let n = 0; n < count; n++) {
    const start = end + (columns[n] ?? 0);
    end = start + (columns[count + n] ?? 0);
    const duplicate_index = columns[2 * count + n] ?? 0;
    if (end === start || duplicate_index === 0) return undefined;
    atoms.add({ start, end, duplicate_index });
  }
  return end === end_byte ? atoms : undefined;
}

function unpack(bytes: Uint8Array, count: number): number[] | undefined {
  if (bytes.length < CHECKSUM_BYTES || count < 1 || count > ATOMS_PER_BLOCK) return undefined;
  const packed = bytes.subarray(CHECKSUM_BYTES);
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, CHECKSUM_BYTES).getUint32(0);
  if (crc32(packed) !== claimed) return undefined;
  try {
    return readVarints(inflateRawSync(packed, { maxOutputLength: count * ATOM_BYTES_MAX }), VARINT_BYTES_MAX);
  } catch {
    return undefined;
  }
}

/** The bytes of a document from `origin` on. */
export interface TextPart {
  readonly text: Uint8Array;
  readonly origin: number;
}

/** Of contents, where they stand, and duplicate indexes, in order. `scratch` is written over. */
export function digestOf(atoms: BlockAtoms, { text, origin }: TextPart, scratch: VarintWriter): Uint8Array {
  scratch.begin();
  let before = 0;
  for (let n = 0; n < atoms.length; n++) {
    const [start, end] = [atoms.startOf(n), atoms.endOf(n)];
    scratch.put(start - before);
    scratch.put(end - start);
    scratch.add(text, start - origin, end - origin);
    scratch.put(atoms.duplicateOf(n));
    before = end;
  }
  return Uint8Array.from(hash('sha256', scratch.written(), 'buffer'));
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
