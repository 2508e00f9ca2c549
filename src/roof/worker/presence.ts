/** Who a worker is to others: its name, and the row by which it is known to be there (infrastructure.md §8). */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { VERSION } from '../../base/version.ts';
import type { WorkerRow } from '../../features/jobs/workers.sql.ts';
import type { WorkerSettings } from './settings.ts';

export const workerId = (name: string): string =>
  `${name === '' ? '' : `${name}-`}${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;

type Presence = Pick<WorkerRow, 'worker_id' | 'status' | 'processed' | 'failed' | 'started_at'>;

export const presenceOf = (
  { kind, slots, beatMs }: Pick<WorkerSettings, 'kind' | 'slots' | 'beatMs'>,
  presence: Presence,
): Omit<WorkerRow, 'beat_at'> => ({
  ...presence,
  kind,
  hostname: hostname(),
  pid: process.pid,
  version: VERSION,
  slots,
  beat_ms: beatMs,
});
