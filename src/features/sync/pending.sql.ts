/** Changes that a store has not got, as sync looks at them (migration 0050). */
import { ancestorsOf } from '../../base/paths.ts';
import type { Tx } from '../../ports/sql.ts';
import type { PendingRow } from '../mounts/known.sql.ts';

export type Pending = PendingRow;

const COLUMNS = 'path, mount_id, change, base_tag, base_etag, base_size, base_modified_at, since, revision';

export const listPendingOf = (tx: Tx, mount_id: string): Promise<Pending[]> =>
  tx.all<Pending>(`SELECT ${COLUMNS} FROM mount_pending WHERE mount_id = ? ORDER BY path`, [mount_id]);

/** The first of them. */
export const listSomePending = (tx: Tx, mount_id: string, limit: number): Promise<Pending[]> =>
  tx.all<Pending>(`SELECT ${COLUMNS} FROM mount_pending WHERE mount_id = ? ORDER BY path LIMIT ?`, [mount_id, limit]);

export const findPending = (tx: Tx, zone_id: string, path: string): Promise<Pending | undefined> =>
  tx.get<Pending>(`SELECT ${COLUMNS} FROM mount_pending WHERE zone_id = ? AND path = ?`, [zone_id, path]);

export async function dropPending(tx: Tx, zone_id: string, path: string): Promise<void> {
  await tx.run('DELETE FROM mount_pending WHERE zone_id = ? AND path = ?', [zone_id, path]);
}

/** Directories above a path are not to be removed any more: something comes to be in them. */
export async function keepAbove(tx: Tx, zone_id: string, path: string): Promise<void> {
  await tx.run(
    `DELETE FROM mount_pending WHERE zone_id = ? AND change = 'rmdir' AND path IN (SELECT value FROM ${tx.dialect.textsOf})`,
    [zone_id, JSON.stringify(ancestorsOf(path))],
  );
}

interface Rebase {
  readonly zone_id: string;
  readonly mount_id: string;
  readonly path: string;
  /** What the store has; null for nothing. */
  readonly base: {
    readonly tag: string;
    readonly etag: string | null;
    readonly size: number;
    readonly modified_at: number;
  } | null;
}

/** Ours has changed again: what is still to be pushed stands on what the store has now. */
export async function rebase(tx: Tx, { zone_id, mount_id, path, base }: Rebase): Promise<void> {
  await tx.run(
    `UPDATE mount_pending SET base_tag = ?, base_etag = ?, base_size = ?, base_modified_at = ? WHERE zone_id = ? AND path = ? AND mount_id = ?`,
    [base?.tag ?? null, base?.etag ?? null, base?.size ?? null, base?.modified_at ?? null, zone_id, path, mount_id],
  );
}
