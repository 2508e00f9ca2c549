/** Rows of mounts and of what is saved to be mounted. */
import type { MountPoint, WriteMode } from '../../core/call/outside.ts';
import type { Tx } from '../../ports/sql.ts';

/** What a mount is to be, as it is stored. */
export interface FormRow {
  readonly zone_id: string;
  readonly mount_point: string;
  readonly backend_type: string;
  /** JSON, without the secrets. */
  readonly config: string;
  readonly secrets: string;
  readonly readonly: number;
  readonly priority: number;
  readonly write_mode: WriteMode;
  readonly sync_interval_seconds: number;
  readonly conflict_strategy: string | null;
  readonly description: string;
  /** `type:id` of who added or saved it. */
  readonly owner: string;
  readonly created_at: number;
}

export type MountStatus = 'active' | 'unreachable';

export interface MountRow extends FormRow {
  readonly mount_id: string;
  readonly store: string;
  readonly place: string;
  readonly can_rename: number;
  readonly has_directories: number;
  readonly tuple_id: string;
  readonly made_directory: number;
  readonly status: MountStatus;
  readonly last_error: string | null;
}

const FORM = [
  'zone_id',
  'mount_point',
  'backend_type',
  'config',
  'secrets',
  'readonly',
  'priority',
  'write_mode',
  'sync_interval_seconds',
  'conflict_strategy',
  'description',
  'owner',
  'created_at',
] as const satisfies readonly (keyof FormRow)[];

const MOUNT = [
  ...FORM,
  'mount_id',
  'store',
  'place',
  'can_rename',
  'has_directories',
  'tuple_id',
  'made_directory',
  'status',
  'last_error',
] as const satisfies readonly (keyof MountRow)[];

export const listMounts = (tx: Tx, zone_id: string): Promise<MountRow[]> =>
  tx.all<MountRow>(`SELECT ${MOUNT.join(', ')} FROM mounts WHERE zone_id = ? ORDER BY mount_point`, [zone_id]);

export const findMount = (tx: Tx, zone_id: string, mount_point: string): Promise<MountRow | undefined> =>
  tx.get<MountRow>(`SELECT ${MOUNT.join(', ')} FROM mounts WHERE zone_id = ? AND mount_point = ?`, [
    zone_id,
    mount_point,
  ]);

export async function insertMount(tx: Tx, row: MountRow): Promise<void> {
  await tx.run(
    `INSERT INTO mounts (${MOUNT.join(', ')}) VALUES (${MOUNT.map(() => '?').join(', ')})`,
    MOUNT.map((column) => row[column]),
  );
}

export const deleteMount = async (tx: Tx, zone_id: string, mount_point: string): Promise<boolean> =>
  (await tx.run('DELETE FROM mounts WHERE zone_id = ? AND mount_point = ?', [zone_id, mount_point])) > 0;

/** Mounts of any zone whose store is this one. */
export const listOfStore = (
  tx: Tx,
  store: string,
): Promise<Pick<MountRow, 'zone_id' | 'mount_point' | 'place' | 'readonly'>[]> =>
  tx.all('SELECT zone_id, mount_point, place, readonly FROM mounts WHERE store = ?', [store]);

/** Who adds a mount holds this until the commit, so that no two overlap each other unseen. */
export async function lockPlaces(tx: Tx): Promise<void> {
  await tx.get(`SELECT zone_id FROM zones WHERE zone_id = 'root'${tx.dialect.forUpdate}`);
}

export async function setStatus(
  tx: Tx,
  mount_id: string,
  seen: { readonly status: MountStatus; readonly last_error: string | null },
): Promise<void> {
  await tx.run('UPDATE mounts SET status = ?, last_error = ? WHERE mount_id = ?', [
    seen.status,
    seen.last_error,
    mount_id,
  ]);
}

export const listSaved = (tx: Tx, zone_id: string): Promise<FormRow[]> =>
  tx.all<FormRow>(`SELECT ${FORM.join(', ')} FROM saved_mounts WHERE zone_id = ? ORDER BY mount_point`, [zone_id]);

export const findSaved = (tx: Tx, zone_id: string, mount_point: string): Promise<FormRow | undefined> =>
  tx.get<FormRow>(`SELECT ${FORM.join(', ')} FROM saved_mounts WHERE zone_id = ? AND mount_point = ?`, [
    zone_id,
    mount_point,
  ]);

export const deleteSaved = async (tx: Tx, zone_id: string, mount_point: string): Promise<boolean> =>
  (await tx.run('DELETE FROM saved_mounts WHERE zone_id = ? AND mount_point = ?', [zone_id, mount_point])) > 0;

export async function replaceSaved(tx: Tx, row: FormRow): Promise<void> {
  await deleteSaved(tx, row.zone_id, row.mount_point);
  await tx.run(
    `INSERT INTO saved_mounts (${FORM.join(', ')}) VALUES (${FORM.map(() => '?').join(', ')})`,
    FORM.map((column) => row[column]),
  );
}

export const toMountPoint = (row: MountRow): MountPoint => ({
  mount_id: row.mount_id,
  mount_point: row.mount_point,
  backend_type: row.backend_type,
  readonly: row.readonly === 1,
  write_mode: row.write_mode,
  rename: row.can_rename === 1,
  directories: row.has_directories === 1,
});
