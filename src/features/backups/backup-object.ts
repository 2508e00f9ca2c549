/** A backup as callers see it: its manifest where it is there, else what is known of who makes it. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { type Manifest, manifestShape } from './manifest.ts';
import type { RunRow } from './runs.sql.ts';

const facts = manifestShape.omit({ parts: true }).partial();

export const backupShape = z.object({
  ...facts.shape,
  id: z.string(),
  /** `damaged`: its manifest is not as it was written. */
  status: z.enum(['queued', 'running', 'succeeded', 'failed', 'damaged']),
  at: z.string(),
  phase: z.string().optional(),
  done: z.number().optional(),
  total: z.number().optional(),
  error: z.string().nullable(),
});
export type BackupObject = z.infer<typeof backupShape>;

export function backupOf({ parts: _parts, ...manifest }: Manifest): BackupObject {
  return { ...manifest, status: 'succeeded', error: null };
}

export const damagedObject = (id: string): BackupObject => ({
  id,
  status: 'damaged',
  at: isoTime(timeOf(id)),
  error: 'its manifest is not as it was written',
});

/** `bk-20260102t030405678z-…` → milliseconds. */
const timeOf = (id: string): number =>
  Date.parse(id.replace(/^bk-(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)(\d{3})z.*$/, '$1-$2-$3T$4:$5:$6.$7Z'));

export const runObject = (run: RunRow): BackupObject => ({
  id: run.backup_id,
  status: run.status,
  at: isoTime(run.created_at),
  reason: run.reason,
  phase: run.phase,
  done: run.done,
  total: run.total,
  error: run.error,
});
