/** Rows of zones. The row carries the zone's sequence and its counters, so a write locks it first and ends with it. */
import type { ZoneRow } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';

export interface ZoneRecord extends ZoneRow {
  readonly name: string;
  readonly domain: string | null;
  readonly description: string | null;
  readonly finalizers: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly deleted_at: number | null;
}

const CALL_COLUMNS = `zone_id, phase, limits, seq, seq_at, access_revision, audit_seq, used_storage_bytes, used_files,
  used_keys, used_tuples, oldest_revision`;

/** The zone as a reading call sees it. */
export const findZone = (tx: Tx, zone_id: string): Promise<ZoneRow | undefined> =>
  tx.get<ZoneRow>(`SELECT ${CALL_COLUMNS} FROM zones WHERE zone_id = ?`, [zone_id]);

/** The same, locked against every other writing call of the zone until the transaction ends. */
export const lockZone = (tx: Tx, zone_id: string): Promise<ZoneRow | undefined> =>
  tx.get<ZoneRow>(`SELECT ${CALL_COLUMNS} FROM zones WHERE zone_id = ?${tx.dialect.forUpdate}`, [zone_id]);

/** What a writing call leaves in the zone's row. */
export interface ZoneAfter {
  readonly zone_id: string;
  readonly seq: number;
  readonly seq_at: number;
  readonly access_revision: number;
  readonly audit_seq: number;
  readonly used_storage_bytes: number;
  readonly used_files: number;
  readonly used_keys: number;
  readonly used_tuples: number;
}

export async function updateZoneAfterCall(tx: Tx, after: ZoneAfter): Promise<void> {
  await tx.run(
    `UPDATE zones SET seq = ?, seq_at = ?, access_revision = ?, audit_seq = ?, used_storage_bytes = ?, used_files = ?,
       used_keys = ?, used_tuples = ? WHERE zone_id = ?`,
    [
      after.seq,
      after.seq_at,
      after.access_revision,
      after.audit_seq,
      after.used_storage_bytes,
      after.used_files,
      after.used_keys,
      after.used_tuples,
      after.zone_id,
    ],
  );
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

export async function insertZone(tx: Tx, zone: NewZone): Promise<void> {
  await tx.run(
    `INSERT INTO zones (zone_id, name, domain, description, phase, limits, seq, seq_at, access_revision, audit_seq,
       used_storage_bytes, used_files, used_keys, used_tuples, oldest_revision, finalizers, created_at, updated_at)
     VALUES (?, ?, ?, ?, 'Active', ?, 0, ?, 1, 0, 0, 0, 0, 0, 0, '{}', ?, ?)`,
    [zone.zone_id, zone.name, zone.domain, zone.description, zone.limits, zone.now, zone.now, zone.now],
  );
}
