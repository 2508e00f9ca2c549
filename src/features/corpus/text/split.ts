/**
 * A text taken apart into stored atoms, and looked at again. Guarantees: what is held beside the text and the counts of its
 * tokens is a piece; what is stored is found changed, cut off or missing, and breaks nothing. Pure.
 */
import type { StreamTask, Task } from '../../../core/call/computing.ts';
import type { BlockRow } from '../documents/blocks.sql.ts';
import { type Level, type LevelMade, placeOfLevel } from '../documents/levels.ts';
import { type Atom, atomsOf } from './atoms.ts';
import {
  ATOMS_PER_BLOCK,
  BlockAtoms,
  decodeBlock,
  digestOf,
  encodeBlock,
  LevelDigest,
  type TextPart,
} from './blocks.ts';
import { VarintWriter } from './varints.ts';

/** Some ten milliseconds of work. */
const BLOCKS_PER_PIECE = 8;

export interface SplitPiece {
  readonly blocks: readonly BlockRow[];
  /** With the last blocks of a level: what was made of it. */
  readonly made?: LevelMade;
}

export interface SplitAsked {
  /** UTF-8, as `decodeText` gives it. */
  readonly text: Uint8Array;
  readonly levels: readonly Level[];
}

/** Level by level, each in order; for each level at least one piece. */
export function* splitText({ text, levels }: SplitAsked): Generator<SplitPiece> {
  const characters = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8');
  for (const level of levels) yield* splitLevel(text, characters, level);
}

function* splitLevel(text: Uint8Array, characters: string, level: Level): Generator<SplitPiece> {
  const digest = new LevelDigest();
  const scratch = new VarintWriter();
  let blocks: BlockRow[] = [];
  let block = 0;
  let ordinal = 1;
  for (const atoms of inBlocks(atomsOf(characters, level))) {
    if (blocks.length === BLOCKS_PER_PIECE) {
      yield { blocks };
      blocks = [];
    }
    digest.add(digestOf(atoms, { text, origin: 0 }, scratch));
    blocks.push(encodeBlock({ level: placeOfLevel(level), block: block++, first_ordinal: ordinal }, atoms, scratch));
    ordinal += atoms.length;
  }
  yield { blocks, made: { level, atoms: ordinal - 1, digest: digest.end() } };
}

/** Each is filled anew for the next. */
function* inBlocks(atoms: Iterable<Atom>): Generator<BlockAtoms> {
  const some = new BlockAtoms();
  for (const atom of atoms) {
    if (some.length === ATOMS_PER_BLOCK) {
      yield some;
      some.length = 0;
    }
    some.add(atom);
  }
  if (some.length > 0) yield some;
}

/** For texts of more than 64 KiB. */
export const split: StreamTask<SplitAsked, SplitPiece> = { name: 'corpus.split', pieces: splitText };

/** Blocks with the text that they say they lie in. */
export interface CheckAsked extends TextPart {
  readonly blocks: readonly BlockRow[];
}

/** For each block what it adds to the digest of its level; null where it is not as it was written, or goes beyond its text. */
export function digestsOf({ blocks, text, origin }: CheckAsked): (Uint8Array | null)[] {
  const scratch = new VarintWriter();
  return blocks.map((block) => {
    const atoms = decodeBlock(block);
    const isInside = block.start_byte >= origin && block.end_byte <= origin + text.length;
    return atoms && isInside ? digestOf(atoms, { text, origin }, scratch) : null;
  });
}

/** The same beside the event loop. */
export const checkBlocks: Task<CheckAsked, (Uint8Array | null)[]> = { name: 'corpus.check-blocks', compute: digestsOf };

export interface PlacedAtom extends Atom {
  readonly ordinal: number;
}

/** Atoms with ordinals [from, to) out of blocks that hold them; a block that does not decode is a defect. */
export function placedAtoms(blocks: readonly BlockRow[], { from, to }: { from: number; to: number }): PlacedAtom[] {
  return blocks.flatMap((row) => {
    const atoms = decodeBlock(row);
    if (!atoms) throw new Error(`block ${row.block} of level ${row.level} is not as it was written`);
    const first = Math.max(from, row.first_ordinal);
    const placed: PlacedAtom[] = [];
    for (let ordinal = first; ordinal < Math.min(to, row.first_ordinal + atoms.length); ordinal++)
      placed.push({ ordinal, ...atoms.at(ordinal - row.first_ordinal) });
    return placed;
  });
}

/** The content of an atom; `text`: the bytes of the document from `origin` on. */
export const contentOf = ({ start, end }: Pick<Atom, 'start' | 'end'>, text: Uint8Array, origin: number): string =>
  Buffer.from(text.buffer, text.byteOffset + start - origin, end - start).toString('utf8');
