/** What of the corpus goes when a zone ends, and where it names blobs. */
import type { Tx } from '../../ports/sql.ts';
import type { Reference } from '../content/collect.sql.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';

/** What was ingested as it was read, and the text that was found in it; the texts of branches, and those that they began with. */
export const corpusContents: readonly Reference[] = [
  { table: 'corpus_documents', column: 'raw_blob' },
  { table: 'corpus_documents', column: 'text_blob' },
  { table: 'corpus_branches', column: 'text_blob' },
  { table: 'corpus_branches', column: 'root_blob' },
  { table: 'corpus_remixes', column: 'text_blob' },
];

/** Tables with rows of a zone, each with what names a row in it. */
const TABLES: readonly (readonly [string, string])[] = [
  ['corpus_blocks', 'zone_id, document_id, state, level, block'],
  ['corpus_outcomes', 'zone_id, job_id, n'],
  ['corpus_batches', 'zone_id, job_id'],
  ['corpus_run_layers', 'zone_id, run_id, n'],
  ['corpus_runs', 'zone_id, run_id'],
  ['corpus_ml_jobs', 'zone_id, job_id'],
  ['corpus_raw_jobs', 'zone_id, job_id'],
  ['corpus_job_paths', 'zone_id, job_id, path'],
  ['corpus_branches', 'zone_id, branch_id'],
  ['corpus_remixes', 'zone_id, remix_id'],
  ['corpus_bases', 'zone_id, kind, thing_id, document_id'],
  ['corpus_documents', 'zone_id, document_id'],
];

async function removeCorpus(tx: Tx, zone_id: string, rows: number): Promise<number> {
  let removed = 0;
  for (const [table, key] of TABLES) {
    if (removed >= rows) break;
    removed += await tx.run(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE zone_id = ? LIMIT ?)`,
      [zone_id, rows - removed],
    );
  }
  return removed;
}

export const removeCorpusOf = rowFinalizer('corpus', removeCorpus);
