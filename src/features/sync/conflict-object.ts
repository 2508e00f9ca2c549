/** A conflict as clients see it. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { ConflictRow, SideRow } from './conflicts.sql.ts';
import { RESOLUTIONS } from './decide.ts';

const side = z.object({
  etag: z.string().nullable(),
  size: z.number().nullable(),
  modified_at: z.string().nullable(),
  deleted: z.boolean(),
});

export const conflictShape = z.object({
  conflict_id: z.string(),
  id: z.string(),
  mount_point: z.string(),
  path: z.string(),
  zone_id: z.string(),
  local: side,
  remote: side,
  base: side,
  status: z.enum(['open', 'resolved']),
  resolution: z.enum(RESOLUTIONS).nullable(),
  detected_at: z.string(),
  resolved_at: z.string().nullable(),
});
export type ConflictObject = z.infer<typeof conflictShape>;

const sideObject = ({ etag, size, modified_at }: SideRow): z.infer<typeof side> => ({
  etag,
  size,
  modified_at: modified_at === null ? null : isoTime(modified_at),
  deleted: etag === null,
});

export const sidesOf = (row: ConflictRow): Readonly<Record<'local' | 'remote' | 'base', SideRow>> => ({
  local: { etag: row.local_etag, size: row.local_size, modified_at: row.local_modified_at },
  remote: { etag: row.remote_etag, size: row.remote_size, modified_at: row.remote_modified_at },
  base: { etag: row.base_etag, size: row.base_size, modified_at: row.base_modified_at },
});

export function conflictObject(row: ConflictRow, shown: (path: string) => string): ConflictObject {
  const { local, remote, base } = sidesOf(row);
  return {
    conflict_id: row.conflict_id,
    id: row.conflict_id,
    mount_point: shown(row.mount_point),
    path: shown(row.path),
    zone_id: row.zone_id,
    local: sideObject(local),
    remote: sideObject(remote),
    base: sideObject(base),
    status: row.status,
    resolution: row.resolution,
    detected_at: isoTime(row.detected_at),
    resolved_at: row.resolved_at === null ? null : isoTime(row.resolved_at),
  };
}
