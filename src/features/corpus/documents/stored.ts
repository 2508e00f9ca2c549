/**
 * What is stored of the atoms of documents, beside what ingestion made (corpus.md §11). Guarantees: counted in the rows of
 * blocks at the moment of asking, one statement for any number of documents.
 */
import type { Tx } from '../../../ports/sql.ts';
import { countStored, type StoredLevel } from './blocks.sql.ts';
import type { DocumentRow } from './documents.sql.ts';
import { atomsOf, LEVELS, type Level, levelsOf } from './levels.ts';

export type ProjectionStatus = 'complete' | 'partial' | 'pending';

export interface CountedLevel {
  readonly level: Level;
  readonly expected: number;
  readonly found: number;
  /** As many as were made, with ordinals from 1 on without a gap. */
  readonly ok: boolean;
}

export interface Counted {
  readonly expected: number;
  /** Of the state that is shown, on active levels. */
  readonly found: number;
  readonly levels: readonly CountedLevel[];
  /** Blocks of inactive levels, of older states, of a document in conflict. */
  readonly stray: number;
  readonly status: ProjectionStatus;
}

export async function countAtoms(
  tx: Tx,
  zone_id: string,
  rows: readonly DocumentRow[],
): Promise<(row: DocumentRow) => Counted> {
  const ids = rows.map(({ document_id }) => document_id);
  const stored = ids.length === 0 ? [] : await countStored(tx, zone_id, ids);
  const byDocument = Map.groupBy(stored, ({ document_id }) => document_id);
  return (row) => countedOf(row, byDocument.get(row.document_id) ?? []);
}

function countedOf(row: DocumentRow, stored: readonly StoredLevel[]): Counted {
  const made = levelsOf(row);
  const own = stored.filter(({ state }) => state === row.state);
  const levels = made.map(({ level, atoms }): CountedLevel => {
    const kept = own.find((one) => LEVELS[one.level] === level);
    const found = kept?.atoms ?? 0;
    return { level, expected: atoms, found, ok: found === atoms && (kept?.gapless ?? 1) === 1 };
  });
  const expected = atomsOf(made);
  const found = levels.reduce((sum, level) => sum + level.found, 0);
  const isActive = (one: StoredLevel): boolean => made.some(({ level }) => level === LEVELS[one.level]);
  // A newer state than the one that is shown is being made, or was left by an attempt that died: it is nobody's yet.
  const strays = stored.filter((one) => one.state < row.state || (one.state === row.state && !isActive(one)));
  return {
    expected,
    found,
    levels,
    stray: strays.reduce((sum, one) => sum + one.blocks, 0),
    status: statusOf(row, expected, found),
  };
}

function statusOf(row: DocumentRow, expected: number, found: number): ProjectionStatus {
  if (row.status === 'conflict' || row.state === 0) return 'pending';
  return found < expected ? 'partial' : 'complete';
}
