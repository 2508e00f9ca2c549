/** Jobs on documents that a viewer may not read are not there for him (corpus.md §2, infrastructure.md §7). */
import { z } from 'zod';
import type { Call, Operation } from '../../../core/operation.ts';
import type { RowsInsert } from '../../../ports/sql.ts';
import { belowAny } from '../../files/within.ts';
import type { JobBases } from '../../jobs/beside.ts';
import type { QueuedJob } from '../../jobs/queued-job.ts';
import { keepBases, listBases, type Thing } from './bases.sql.ts';
import { findDocuments } from './documents.sql.ts';
import { seenThings, seesThing } from './sight.ts';

/** Whose jobs stand on documents: of all others nothing need be looked up, however many there are. */
export const ON_DOCUMENTS = ['ingest_batch', 'analyze', 'branch_replay', 'integrity_audit'] as const;
const NAMES = ON_DOCUMENTS.map((type) => `'${type}'`).join(', ');

/** What every type of jobs on documents keeps with its jobs; asked by the jobs API. */
export const jobBases: JobBases = {
  seen: async (call) => {
    const readable = await call.access.readable();
    if (readable.everything) return { sql: '', params: [] };
    const things = await seenThings(call, 'job', 'jobs.job_id');
    return {
      sql: ` AND (jobs.type NOT IN (${NAMES}) OR (1 = 1${things.sql} AND NOT EXISTS (SELECT 1 FROM corpus_job_paths p
        WHERE p.zone_id = ? AND p.job_id = jobs.job_id AND NOT ${belowAny('p.path', call.tx.dialect)})))`,
      params: [...things.params, call.zone.zone_id, JSON.stringify(readable.roots)],
    };
  },
  sees: async (call, job_id) => {
    if (!(await seesThing(call, 'job', job_id))) return false;
    const named = await call.tx.all<{ path: string }>(
      'SELECT path FROM corpus_job_paths WHERE zone_id = ? AND job_id = ?',
      [call.zone.zone_id, job_id],
    );
    if (named.length === 0) return true;
    const readable = await call.access.readable();
    return named.every(({ path }) => readable.has(path));
  },
};

type Queued = Pick<QueuedJob<unknown>, 'job_id'>;

/** Stands on these documents, so far as they are there. Whether its submitter may see them is asked when it runs. */
export async function standOnDocuments(call: Call, { job_id }: Queued, ids: readonly string[]): Promise<void> {
  const { zone_id } = call.context;
  const rows = await findDocuments(
    call.tx,
    zone_id,
    ids.map((id) => id.toLowerCase()),
  );
  await keepBases(call.tx, zone_id, { kind: 'job', thing_id: job_id, documents: rows.map((row) => row.document_id) });
}

/** Stands on what another thing stands on. */
export async function standOnThing(call: Call, { job_id }: Queued, thing: Thing): Promise<void> {
  const { zone_id } = call.context;
  const documents = await listBases(call.tx, zone_id, { ...thing, thing_id: thing.thing_id.toLowerCase() });
  await keepBases(call.tx, zone_id, { kind: 'job', thing_id: job_id, documents });
}

const pathRows: RowsInsert = {
  into: 'corpus_job_paths',
  columns: ['zone_id', 'job_id', 'path'],
  tail: 'ON CONFLICT (zone_id, job_id, path) DO NOTHING',
};

/** Is about these files and folders of the zone, documents or not. */
export const standOnPaths = (call: Call, { job_id }: Queued, paths: readonly string[]): Promise<void> =>
  call.tx.insert(
    pathRows,
    [...new Set(paths)].map((path) => [call.zone.zone_id, job_id, path]),
  );

const looked = z.object({ job_id: z.string(), documents: z.array(z.string()) });

/** Of a job that finds out what it stands on while it runs. */
export const keepJobDocuments: Operation<z.infer<typeof looked>, null> = {
  name: 'corpus.keep-job-documents',
  summary: 'Note documents that a job has looked at.',
  effect: 'write',
  who: 'root admin',
  internal: true,
  faults: [],
  input: looked,
  output: z.null(),
  run: async ({ tx, zone }, { job_id, documents }) => {
    await keepBases(tx, zone.zone_id, { kind: 'job', thing_id: job_id, documents });
    return null;
  },
};
