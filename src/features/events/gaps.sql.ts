/**
 * What restores of the state undid of the log of a zone. Guarantee: a number is given out once, so a client that read on
 * from one that was undone would miss what came instead; numbers of what came instead are larger than all before.
 */
import type { Tx } from '../../ports/sql.ts';

export interface LogGap {
  readonly zone_id: string;
  /** Newest number that is as it was. */
  readonly kept: number;
  /** Number with which the log goes on. The same as `kept` where nothing was undone. */
  readonly behind: number;
  readonly restored_at: number;
}

/** The gap that a number lies in. */
export const findGap = (tx: Tx, zone_id: string, position: number): Promise<LogGap | undefined> =>
  tx.get<LogGap>(
    `SELECT zone_id, kept, behind, restored_at FROM log_gaps
     WHERE zone_id = ? AND kept < ? AND behind > ? ORDER BY behind DESC LIMIT 1`,
    [zone_id, position, position],
  );

/** When the state was last replaced; 0: never. */
export async function findRestoredAt(tx: Tx): Promise<number> {
  return (await tx.get<{ at: number | null }>('SELECT MAX(restored_at) AS at FROM log_gaps'))?.at ?? 0;
}

/** Gaps that came before a number are its past as well; the others are no more. */
export async function saveGap(tx: Tx, { zone_id, kept, behind, restored_at }: LogGap): Promise<void> {
  await tx.run('DELETE FROM log_gaps WHERE zone_id = ? AND behind > ?', [zone_id, kept]);
  await tx.run(
    `INSERT INTO log_gaps (zone_id, kept, behind, restored_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (zone_id, behind) DO UPDATE SET restored_at = excluded.restored_at`,
    [zone_id, kept, behind, restored_at],
  );
}
