/** Rows of uploads. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import type { Segment, UploadRow } from './upload.ts';

const COLUMNS = `upload_id, zone_id, owner, agent_id, kind, path, status, length, received, metadata, concat, content_type,
  file_metadata, held, segments, staged, token, lock_until, wanted, result, created_at, expires_at`;

const NAMES = COLUMNS.split(',').map((name) => name.trim());

export const findUpload = (tx: Tx, zone_id: string, upload_id: string): Promise<UploadRow | undefined> =>
  tx.get<UploadRow>(`SELECT ${COLUMNS} FROM uploads WHERE upload_id = ? AND zone_id = ?`, [upload_id, zone_id]);

export async function zoneOfUpload(tx: Tx, upload_id: string): Promise<string | undefined> {
  const row = await tx.get<{ zone_id: string }>('SELECT zone_id FROM uploads WHERE upload_id = ?', [upload_id]);
  return row?.zone_id;
}

export function listByIds(tx: Tx, zone_id: string, ids: readonly string[]): Promise<UploadRow[]> {
  return tx.all<UploadRow>(
    `SELECT ${COLUMNS} FROM uploads WHERE zone_id = ? AND upload_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(ids)],
  );
}

export async function insertUpload(tx: Tx, row: UploadRow): Promise<void> {
  const values = NAMES.map((name) => (row as unknown as Record<string, SqlValue>)[name] ?? null);
  await tx.run(`INSERT INTO uploads (${COLUMNS}) VALUES (${NAMES.map(() => '?').join(', ')})`, values);
}

export interface Counts {
  readonly zone: number;
  readonly caller: number;
}

/** Uploads that are not complete. */
export async function countOpen(tx: Tx, of: Pick<UploadRow, 'zone_id' | 'owner' | 'agent_id'>): Promise<Counts> {
  const row = await tx.get<Counts>(
    `SELECT COUNT(*) AS zone, COALESCE(SUM(CASE WHEN owner = ? AND agent_id = ? THEN 1 ELSE 0 END), 0) AS caller
     FROM uploads WHERE zone_id = ? AND status IN ('open', 'failed')`,
    [of.owner, of.agent_id, of.zone_id],
  );
  return { zone: Number(row?.zone ?? 0), caller: Number(row?.caller ?? 0) };
}

export type Change = Partial<
  Pick<
    UploadRow,
    | 'status'
    | 'length'
    | 'received'
    | 'held'
    | 'segments'
    | 'staged'
    | 'token'
    | 'lock_until'
    | 'wanted'
    | 'result'
    | 'expires_at'
  >
>;

/** Sets what is named and leaves the rest. */
export async function changeUpload(tx: Tx, upload_id: string, change: Change): Promise<void> {
  const given = Object.entries(change).filter(([, value]) => value !== undefined) as [string, SqlValue][];
  const sets = given.map(([name]) => `${name} = ?`).join(', ');
  await tx.run(`UPDATE uploads SET ${sets} WHERE upload_id = ?`, [...given.map(([, value]) => value), upload_id]);
}

export async function deleteUpload(tx: Tx, upload_id: string): Promise<void> {
  await tx.run('DELETE FROM uploads WHERE upload_id = ?', [upload_id]);
}

export const segmentsText = (segments: readonly Segment[]): string => JSON.stringify(segments);

export interface PageOf {
  readonly zone_id: string;
  /** undefined: of everybody. */
  readonly owner: string | undefined;
  readonly agent_id: string | undefined;
  readonly now: number;
  /** Id of the last one on the page before; empty for the first page. */
  readonly before: string;
  readonly limit: number;
}

/** Newest first, which is the order of their ids. */
export function listUploads(tx: Tx, page: PageOf): Promise<UploadRow[]> {
  const conditions = ['zone_id = ?', "status <> 'ended'", 'expires_at > ?'];
  const params: SqlValue[] = [page.zone_id, page.now];
  const add = (condition: string, value: SqlValue): void => {
    conditions.push(condition);
    params.push(value);
  };
  if (page.owner !== undefined) add('owner = ?', page.owner);
  if (page.agent_id !== undefined) add('agent_id = ?', page.agent_id);
  if (page.before !== '') add('upload_id < ?', page.before);
  return tx.all<UploadRow>(
    `SELECT ${COLUMNS} FROM uploads WHERE ${conditions.join(' AND ')} ORDER BY upload_id DESC LIMIT ?`,
    [...params, page.limit],
  );
}

export interface Expired {
  readonly upload_id: string;
  readonly zone_id: string;
}

/** Uploads whose time was over at `now` and that still have bytes. */
export function listExpired(tx: Tx, now: number, limit: number): Promise<Expired[]> {
  return tx.all<Expired>(
    `SELECT upload_id, zone_id FROM uploads
     WHERE expires_at <= ? AND (staged = 1 OR status <> 'ended') ORDER BY expires_at LIMIT ?`,
    [now, limit],
  );
}

/** Those that are told as gone no longer. */
export function dropForgotten(tx: Tx, before: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM uploads WHERE upload_id IN
       (SELECT upload_id FROM uploads WHERE expires_at <= ? AND staged = 0 ORDER BY expires_at LIMIT ?)`,
    [before, limit],
  );
}

export async function listOfZone(tx: Tx, zone_id: string, limit: number): Promise<string[]> {
  const rows = await tx.all<{ upload_id: string }>('SELECT upload_id FROM uploads WHERE zone_id = ? LIMIT ?', [
    zone_id,
    limit,
  ]);
  return rows.map(({ upload_id }) => upload_id);
}

export async function dropThese(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.run(`DELETE FROM uploads WHERE upload_id IN (SELECT value FROM ${tx.dialect.textsOf})`, [
    JSON.stringify(ids),
  ]);
}

/** Which of these acts of the stage have no upload. */
export async function withoutRow(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.all<{ value: string }>(
    `SELECT value FROM ${tx.dialect.textsOf} WHERE value NOT IN (SELECT upload_id FROM uploads)`,
    [JSON.stringify(ids)],
  );
  return rows.map(({ value }) => value);
}

/** Locks whose holder is known to be dead, as the only server of a database knows at its start. */
export async function endLocks(tx: Tx): Promise<void> {
  await tx.run('UPDATE uploads SET lock_until = 0 WHERE lock_until IS NOT NULL AND lock_until > 0', []);
}
