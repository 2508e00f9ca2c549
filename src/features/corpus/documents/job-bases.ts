/** Jobs on documents that a viewer may not read are not there for him (corpus.md §2, infrastructure.md §7). */
import type { Call } from '../../../core/operation.ts';
import type { JobBases } from '../../jobs/beside.ts';
import type { QueuedJob } from '../../jobs/queued-job.ts';
import { keepBases, listBases, type Thing } from './bases.sql.ts';
import { findDocuments } from './documents.sql.ts';
import { seenThings, seesThing } from './sight.ts';

/** What every type of jobs on documents keeps with its jobs; asked by the jobs API. */
export const jobBases: JobBases = {
  seen: (call) => seenThings(call, 'job', 'jobs.job_id'),
  sees: (call, job_id) => seesThing(call, 'job', job_id),
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
