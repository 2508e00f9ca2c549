/**
 * Lineages of branches: a branch, its parent, and so on up to the first. Each is one query; what it reads of another than its
 * own branch it reads by the key.
 */
import type { SqlValue, Tx } from '../../../ports/sql.ts';
import type { BranchRow } from './branches.sql.ts';

/** A branch in a zone. */
export interface BranchKey {
  readonly zone_id: string;
  readonly branch_id: string;
}

/** Events from one checkpoint of a lineage to the next: the text of one need not be computed from those before. */
export const CHECKPOINT_EVERY = 10;

/** `onwards`: where the walk goes on from a row `l`. */
const lineage = (name: string, onwards = ''): string => `
  ${name}(branch_id, parent_branch_id, branch_version) AS (
    SELECT branch_id, parent_branch_id, branch_version FROM corpus_branches WHERE zone_id = ? AND branch_id = ?
    UNION ALL
    SELECT p.branch_id, p.parent_branch_id, p.branch_version
    FROM ${name} l JOIN corpus_branches p ON p.zone_id = ? AND p.branch_id = l.parent_branch_id ${onwards})`;

const start = ({ zone_id, branch_id }: BranchKey): SqlValue[] => [zone_id, branch_id, zone_id];

export type ReplayRow = Pick<
  BranchRow,
  'branch_id' | 'branch_version' | 'event_type' | 'payload' | 'carried' | 'text_hash' | 'root_hash'
>;

/**
 * The last rows of a lineage, from the checkpoint before the branch on, or from the first where there is none. A branch that is
 * a checkpoint itself is computed from the one before, so that something is computed.
 */
export const replayRows = (tx: Tx, key: BranchKey): Promise<ReplayRow[]> =>
  tx.all<ReplayRow>(
    `WITH RECURSIVE ${lineage('line', `WHERE l.branch_id = ? OR l.branch_version % ${CHECKPOINT_EVERY} <> 0`)}
     SELECT b.branch_id, b.branch_version, b.event_type, b.payload, b.carried, b.text_hash, b.root_hash
     FROM line JOIN corpus_branches b ON b.zone_id = ? AND b.branch_id = line.branch_id ORDER BY line.branch_version`,
    [...start(key), key.branch_id, key.zone_id],
  );

export interface PayloadSizes {
  readonly events: number;
  /** UTF-8 bytes of all payloads, without texts that are kept as files. */
  readonly bytes: number;
}

/** An event as it is shown. */
export type EventRow = Pick<
  BranchRow,
  | 'branch_id'
  | 'parent_branch_id'
  | 'right_branch_id'
  | 'root_document_id'
  | 'mode'
  | 'phase'
  | 'event_id'
  | 'event_type'
  | 'payload'
  | 'carried'
  | 'diff_summary'
  | 'text_hash'
  | 'created_at'
> & {
  /** Of a text that is carried: its size, and its bytes where they are kept inline. */
  readonly size: number | null;
  readonly inline: Uint8Array | null;
};

const EVENT = `b.branch_id, b.parent_branch_id, b.right_branch_id, b.root_document_id, b.mode, b.phase, b.event_id, b.event_type, b.payload,
  b.carried, b.diff_summary, b.text_hash, b.created_at, t.size, t.inline`;
const OF_EVENTS = `JOIN corpus_branches b ON b.zone_id = ? AND b.branch_id = line.branch_id
  LEFT JOIN blobs t ON b.carried IS NOT NULL AND t.blob_id = b.text_blob`;

const SIZES = `SELECT COUNT(*) AS events, CAST(COALESCE(SUM(b.payload_bytes), 0) AS BIGINT) AS bytes
  FROM line JOIN corpus_branches b ON b.zone_id = ? AND b.branch_id = line.branch_id`;

const sizesOf = async (tx: Tx, line: string, params: readonly SqlValue[]): Promise<PayloadSizes> =>
  (await tx.get<PayloadSizes>(`WITH RECURSIVE ${line} ${SIZES}`, params)) ?? { events: 0, bytes: 0 };

export const lineageSizes = (tx: Tx, key: BranchKey): Promise<PayloadSizes> =>
  sizesOf(tx, lineage('line'), [...start(key), key.zone_id]);

/** Root first. */
export const lineageEvents = (tx: Tx, key: BranchKey): Promise<EventRow[]> =>
  tx.all<EventRow>(
    `WITH RECURSIVE ${lineage('line')} SELECT ${EVENT} FROM line ${OF_EVENTS} ORDER BY line.branch_version`,
    [...start(key), key.zone_id],
  );

/**
 * A branch, and whatever was its parent or merged into it, or into one of those. The two sides are asked for one by one, as
 * SQLite looks through all branches for a key that is one of two columns.
 */
const FAMILY = `line(branch_id) AS (
    SELECT CAST(? AS TEXT)
    UNION
    SELECT CASE sides.side WHEN 0 THEN b.parent_branch_id ELSE b.right_branch_id END
    FROM line l JOIN corpus_branches b ON b.zone_id = ? AND b.branch_id = l.branch_id
    CROSS JOIN (SELECT 0 AS side UNION ALL SELECT 1) sides)`;
const family = ({ zone_id, branch_id }: BranchKey): SqlValue[] => [branch_id, zone_id, zone_id];

export const familySizes = (tx: Tx, key: BranchKey): Promise<PayloadSizes> => sizesOf(tx, FAMILY, family(key));

/** By time and event. */
export const familyEvents = (tx: Tx, key: BranchKey): Promise<EventRow[]> =>
  tx.all<EventRow>(
    `WITH RECURSIVE ${FAMILY} SELECT ${EVENT} FROM line ${OF_EVENTS} ORDER BY b.created_at, b.event_id`,
    family(key),
  );

/** The last branch that two lineages have in common. */
export async function commonAncestor(tx: Tx, left: BranchKey, right: BranchKey): Promise<string | null> {
  const row = await tx.get<{ branch_id: string }>(
    `WITH RECURSIVE ${lineage('ours')}, ${lineage('theirs')}
     SELECT ours.branch_id FROM ours JOIN theirs ON theirs.branch_id = ours.branch_id
     ORDER BY ours.branch_version DESC LIMIT 1`,
    [...start(left), ...start(right)],
  );
  return row?.branch_id ?? null;
}
