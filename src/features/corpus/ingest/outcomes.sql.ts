/** Rows of batches and of what came of their files. */
import type { RowsInsert, Tx } from '../../../ports/sql.ts';
import type { FileOutcome } from './batch.ts';

export interface OfJob {
  readonly zone_id: string;
  readonly job_id: string;
}

/** An outcome with its place in the batch. */
export interface OutcomeRow extends FileOutcome {
  readonly n: number;
}

const OUTCOME = ['n', 'path', 'status', 'document_id', 'checksum', 'error', 'warning', 'atoms'] as const;

const outcomeRows: RowsInsert = {
  into: 'corpus_outcomes',
  columns: ['zone_id', 'job_id', ...OUTCOME],
  // A file that was finished keeps its outcome.
  tail: 'ON CONFLICT (zone_id, job_id, n) DO NOTHING',
};

export const keepOutcomes = (tx: Tx, { zone_id, job_id }: OfJob, outcomes: readonly OutcomeRow[]): Promise<void> =>
  tx.insert(
    outcomeRows,
    outcomes.map((outcome) => [zone_id, job_id, ...OUTCOME.map((column) => outcome[column])]),
  );

export const listOutcomes = (tx: Tx, { zone_id, job_id }: OfJob): Promise<OutcomeRow[]> =>
  tx.all<OutcomeRow>(`SELECT ${OUTCOME.join(', ')} FROM corpus_outcomes WHERE zone_id = ? AND job_id = ? ORDER BY n`, [
    zone_id,
    job_id,
  ]);

/** The revision at which the batch reads: that of its first attempt. */
export async function beginBatchRow(tx: Tx, { zone_id, job_id }: OfJob, revision: number): Promise<number> {
  const insert = 'INSERT INTO corpus_batches (zone_id, job_id, revision) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
  await tx.run(insert, [zone_id, job_id, revision]);
  const row = await tx.get<{ revision: number }>(
    'SELECT revision FROM corpus_batches WHERE zone_id = ? AND job_id = ?',
    [zone_id, job_id],
  );
  return row?.revision ?? revision;
}

/** `fault`: JSON. */
export async function refuseBatchRow(tx: Tx, { zone_id, job_id }: OfJob, fault: string): Promise<void> {
  await tx.run('UPDATE corpus_batches SET refused = ? WHERE zone_id = ? AND job_id = ?', [fault, zone_id, job_id]);
}

/** Why it was refused as a whole, as JSON. */
export async function findRefusal(tx: Tx, { zone_id, job_id }: OfJob): Promise<string | null> {
  const row = await tx.get<{ refused: string | null }>(
    'SELECT refused FROM corpus_batches WHERE zone_id = ? AND job_id = ?',
    [zone_id, job_id],
  );
  return row?.refused ?? null;
}
