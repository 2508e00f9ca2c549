/** Rows of branches. None ever changes, so what was read of one holds in every later transaction. */
import type { RowsInsert, Tx } from '../../../ports/sql.ts';
import type { Condition, Page } from '../documents/documents.sql.ts';

/** A branch with the one event that made it. */
export interface BranchRow {
  readonly zone_id: string;
  readonly branch_id: string;
  readonly parent_branch_id: string | null;
  /** Of a merge: the branch that was merged into the parent. */
  readonly right_branch_id: string | null;
  readonly root_document_id: string | null;
  readonly mode: string;
  /** Events of its lineage, its own the last. */
  readonly branch_version: number;
  readonly phase: string;
  readonly event_id: string;
  readonly event_type: string;
  /** JSON, without the field that `carried` names: that is the text of the branch. */
  readonly payload: string;
  readonly carried: string | null;
  /** UTF-8 bytes of the payload, with the text that it carried where that is kept inline. */
  readonly payload_bytes: number;
  /** JSON. */
  readonly diff_summary: string;
  readonly event_hash: string;
  readonly text_hash: string;
  /** Of the first of a lineage: the text that it began with. */
  readonly root_hash: string | null;
  readonly created_at: number;
}

const COLUMNS = [
  'zone_id',
  'branch_id',
  'parent_branch_id',
  'right_branch_id',
  'root_document_id',
  'mode',
  'branch_version',
  'phase',
  'event_id',
  'event_type',
  'payload',
  'carried',
  'payload_bytes',
  'diff_summary',
  'event_hash',
  'text_hash',
  'root_hash',
  'created_at',
] as const satisfies readonly (keyof BranchRow)[];

const columnsOf = (table: string): string => COLUMNS.map((column) => `${table}.${column}`).join(', ');

const BLOB_OF = '(SELECT blob_id FROM blobs WHERE sha256 = ?)';
const branchRows: RowsInsert = {
  into: 'corpus_branches',
  columns: [...COLUMNS, 'text_blob', 'root_blob'],
  values: { text_blob: BLOB_OF, root_blob: BLOB_OF },
};

/** Their texts have to have been named before. */
export const insertBranches = (tx: Tx, rows: readonly BranchRow[]): Promise<void> =>
  tx.insert(
    branchRows,
    rows.map((row) => [...COLUMNS.map((column) => row[column]), row.text_hash, row.root_hash]),
  );

export const findBranch = (tx: Tx, zone_id: string, branch_id: string): Promise<BranchRow | undefined> =>
  tx.get<BranchRow>(`SELECT ${columnsOf('b')} FROM corpus_branches b WHERE b.zone_id = ? AND b.branch_id = ?`, [
    zone_id,
    branch_id,
  ]);

export type BranchItem = Pick<
  BranchRow,
  'branch_id' | 'parent_branch_id' | 'root_document_id' | 'mode' | 'branch_version' | 'created_at'
>;

/** Newest first. `where` speaks of corpus_branches. */
export const listBranches = (
  tx: Tx,
  zone_id: string,
  { where, page }: { readonly where: Condition; readonly page: Page },
): Promise<BranchItem[]> =>
  tx.all<BranchItem>(
    `SELECT branch_id, parent_branch_id, root_document_id, mode, branch_version, created_at FROM corpus_branches
     WHERE zone_id = ?${where.sql} ORDER BY created_at DESC, branch_id DESC LIMIT ? OFFSET ?`,
    [zone_id, ...where.params, page.limit, page.offset],
  );
