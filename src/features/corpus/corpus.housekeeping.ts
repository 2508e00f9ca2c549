/** What of the corpus goes with old jobs, as a step of the server itself; no door reaches it. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';

/** What is kept beside jobs: the table, the column that names the job, and which of its rows. */
const BESIDE_JOBS: readonly (readonly [string, string, string])[] = [
  ['corpus_outcomes', 'job_id', ''],
  ['corpus_batches', 'job_id', ''],
  ['corpus_ml_jobs', 'job_id', ''],
  ['corpus_raw_jobs', 'job_id', ''],
  ['corpus_job_paths', 'job_id', ''],
  ['corpus_bases', 'thing_id', "AND kind = 'job'"],
];

/** In a zone of which jobs were removed. */
export const forgetJobs: Operation<Record<string, never>, number> = {
  name: 'corpus.forget-jobs',
  summary: 'Remove what was kept beside jobs that are gone.',
  effect: 'destroy',
  who: 'root admin',
  internal: true,
  anyZone: true,
  input: z.object({}),
  output: z.number(),
  faults: [],
  run: async ({ tx, zone }) => {
    let removed = 0;
    for (const [table, job, which] of BESIDE_JOBS) {
      removed += await tx.run(
        `DELETE FROM ${table} WHERE zone_id = ? ${which} AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.job_id = ${table}.${job})`,
        [zone.zone_id],
      );
    }
    return removed;
  },
};
