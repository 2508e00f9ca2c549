/**
 * What happened at a path between two views, as one caller may see it. Pure. Guarantees: a path has at most one change;
 * a file that moved is told once, where it is now, if the caller may read both places; a side that the caller may not
 * read is as good as empty.
 */
import { isBelow } from '../../../base/paths.ts';
import type { PathSet } from '../../../core/call/access.ts';
import type { PairRow, Side } from './diff.sql.ts';

export interface Change {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'modified' | 'renamed';
  readonly old_path?: string;
  readonly before: Side | undefined;
  readonly after: Side | undefined;
}

export interface Sight {
  readonly before: PathSet;
  readonly after: PathSet;
  /** The place that is compared. */
  readonly path: string;
}

export function changeOf(row: PairRow, sight: Sight): Change | undefined {
  const { path } = row;
  const before = row.a_kind !== null && sight.before.has(path) ? sideOf(row, 'a') : undefined;
  const after = row.b_kind !== null && sight.after.has(path) ? sideOf(row, 'b') : undefined;
  const inside = (place: string): boolean => place === sight.path || isBelow(place, sight.path);
  const { came_from, went_to } = row;
  if (after && came_from !== null && inside(came_from) && sight.before.has(came_from)) {
    return { path, change: 'renamed', old_path: came_from, before, after };
  }
  if (before && after) return isSame(before, after) ? undefined : { path, change: 'modified', before, after };
  if (after) return { path, change: 'added', before, after };
  if (!before || (went_to !== null && inside(went_to) && sight.after.has(went_to))) return undefined;
  return { path, change: 'removed', before, after };
}

function sideOf(row: PairRow, side: 'a' | 'b'): Side {
  return {
    kind: row[`${side}_kind`],
    file_id: row[`${side}_file_id`],
    etag: row[`${side}_etag`],
    size: row[`${side}_size`],
    version: row[`${side}_version`],
    encoding: row[`${side}_encoding`],
    content_type: row[`${side}_content_type`],
    metadata: row[`${side}_metadata`],
  };
}

/** Equal in all that a restore would bring back. */
const isSame = (one: Side, other: Side): boolean =>
  one.kind === other.kind &&
  one.etag === other.etag &&
  one.encoding === other.encoding &&
  one.content_type === other.content_type &&
  one.metadata === other.metadata;
