/** Two views of the tree side by side. Each query is one statement and costs by what may have changed, not by the tree. */
import type { Tx } from '../../../ports/sql.ts';
import { type PastView, selectStates } from '../view.ts';
import { changedPaths, columnsOf, joinView, type Scope } from './pathwise.ts';

const SIDE = ['kind', 'file_id', 'etag', 'size', 'version', 'encoding', 'content_type', 'metadata'] as const;

/** What one side has at a path; `kind` null for nothing. */
export interface Side {
  readonly kind: 'f' | 'd' | null;
  readonly file_id: string | null;
  readonly etag: string | null;
  readonly size: number | null;
  readonly version: number | null;
  readonly encoding: string | null;
  readonly content_type: string | null;
  readonly metadata: string | null;
}

type Prefixed<P extends string> = { readonly [K in keyof Side as `${P}_${K}`]: Side[K] };

export interface PairRow extends Prefixed<'a'>, Prefixed<'b'> {
  readonly path: string;
  /** Where the file that is there now was before, and where the one that was there went, if that is another path. */
  readonly came_from: string | null;
  readonly went_to: string | null;
}

/** Paths at which `before` and `after` may differ, in path order, with what each has there. */
export function listPairs(
  tx: Tx,
  views: { readonly before: PastView; readonly after: PastView },
  page: Scope & { readonly limit: number },
): Promise<PairRow[]> {
  const { before, after } = views;
  const changed = changedPaths(before, after, page);
  const a = joinView(before, 'a', 'c.path');
  const b = joinView(after, 'b', 'c.path');
  const there = (view: PastView, file_id: string) =>
    selectStates(view, { columns: 's.path', where: `s.file_id = ${file_id}`, params: [] });
  const from = there(before, 'd.b_file_id');
  const to = there(after, 'd.a_file_id');
  return tx.all<PairRow>(
    `SELECT d.*,
       CASE WHEN b_kind IS NOT NULL AND a_file_id IS DISTINCT FROM b_file_id THEN (${from.sql} LIMIT 1) END AS came_from,
       CASE WHEN a_kind IS NOT NULL AND b_kind IS NULL THEN (${to.sql} LIMIT 1) END AS went_to
     FROM (SELECT c.path, ${columnsOf(a, 'a', SIDE)}, ${columnsOf(b, 'b', SIDE)}
       FROM (SELECT path FROM (${changed.sql}) u ORDER BY path LIMIT ?) c ${a.sql} ${b.sql}) d
     ORDER BY path`,
    [...from.params, ...to.params, ...changed.params, page.limit, ...a.params, ...b.params],
  );
}
