/** Rows of restores. `clock` is the time of this machine, which is the database's where both are one. The newest says whether one runs; whoever changes the state in its name holds it locked. */
import type { Tx } from '../../ports/sql.ts';
import { queueTime } from '../jobs/clock.sql.ts';

/** Who makes a restore says so often enough; unless he did for so long, he is gone. */
export const RESTORE_HELD_MS = 6_000;

/** Of the newest restore, whatever became of it; 0 before the first. */
export async function newestEpoch(tx: Tx): Promise<number> {
  return (await tx.get<{ epoch: number }>('SELECT COALESCE(MAX(epoch), 0) AS epoch FROM restores'))?.epoch ?? 0;
}

/** Is there one that runs? Those whose maker is gone are over from now on. */
export async function isRestoring(tx: Tx, clock: number): Promise<boolean> {
  const open = await tx.all<{ epoch: number; held_until: number }>(
    'SELECT epoch, held_until FROM restores WHERE ended_at IS NULL',
  );
  if (open.length === 0) return false;
  const now = await queueTime({ tx, now: clock });
  // A row that is locked is held by the transaction that replaces the state.
  const left = await tx.all<{ epoch: number }>(
    `SELECT epoch FROM restores WHERE ended_at IS NULL AND held_until < ?${tx.dialect.skipLocked}`,
    [now],
  );
  for (const { epoch } of left) await endRestore(tx, { epoch, restored: false, clock });
  return left.length < open.length;
}

/** The epoch of a new one. Undefined, and there is none, while another runs. */
export async function beginRestore(
  tx: Tx,
  { backup_id, clock }: { readonly backup_id: string; readonly clock: number },
): Promise<number | undefined> {
  if (await isRestoring(tx, clock)) return undefined;
  const [epoch, now] = [(await newestEpoch(tx)) + 1, await queueTime({ tx, now: clock })];
  await tx.run('INSERT INTO restores (epoch, backup_id, began_at, held_until, restored) VALUES (?, ?, ?, ?, 0)', [
    epoch,
    backup_id,
    now,
    now + RESTORE_HELD_MS,
  ]);
  return epoch;
}

export async function holdRestore(
  tx: Tx,
  { epoch, clock }: { readonly epoch: number; readonly clock: number },
): Promise<void> {
  await tx.run('UPDATE restores SET held_until = ? WHERE epoch = ? AND ended_at IS NULL', [
    (await queueTime({ tx, now: clock })) + RESTORE_HELD_MS,
    epoch,
  ]);
}

/** Nobody else says that it is over until the transaction ends. False where somebody has. */
export async function lockRestore(tx: Tx, epoch: number): Promise<boolean> {
  const row = await tx.get(`SELECT epoch FROM restores WHERE epoch = ? AND ended_at IS NULL${tx.dialect.forUpdate}`, [
    epoch,
  ]);
  return row !== undefined;
}

export async function endRestore(
  tx: Tx,
  { epoch, restored, clock }: { readonly epoch: number; readonly restored: boolean; readonly clock: number },
): Promise<void> {
  await tx.run('UPDATE restores SET ended_at = ?, restored = ? WHERE epoch = ? AND ended_at IS NULL', [
    await queueTime({ tx, now: clock }),
    restored ? 1 : 0,
    epoch,
  ]);
}
