/** Rows of zones. The row carries the zone's sequence and its counters, so a write locks it first and ends with it. */
import type { ZoneRow } from '../../core/operation.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';

export interface ZoneRecord extends ZoneRow {
  readonly name: string;
  readonly domain: string | null;
  readonly description: string | null;
  readonly finalizers: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly deleted_at: number | null;
}

const CALL_COLUMNS = `zone_id, phase, limits, seq, seq_at, access_revision, audit_seq, audit_hash, used_storage_bytes, used_files,
  used_keys, used_tuples, oldest_revision, mounts_revision`;

/** The zone as a reading call sees it. */
export const findZone = (tx: Tx, zone_id: string): Promise<ZoneRow | undefined> =>
  tx.get<ZoneRow>(`SELECT ${CALL_COLUMNS} FROM zones WHERE zone_id = ?`, [zone_id]);

/** The same, locked against every other writing call of the zone until the transaction ends. */
export async function lockZone(tx: Tx, zone_id: string): Promise<ZoneRow | undefined> {
  const kept = tx.kept<ZoneRow>('zones', zone_id);
  if (kept) return kept;
  const sql = `SELECT ${CALL_COLUMNS} FROM zones WHERE zone_id = ?${tx.dialect.forUpdate}`;
  const row = await tx.get<ZoneRow>(sql, [zone_id]);
  if (row) tx.know('zones', zone_id, row);
  return row;
}

/** Stands for a zone that is not there, where that is as good as an empty one. */
export const noZone = (zone_id: string): ZoneRow => ({
  zone_id,
  phase: 'none',
  limits: '{}',
  seq: 0,
  seq_at: 0,
  access_revision: 0,
  audit_seq: 0,
  audit_hash: '',
  used_storage_bytes: 0,
  used_files: 0,
  used_keys: 0,
  used_tuples: 0,
  oldest_revision: 0,
  mounts_revision: 0,
});

const SAVE_ZONE = `UPDATE zones SET seq = ?, seq_at = ?, access_revision = ?, audit_seq = ?, audit_hash = ?, used_storage_bytes = ?,
  used_files = ?, used_keys = ?, used_tuples = ?, mounts_revision = ? WHERE zone_id = ?`;

/** The row as a writing call leaves it. */
export function keepZone(tx: Tx, row: ZoneRow): Promise<void> {
  const params = [
    row.seq,
    row.seq_at,
    row.access_revision,
    row.audit_seq,
    row.audit_hash,
    row.used_storage_bytes,
    row.used_files,
    row.used_keys,
    row.used_tuples,
    row.mounts_revision,
    row.zone_id,
  ];
  return tx.keep('zones', row.zone_id, { row, save: { sql: SAVE_ZONE, params }, whole: true });
}

export const findZoneRecord = (tx: Tx, zone_id: string): Promise<ZoneRecord | undefined> =>
  tx.get<ZoneRecord>('SELECT * FROM zones WHERE zone_id = ?', [zone_id]);

export interface NewZone {
  readonly zone_id: string;
  readonly name: string;
  readonly domain: string | null;
  readonly description: string | null;
  readonly limits: string;
  readonly now: number;
}

/** False where the id was given out before, be it to a zone that is gone. */
export async function insertZone(tx: Tx, zone: NewZone): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO zones (zone_id, name, domain, description, phase, limits, seq, seq_at, access_revision, audit_seq,
       used_storage_bytes, used_files, used_keys, used_tuples, oldest_revision, finalizers, created_at, updated_at)
     VALUES (?, ?, ?, ?, 'Active', ?, 0, ?, 1, 0, 0, 0, 0, 0, 0, '{}', ?, ?) ON CONFLICT DO NOTHING`,
    [zone.zone_id, zone.name, zone.domain, zone.description, zone.limits, zone.now, zone.now, zone.now],
  );
  return inserted === 1;
}

export interface ZonePage {
  /** Only this one. */
  readonly zone_id: string | null;
  readonly withTerminated: boolean;
  /** Behind this zone in the order. */
  readonly after: { readonly created_at: number; readonly zone_id: string } | null;
  readonly offset: number;
  readonly limit: number;
}

const listed = (page: Pick<ZonePage, 'zone_id' | 'withTerminated'>): { sql: string; params: SqlValue[] } => ({
  sql: `${page.zone_id === null ? '1 = 1' : 'zone_id = ?'}${page.withTerminated ? '' : " AND phase <> 'Terminated'"}`,
  params: page.zone_id === null ? [] : [page.zone_id],
});

/** Newest first. */
export function listZones(tx: Tx, page: ZonePage): Promise<ZoneRecord[]> {
  const { sql, params } = listed(page);
  const { after } = page;
  const behind = after ? ' AND (created_at < ? OR (created_at = ? AND zone_id < ?))' : '';
  return tx.all<ZoneRecord>(
    `SELECT * FROM zones WHERE ${sql}${behind} ORDER BY created_at DESC, zone_id DESC LIMIT ? OFFSET ?`,
    [...params, ...(after ? [after.created_at, after.created_at, after.zone_id] : []), page.limit, page.offset],
  );
}

export async function countZones(tx: Tx, page: Pick<ZonePage, 'zone_id' | 'withTerminated'>): Promise<number> {
  const { sql, params } = listed(page);
  const row = await tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM zones WHERE ${sql}`, params);
  return row?.n ?? 0;
}

export interface ZoneDescription {
  readonly zone_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly limits: string;
  readonly now: number;
}

export async function describeZone(tx: Tx, zone: ZoneDescription): Promise<void> {
  await tx.run('UPDATE zones SET name = ?, description = ?, limits = ?, updated_at = ? WHERE zone_id = ?', [
    zone.name,
    zone.description,
    zone.limits,
    zone.now,
    zone.zone_id,
  ]);
}

/** From here on nothing of the zone is reachable. */
export async function beginTermination(
  tx: Tx,
  end: { zone_id: string; finalizers: string; now: number },
): Promise<void> {
  await tx.run(
    "UPDATE zones SET phase = 'Terminating', finalizers = ?, deleted_at = ?, updated_at = ? WHERE zone_id = ?",
    [end.finalizers, end.now, end.now, end.zone_id],
  );
}

export async function setFinalizers(tx: Tx, zone_id: string, finalizers: string): Promise<void> {
  await tx.run('UPDATE zones SET finalizers = ? WHERE zone_id = ?', [finalizers, zone_id]);
}

/** What stays is the tombstone: id, name, phase, time of deletion. */
export async function endTermination(tx: Tx, zone_id: string, now: number): Promise<void> {
  await tx.run(
    `UPDATE zones SET phase = 'Terminated', domain = NULL, description = NULL, limits = '{}', finalizers = '{}',
       updated_at = ? WHERE zone_id = ?`,
    [now, zone_id],
  );
}

export async function listTerminating(tx: Tx): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    "SELECT zone_id FROM zones WHERE phase = 'Terminating' ORDER BY zone_id",
  );
  return rows.map((row) => row.zone_id);
}

/** Active zones in the order of their ids, behind one. */
export async function listActive(tx: Tx, page: { after: string; limit: number }): Promise<string[]> {
  const rows = await tx.all<{ zone_id: string }>(
    "SELECT zone_id FROM zones WHERE phase = 'Active' AND zone_id > ? ORDER BY zone_id LIMIT ?",
    [page.after, page.limit],
  );
  return rows.map((row) => row.zone_id);
}

/** What there was before a revision is no longer complete. */
export async function raiseOldestRevision(tx: Tx, zone_id: string, revision: number): Promise<void> {
  await tx.run('UPDATE zones SET oldest_revision = ? WHERE zone_id = ? AND oldest_revision < ?', [
    revision,
    zone_id,
    revision,
  ]);
}

/** All zones that are Active, with the time of the newest event of each. */
export const listNewest = (tx: Tx): Promise<{ readonly zone_id: string; readonly seq_at: number }[]> =>
  tx.all("SELECT zone_id, seq_at FROM zones WHERE phase = 'Active'");

/** Newest event of each of these zones that exists. */
export const listSequences = (
  tx: Tx,
  zones: readonly string[],
): Promise<{ readonly zone_id: string; readonly seq: number }[]> =>
  tx.all(`SELECT zone_id, seq FROM zones WHERE zone_id IN (SELECT value FROM ${tx.dialect.textsOf})`, [
    JSON.stringify(zones),
  ]);
