/** Rows of remixes that were kept. None ever changes. */
import type { Mode } from '../../../core/call/tokens.ts';
import type { RowsInsert, Tx } from '../../../ports/sql.ts';
import type { Condition, Page } from '../documents/documents.sql.ts';
import type { Level } from '../documents/levels.ts';
import type { Strategy } from './strategies.ts';

export interface RemixRow {
  readonly zone_id: string;
  readonly remix_id: string;
  readonly strategy: Strategy;
  readonly seed: number;
  readonly mode: Mode;
  readonly text_hash: string;
  readonly payload_hash: string;
  readonly rng_seed_hex: string;
  readonly source_document_id: string | null;
  readonly source_branch_id: string | null;
  readonly target_document_id: string | null;
  readonly target_branch_id: string | null;
  /** Of the atoms that it was made of; null where it was made of whole texts. */
  readonly source_level: Level | null;
  readonly source_atoms: number;
  readonly target_level: Level | null;
  readonly target_atoms: number;
  readonly branch_id: string | null;
  readonly branch_event_id: string | null;
  readonly governance_decision_id: string;
  /** JSON. */
  readonly governance_trace: string;
  readonly created_at: number;
}

const COLUMNS = [
  'zone_id',
  'remix_id',
  'strategy',
  'seed',
  'mode',
  'text_hash',
  'payload_hash',
  'rng_seed_hex',
  'source_document_id',
  'source_branch_id',
  'target_document_id',
  'target_branch_id',
  'source_level',
  'source_atoms',
  'target_level',
  'target_atoms',
  'branch_id',
  'branch_event_id',
  'governance_decision_id',
  'governance_trace',
  'created_at',
] as const satisfies readonly (keyof RemixRow)[];

const remixRows: RowsInsert = {
  into: 'corpus_remixes',
  columns: [...COLUMNS, 'text_blob'],
  values: { text_blob: '(SELECT blob_id FROM blobs WHERE sha256 = ?)' },
};

/** Its text has to have been named before. */
export const insertRemix = (tx: Tx, row: RemixRow): Promise<void> =>
  tx.insert(remixRows, [[...COLUMNS.map((column) => row[column]), row.text_hash]]);

export const findRemix = (tx: Tx, zone_id: string, remix_id: string): Promise<RemixRow | undefined> =>
  tx.get<RemixRow>(`SELECT ${COLUMNS.join(', ')} FROM corpus_remixes WHERE zone_id = ? AND remix_id = ?`, [
    zone_id,
    remix_id,
  ]);

/** Newest first. `where` speaks of corpus_remixes. */
export const listRemixes = (
  tx: Tx,
  zone_id: string,
  { where, page }: { readonly where: Condition; readonly page: Page },
): Promise<RemixRow[]> =>
  tx.all<RemixRow>(
    `SELECT ${COLUMNS.join(', ')} FROM corpus_remixes WHERE zone_id = ?${where.sql}
     ORDER BY created_at DESC, remix_id DESC LIMIT ? OFFSET ?`,
    [zone_id, ...where.params, page.limit, page.offset],
  );

export async function countRemixes(tx: Tx, zone_id: string, where: Condition): Promise<number> {
  const row = await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM corpus_remixes WHERE zone_id = ?${where.sql}`, [
    zone_id,
    ...where.params,
  ]);
  return row?.n ?? 0;
}
