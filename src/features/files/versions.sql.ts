/**
 * Queries on the versions of a file, found by its id, so that history follows renames. A version may have several
 * states: set_metadata and rename make new ones with the same number. Guarantees: each version counts once; an index
 * leads to each, however long the history is.
 */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { type ContentRow, JOIN_BLOB, STATE_COLUMNS, type StateRow } from './files.sql.ts';
import type { View } from './view.ts';

/** States that the view, or the view as it was earlier, has. */
function within(alias: string, view: View): { readonly sql: string; readonly params: SqlValue[] } {
  const layers = view.layers.map(({ branch, at }) =>
    at === null
      ? { sql: `${alias}.branch = ?`, params: [branch] }
      : { sql: `(${alias}.branch = ? AND ${alias}.began <= ?)`, params: [branch, at] },
  );
  return { sql: `(${layers.map(({ sql }) => sql).join(' OR ')})`, params: layers.flatMap(({ params }) => params) };
}

export interface VersionQuery {
  readonly file_id: string;
  readonly version: number;
}

/** The newest state of one version, with its inline bytes: its metadata are those it came to have. */
export async function findVersion(tx: Tx, view: View, query: VersionQuery): Promise<ContentRow | undefined> {
  const seen = within('s', view);
  return tx.get<ContentRow>(
    `SELECT ${STATE_COLUMNS}, b.inline, b.utf8 FROM file_states s ${JOIN_BLOB}
     WHERE s.zone_id = ? AND s.file_id = ? AND s.version = ? AND s.kind = 'f' AND ${seen.sql}
     ORDER BY s.began DESC LIMIT 1`,
    [view.zone_id, query.file_id, query.version, ...seen.params],
  );
}

export interface VersionsQuery {
  readonly file_id: string;
  /** Only versions below this one. */
  readonly before: number;
  readonly limit: number;
}

/** The state with which each version began, newest version first. */
export async function listVersionStates(tx: Tx, view: View, query: VersionsQuery): Promise<StateRow[]> {
  const seen = within('s', view);
  const earlier = within('e', view);
  return tx.all<StateRow>(
    `SELECT ${STATE_COLUMNS} FROM file_states s
     WHERE s.zone_id = ? AND s.file_id = ? AND s.version < ? AND s.kind = 'f' AND ${seen.sql}
       AND NOT EXISTS (SELECT 1 FROM file_states e WHERE e.zone_id = s.zone_id AND e.file_id = s.file_id
         AND e.version = s.version AND e.began < s.began AND e.kind = 'f' AND ${earlier.sql})
     ORDER BY s.version DESC LIMIT ?`,
    [view.zone_id, query.file_id, query.before, ...seen.params, ...earlier.params, query.limit],
  );
}
