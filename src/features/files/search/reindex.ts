/**
 * The index of trigrams is made anew. Guarantee: no answer depends on it, neither while it is empty nor while it is filled;
 * what is to be put into it stands in rows once this has committed.
 */
import type { Call } from '../../../core/operation.ts';
import { listUnfinished } from '../../jobs/house.sql.ts';
import { enqueueHousework } from '../../jobs/queue.ts';
import { emptyIndex } from './trigram-index.sql.ts';

/** The type of the server's own jobs that fill it. */
export const SEARCH_INDEX = 'search_index';

/** In zone root, where those jobs lie; gives the one that fills it. */
export async function resetIndex(call: Call): Promise<string> {
  await emptyIndex(call.tx);
  const [before] = await listUnfinished(call.tx, SEARCH_INDEX);
  return before?.job_id ?? (await enqueueHousework(call, { type: SEARCH_INDEX })).job.job_id;
}
