/** What has come of a batch so far. */
import type { Transport } from '../../../../../client/transport.ts';
import type { IngestStatus } from '../../../../features/corpus/ingest/ingest.operations.ts';
import { lineOf, send } from '../../derived.ts';

export const statusOf = async (transport: Transport, ingest_job_id: string): Promise<IngestStatus> =>
  (await send(transport, lineOf('corpus ingest-status'), { ingest_job_id })) as IngestStatus;
