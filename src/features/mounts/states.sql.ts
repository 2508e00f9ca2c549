/** Queries on states of files below mounts that nobody else asks. */
import { ancestorsOf, rangeBelow } from '../../base/paths.ts';
import { atOrBelow } from '../../ports/path-range.ts';
import { OPEN_END, type SqlValue, type Tx } from '../../ports/sql.ts';
import { MAIN } from '../files/view.ts';

interface Begun {
  readonly path: string;
  readonly kind: 'f' | 'd';
  readonly etag: string;
  readonly size: number;
}

/** What a change made at and below a path, from the top down. */
export function listBegun(
  tx: Tx,
  { zone_id, path, revision }: { readonly zone_id: string; readonly path: string; readonly revision: number },
): Promise<Begun[]> {
  const within = atOrBelow('path', path);
  return tx.all<Begun>(
    `SELECT path, kind, COALESCE(etag, '') AS etag, size FROM file_states
     WHERE zone_id = ? AND branch = '${MAIN}' AND ${within.sql} AND began = ? ORDER BY path`,
    [zone_id, ...within.params, revision],
  );
}

/** Etags of the states that a change ended. */
export function listEnded(
  tx: Tx,
  {
    zone_id,
    paths,
    revision,
  }: { readonly zone_id: string; readonly paths: readonly string[]; readonly revision: number },
): Promise<{ path: string; etag: string | null }[]> {
  return tx.all(
    `SELECT path, etag FROM file_states WHERE zone_id = ? AND branch = '${MAIN}' AND ended = ? AND kind = 'f'
     AND path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, revision, JSON.stringify(paths)],
  );
}

/** "Older contents are not kept": of some paths, what ended before the newest change. */
export async function dropPast(
  tx: Tx,
  {
    zone_id,
    paths,
    revision,
  }: { readonly zone_id: string; readonly paths: readonly string[]; readonly revision: number },
): Promise<void> {
  await tx.run(
    `DELETE FROM file_states WHERE zone_id = ? AND branch = '${MAIN}' AND ended < ?
     AND path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, revision, JSON.stringify(paths)],
  );
}

export interface Below {
  readonly zone_id: string;
  readonly mount_point: string;
  /** Points of other mounts below it, which keep what is theirs and the way to it. */
  readonly nested: readonly string[];
}

/** Of rows with a path, those below a mount point that lie in no nested mount and on no way to one. */
function ownBelow({ mount_point, nested }: Below): { readonly sql: string; readonly params: readonly SqlValue[] } {
  const range = rangeBelow(mount_point);
  const others = nested.map((point) => atOrBelow('path', point));
  const ways = [...new Set(nested.flatMap(ancestorsOf))];
  return {
    sql: ['path > ? AND path < ?', ...others.map(({ sql }) => `NOT (${sql})`), ...ways.map(() => 'path <> ?')].join(
      ' AND ',
    ),
    params: [range.from, range.to, ...others.flatMap(({ params }) => params), ...ways],
  };
}

/** Is there anything of the tree below a mount point? */
export async function hasOwnBelow(tx: Tx, below: Below): Promise<boolean> {
  const own = ownBelow(below);
  const found = await tx.get(
    `SELECT 1 AS one FROM file_states WHERE zone_id = ? AND branch = '${MAIN}' AND ended = ${OPEN_END} AND ${own.sql} LIMIT 1`,
    [below.zone_id, ...own.params],
  );
  return found !== undefined;
}

/** Everything that is known below a mount point goes, the past too; `counted`: what of it counted for the zone. */
export async function dropBelow(tx: Tx, below: Below): Promise<{ readonly files: number; readonly bytes: number }> {
  const own = ownBelow(below);
  const params = [below.zone_id, ...own.params];
  const counted = await tx.get<{ files: number; bytes: number }>(
    `SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM file_states
     WHERE zone_id = ? AND branch = '${MAIN}' AND ended = ${OPEN_END} AND kind = 'f' AND ${own.sql}
       AND path IN (SELECT path FROM mount_files WHERE zone_id = ? AND counted = 1)`,
    [...params, below.zone_id],
  );
  await tx.run(`DELETE FROM file_states WHERE zone_id = ? AND branch = '${MAIN}' AND ${own.sql}`, params);
  for (const table of ['mount_files', 'mount_pending', 'mount_intents']) {
    await tx.run(`DELETE FROM ${table} WHERE zone_id = ? AND ${own.sql}`, params);
  }
  return counted ?? { files: 0, bytes: 0 };
}

/** Several states end at a revision. */
export async function endStates(
  tx: Tx,
  {
    zone_id,
    paths,
    revision,
  }: { readonly zone_id: string; readonly paths: readonly string[]; readonly revision: number },
): Promise<void> {
  if (paths.length === 0) return;
  await tx.run(
    `UPDATE file_states SET ended = ? WHERE zone_id = ? AND branch = '${MAIN}' AND ended = ${OPEN_END}
     AND path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [revision, zone_id, JSON.stringify(paths)],
  );
}

export interface Fill {
  readonly path: string;
  readonly began: number;
  readonly sha256: string;
  readonly size: number;
  readonly encoding: string;
}

/** A state whose content was not known yet gets it; nothing else of it changes. */
export async function fillState(tx: Tx, zone_id: string, { path, began, sha256, size, encoding }: Fill): Promise<void> {
  await tx.run(
    `UPDATE file_states SET etag = ?, size = ?, encoding = ?, blob_id = (SELECT blob_id FROM blobs WHERE sha256 = ?)
     WHERE zone_id = ? AND branch = '${MAIN}' AND path = ? AND began = ? AND etag = ''`,
    [sha256, size, encoding, sha256, zone_id, path, began],
  );
}

/** Small contents by their hash. */
export async function listInline(tx: Tx, hashes: readonly string[]): Promise<[string, Uint8Array][]> {
  if (hashes.length === 0) return [];
  const rows = await tx.all<{ sha256: string; inline: Uint8Array }>(
    `SELECT sha256, inline FROM blobs WHERE inline IS NOT NULL AND sha256 IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [JSON.stringify(hashes)],
  );
  return rows.map(({ sha256, inline }) => [sha256, inline]);
}
