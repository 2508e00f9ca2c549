/** Rows of uploads. The uploads of one commit are looked up, counted and inserted by few statements together. */
import { isPlainText } from '../../base/texts.ts';
import type { Foresight, RowsInsert, SqlValue, Statement, Tx } from '../../ports/sql.ts';
import type { Segment, UploadRow } from './upload.ts';

const COLUMNS = `upload_id, zone_id, owner, agent_id, kind, path, status, length, received, metadata, concat, content_type,
  file_metadata, held, segments, staged, token, lock_until, wanted, result, created_at, expires_at`;

const NAMES = COLUMNS.split(',').map((name) => name.trim());

const TABLE = 'uploads';

export async function findUpload(tx: Tx, zone_id: string, upload_id: string): Promise<UploadRow | undefined> {
  const kept = tx.kept<UploadRow>(TABLE, upload_id);
  if (kept === undefined) {
    return tx.get<UploadRow>(`SELECT ${COLUMNS} FROM uploads WHERE upload_id = ? AND zone_id = ?`, [
      upload_id,
      zone_id,
    ]);
  }
  return kept?.zone_id === zone_id ? kept : undefined;
}

/** What a write to an upload is going to look up. */
export const foreseeUpload = (upload_id: string): Foresight => ({ keys: [upload_id], lookUp });

async function lookUp(tx: Tx, ids: readonly string[]): Promise<void> {
  const rows = await tx.all<UploadRow>(
    `SELECT ${COLUMNS} FROM uploads WHERE upload_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [JSON.stringify(ids)],
  );
  const found = new Map(rows.map((row) => [row.upload_id, row]));
  for (const id of ids) tx.know(TABLE, id, found.get(id) ?? null);
}

export async function zoneOfUpload(tx: Tx, upload_id: string): Promise<string | undefined> {
  if (!isPlainText(upload_id)) return undefined;
  const row = await tx.get<{ zone_id: string }>('SELECT zone_id FROM uploads WHERE upload_id = ?', [upload_id]);
  return row?.zone_id;
}

export function listByIds(tx: Tx, zone_id: string, ids: readonly string[]): Promise<UploadRow[]> {
  return tx.all<UploadRow>(
    `SELECT ${COLUMNS} FROM uploads WHERE zone_id = ? AND upload_id IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(ids)],
  );
}

const INSERT: RowsInsert = { into: TABLE, columns: NAMES };

export async function insertUpload(tx: Tx, row: UploadRow): Promise<void> {
  await tx.insert(INSERT, [NAMES.map((name) => (row as unknown as Record<string, SqlValue>)[name] ?? null)]);
  addOpen(tx, row, 1);
}

export interface Counts {
  readonly zone: number;
  readonly caller: number;
}

type Owner = Pick<UploadRow, 'zone_id' | 'owner' | 'agent_id'>;

/** Those of a zone, whoever asks, then by whoever asked. It is no id of an upload. */
const openKey = (zone_id: string): string => `open\n${zone_id}`;
const callerKey = ({ owner, agent_id }: Owner): string => `${owner}\n${agent_id}`;

interface Open {
  readonly zone: number;
  readonly callers: ReadonlyMap<string, number>;
}

/** Uploads that are not complete. */
export async function countOpen(tx: Tx, of: Owner): Promise<Counts> {
  const kept = tx.kept<Open>(TABLE, openKey(of.zone_id));
  const caller = kept?.callers.get(callerKey(of));
  if (kept && caller !== undefined) return { zone: kept.zone, caller };
  const counts = await readOpen(tx, of);
  const callers = new Map(kept?.callers).set(callerKey(of), counts.caller);
  tx.know(TABLE, openKey(of.zone_id), { zone: counts.zone, callers } satisfies Open);
  return counts;
}

/** One more or less, for the writes of the same commit. */
function addOpen(tx: Tx, of: Owner, by: number): void {
  const kept = tx.kept<Open>(TABLE, openKey(of.zone_id));
  if (!kept) return;
  const callers = new Map(kept.callers);
  const caller = callers.get(callerKey(of));
  if (caller !== undefined) callers.set(callerKey(of), caller + by);
  tx.know(TABLE, openKey(of.zone_id), { zone: kept.zone + by, callers } satisfies Open);
}

const isOpen = ({ status }: Pick<UploadRow, 'status'>): boolean => status === 'open' || status === 'failed';

async function readOpen(tx: Tx, of: Owner): Promise<Counts> {
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
  const { sql, params } = changing(upload_id, change);
  await tx.run(sql, params);
}

function changing(upload_id: string, change: Change): Statement {
  const given = Object.entries(change).filter(([, value]) => value !== undefined) as [string, SqlValue][];
  const sets = given.map(([name]) => `${name} = ?`).join(', ');
  return {
    sql: `UPDATE uploads SET ${sets} WHERE upload_id = ?`,
    params: [...given.map(([, value]) => value), upload_id],
  };
}

/** Rows as a write left them that are not in their table yet: a save holds only what differs from there. */
const unsaved = new WeakSet<object>();

/** The same of a row that was looked up, with the other writes of its commit. Its length may be ahead of the table. */
export async function keepUpload(tx: Tx, row: UploadRow, change: Change): Promise<void> {
  const { upload_id } = row;
  if (unsaved.has(tx.kept<UploadRow>(TABLE, upload_id) ?? {})) return changeUpload(tx, upload_id, change);
  const now: UploadRow = { ...row, ...change };
  const news = Object.entries(change).filter(
    ([name, value]) => name === 'length' || value !== (row as unknown as Record<string, unknown>)[name],
  );
  unsaved.add(now);
  await tx.keep(TABLE, upload_id, { row: now, save: changing(upload_id, Object.fromEntries(news)) });
  addOpen(tx, row, Number(isOpen(now)) - Number(isOpen(row)));
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
