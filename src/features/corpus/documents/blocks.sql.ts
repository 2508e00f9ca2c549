/** Blocks of atoms. Every write runs under the lock of its zone. */
import type { RowsInsert, Tx } from '../../../ports/sql.ts';

/** Some thousand atoms of one level. */
export interface BlockRow {
  /** Place of the level in their order. */
  readonly level: number;
  /** From 0. */
  readonly block: number;
  readonly first_ordinal: number;
  readonly atoms: number;
  /** Bytes of the text that its atoms lie in. */
  readonly start_byte: number;
  readonly end_byte: number;
  readonly bytes: Uint8Array;
}

/** What the blocks of one document belong to. */
export interface BlocksOf {
  readonly zone_id: string;
  readonly document_id: string;
  readonly state: number;
}

const BLOCK = ['level', 'block', 'first_ordinal', 'atoms', 'start_byte', 'end_byte'] as const;
const ALL = `${BLOCK.join(', ')}, packed`;

const blockRows: RowsInsert = {
  into: 'corpus_blocks',
  columns: ['zone_id', 'document_id', 'state', ...BLOCK, 'packed'],
};

interface PackedRow extends Omit<BlockRow, 'bytes'> {
  /** Base64. */
  readonly packed: string;
}

const NONE = new Uint8Array();

/** What is no base64 as it was written has no bytes, which is no block. */
function unpacked({ packed, ...row }: PackedRow): BlockRow {
  const bytes = Buffer.from(packed, 'base64');
  return { ...row, bytes: bytes.toString('base64') === packed ? bytes : NONE };
}

export const insertBlocks = (
  tx: Tx,
  { zone_id, document_id, state }: BlocksOf,
  blocks: readonly BlockRow[],
): Promise<void> =>
  tx.insert(
    blockRows,
    blocks.map((block) => [
      zone_id,
      document_id,
      state,
      ...BLOCK.map((column) => block[column]),
      Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength).toString('base64'),
    ]),
  );

const OF = 'zone_id = ? AND document_id = ?';

/** Of other states than this one, a slice of them; how many went. */
export const removeOtherBlocks = (tx: Tx, { zone_id, document_id, state }: BlocksOf, rows: number): Promise<number> =>
  tx.run(
    `DELETE FROM corpus_blocks WHERE (zone_id, document_id, state, level, block) IN
       (SELECT zone_id, document_id, state, level, block FROM corpus_blocks WHERE ${OF} AND state <> ? LIMIT ?)`,
    [zone_id, document_id, state, rows],
  );

/** Those with ordinals of a page, in order. */
export const listBlocks = async (
  tx: Tx,
  { zone_id, document_id, state }: BlocksOf,
  { level, from, to }: { readonly level: number; readonly from: number; readonly to: number },
): Promise<BlockRow[]> => {
  const rows = await tx.all<PackedRow>(
    `SELECT ${ALL} FROM corpus_blocks WHERE ${OF} AND state = ? AND level = ?
       AND first_ordinal < ? AND first_ordinal + atoms > ? ORDER BY block`,
    [zone_id, document_id, state, level, to, from],
  );
  return rows.map(unpacked);
};

/** A page of the blocks of a level, behind one. */
export const pageOfBlocks = async (
  tx: Tx,
  { zone_id, document_id, state }: BlocksOf,
  { level, after, limit }: { readonly level: number; readonly after: number; readonly limit: number },
): Promise<BlockRow[]> => {
  const rows = await tx.all<PackedRow>(
    `SELECT ${ALL} FROM corpus_blocks WHERE ${OF} AND state = ? AND level = ? AND block > ? ORDER BY block LIMIT ?`,
    [zone_id, document_id, state, level, after, limit],
  );
  return rows.map(unpacked);
};

/** What is stored of a document, by state and level. */
export interface StoredLevel {
  readonly document_id: string;
  readonly state: number;
  readonly level: number;
  readonly blocks: number;
  readonly atoms: number;
  /** 1: ordinals go from 1 on without a gap, block by block. */
  readonly gapless: number;
}

/** Counted in the rows of blocks, for each of some documents. */
export const countStored = (tx: Tx, zone_id: string, document_ids: readonly string[]): Promise<StoredLevel[]> =>
  tx.all<StoredLevel>(
    `SELECT document_id, state, level, COUNT(*) AS blocks, SUM(atoms) AS atoms,
       MIN(CASE WHEN first_ordinal = before + 1 AND block = place THEN 1 ELSE 0 END) AS gapless
     FROM (SELECT document_id, state, level, block, first_ordinal, atoms,
         COALESCE(SUM(atoms) OVER (PARTITION BY document_id, state, level ORDER BY block
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before,
         ROW_NUMBER() OVER (PARTITION BY document_id, state, level ORDER BY block) - 1 AS place
       FROM corpus_blocks WHERE zone_id = ? AND document_id IN (SELECT value FROM ${tx.dialect.textsOf})) t
     GROUP BY document_id, state, level ORDER BY document_id, state, level`,
    [zone_id, JSON.stringify(document_ids)],
  );
